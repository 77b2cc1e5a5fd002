package router

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// Limits keep a stolen token or password from emptying an account. 0 is no limit.
type Limits struct {
	AgentPerMinute int // texts of one person
	TokenPerDay    int // segments of one token in a day (UTC), where it has no limit of its own
}

// The kinds of limits, for metrics.
const (
	capAgent = "agent"
	capToken = "token"
)

// limits are Limits with what has been used of them.
type limits struct {
	Limits
	// The committer's: people's rates, and what the present transaction takes of
	// them, which counts once it is committed: it may run again.
	agents map[gateway.ID]*rate.Limiter
	tx     *store.Tx
	taken  map[gateway.ID]int

	mu   sync.Mutex
	told map[gateway.ID]time.Time // whose limit was last reached, and told of
}

// maxAgentLimits bounds the people whose rates are remembered. Who is forgotten
// begins with a full minute.
const maxAgentLimits = 10_000

// withinLimits refuses a person who writes faster than they may, and a program
// that has sent as much as it may today or texts whom it may not. It counts what
// it lets through.
func (r *Router) withinLimits(tx *store.Tx, by gateway.Actor, to gateway.Address, segments int) error {
	switch by.Kind {
	case gateway.ActorPerson:
		return r.limits.agent(tx, by)
	case gateway.ActorProgram:
		if len(by.AllowTo) > 0 && !slices.ContainsFunc(by.AllowTo, func(p string) bool { return strings.HasPrefix(to.Value, p) }) {
			return &gateway.Refusal{Code: gateway.NotAllowed,
				Text: fmt.Sprintf("This token may text only numbers that begin with %s.", strings.Join(by.AllowTo, ", "))}
		}
		perDay := by.PerDay
		if perDay == 0 {
			perDay = r.limits.TokenPerDay
		}
		if perDay <= 0 {
			return nil
		}
		now := tx.Now()
		n, err := tx.SentOn(by.ID, now)
		if err != nil {
			return err
		}
		if n+segments > perDay {
			tomorrow := now.Truncate(24 * time.Hour).Add(24 * time.Hour)
			return &gateway.Refusal{Code: gateway.RateLimited, Cap: capToken, RetryAfter: tomorrow.Sub(now),
				Text: fmt.Sprintf("This token has sent %d of the %d segments that it may send today (UTC).", n, perDay)}
		}
		return tx.AddSentOn(by.ID, now, segments)
	}
	return nil
}

// agent takes one text from a person's rate.
func (l *limits) agent(tx *store.Tx, by gateway.Actor) error {
	if l.AgentPerMinute <= 0 {
		return nil
	}
	if l.tx != tx {
		l.tx, l.taken = tx, map[gateway.ID]int{}
	}
	now := tx.Now()
	limiter := l.agents[by.ID]
	if limiter == nil {
		if l.agents == nil || len(l.agents) >= maxAgentLimits {
			l.agents = map[gateway.ID]*rate.Limiter{}
		}
		limiter = rate.NewLimiter(rate.Limit(l.AgentPerMinute)/60, l.AgentPerMinute)
		l.agents[by.ID] = limiter
	}
	if limiter.TokensAt(now) < float64(l.taken[by.ID]+1) {
		return &gateway.Refusal{Code: gateway.RateLimited, Cap: capAgent, RetryAfter: max(time.Second, time.Minute/time.Duration(l.AgentPerMinute)),
			Text: fmt.Sprintf("You have sent %d texts within a minute, as many as one person may.", l.AgentPerMinute)}
	}
	l.taken[by.ID]++
	tx.AfterCommit(func() { limiter.AllowN(now, 1) })
	return nil
}

// tellEvery is how often operators are told that one and the same limit is
// reached.
const tellEvery = time.Hour

// limitReached counts a refusal, and tells operators of it now and then.
func (r *Router) limitReached(ctx context.Context, by gateway.Actor, refusal *gateway.Refusal) {
	r.metrics.caps.WithLabelValues(refusal.Cap).Inc()
	now := time.Now()
	r.limits.mu.Lock()
	fresh := now.Sub(r.limits.told[by.ID]) >= tellEvery
	if fresh {
		if r.limits.told == nil || len(r.limits.told) >= maxAgentLimits {
			r.limits.told = map[gateway.ID]time.Time{}
		}
		r.limits.told[by.ID] = now
	}
	r.limits.mu.Unlock()
	if !fresh {
		return
	}
	r.log.Warn("somebody has sent as much as they may", "who", by.Name, "id", by.ID, "limit", refusal.Cap)
	err := r.db.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		tx.Emit(gateway.Event{Type: gateway.EventLimitReached, By: by.ID, ByName: by.Name, Note: refusal.Text})
		return nil
	})
	if err != nil {
		r.log.Error("an event was not written", "error", err)
	}
}
