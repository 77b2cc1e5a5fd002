package api

import (
	"net/http"
	"sync"
	"time"

	"smsbridge/gateway"
)

// PresenceBody says what one is doing with a conversation.
type PresenceBody struct {
	State string `json:"state" enum:"looking,typing,gone"`
}

const (
	// presenceFor is how long others may take what somebody said for true. Clients
	// say it again before that.
	presenceFor = 20 * time.Second
	// presenceEvery is how often the same is passed on.
	presenceEvery = 3 * time.Second
	maxPresences  = 4096 // that are remembered
)

// presences remembers what was lately passed on, so that a client that says the
// same with each key press costs others nothing. Safe for concurrent use.
type presences struct {
	mu   sync.Mutex
	last map[presenceKey]presenceState
}

type presenceKey struct{ person, conversation gateway.ID }

type presenceState struct {
	state string
	at    time.Time
}

// news tells whether a state is worth passing on.
func (p *presences) news(k presenceKey, state string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last := p.last[k]; last.state == state && now.Sub(last.at) < presenceEvery {
		return false
	}
	if p.last == nil || len(p.last) >= maxPresences {
		p.last = map[presenceKey]presenceState{}
	}
	p.last[k] = presenceState{state, now}
	return true
}

func (a *API) presenceRoutes() {
	write[nothing, struct {
		ByID
		Body PresenceBody
	}](a, http.MethodPost, "/conversations/{id}/presence", http.StatusNoContent,
		"Tell the streams of others who see it that one is looking or typing; say it again every 10 s", a.setPresence)
}

// setPresence tells those who see a conversation who else does. It is not stored
// and changes nothing.
func (a *API) setPresence(w http.ResponseWriter, r *http.Request, c *caller) error {
	if err := c.needsPerson(); err != nil {
		return err
	}
	var in PresenceBody
	if err := decode(r, &in); err != nil {
		return err
	}
	if in.State != "looking" && in.State != "typing" && in.State != "gone" {
		return invalid("body.state", "want looking, typing or gone")
	}
	found, err := a.visibleConversation(r.Context(), c, r.PathValue("id"))
	if err != nil {
		return err
	}
	now := time.Now()
	if a.presences.news(presenceKey{c.actor.ID, found.ID}, in.State, now) {
		view, number, me := found.View(), found.Number, c.actor.ID
		a.hub.pass(&passing{frame: presenceFrame(found.ID, c.actor, in.State, now), audience: func(other *caller) bool {
			return other.actor.ID != me && other.sees(view, number)
		}})
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// presenceFrame is what streams carry of it.
func presenceFrame(id gateway.ID, who gateway.Actor, state string, now time.Time) []byte {
	return passingFrame("conversation.presence", now, func(b []byte) []byte {
		b = append(b, `"conversation":{"id":`...)
		b = appendID(b, id)
		b = append(b, `},"who":`...)
		b = appendNamed(b, who.ID, who.Name)
		b = append(b, `,"state":`...)
		b = appendString(b, state)
		b = append(b, `,"until":`...)
		return appendTime(b, now.Add(presenceFor))
	})
}

// passAvailability tells everybody's streams that somebody has said that they are
// available or away, for lists of whom to transfer to. Of lost connections no
// stream tells: GET /agents does.
func (a *API) passAvailability(who gateway.ID) {
	p, ok := a.dir.Person(who)
	if !ok {
		return
	}
	state, since := a.router.Availability(who)
	frame := passingFrame("agent.availability", time.Now(), func(b []byte) []byte {
		b = append(b, `"agent":{"id":`...)
		b = appendID(b, who)
		b = append(b, `,"name":`...)
		b = appendString(b, p.Name)
		b = append(b, `,"extension":`...)
		b = appendString(b, p.Extension)
		b = append(b, `},"availability":`...)
		b = appendString(b, string(state))
		b = append(b, `,"since":`...)
		return appendTime(b, since)
	})
	a.hub.pass(&passing{frame: frame, audience: (*caller).person})
}
