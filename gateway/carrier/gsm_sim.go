package carrier

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"smsbridge/gateway/store"
	"smsbridge/gsm"
)

// sim counts what a SIM sends, so that its operator does not block it, and knows
// when it has been refused too often. What it has sent outlives the process and a
// change of modems.
type sim struct {
	db     *store.DB
	limits gsm.Limits

	mu        sync.Mutex
	iccid     string
	day       period
	month     period
	recent    []time.Time // sent within the last minute
	next      time.Time   // jitter: not before
	refusals  int         // in a row, by the network on the SIM's account
	suspended string
	kept      string // what is stored of that
}

// period is how much was sent on a day or in a month, in UTC.
type period struct {
	name string
	sent int
}

func (p *period) at(name string) *period {
	if p.name != name {
		*p = period{name: name}
	}
	return p
}

func dayOf(t time.Time) string   { return t.UTC().Format("2006-01-02") }
func monthOf(t time.Time) string { return t.UTC().Format("2006-01") }

// simOf names a SIM: one whose number cannot be read goes by its modem, as for
// PINs (gsm.Options).
func simOf(i gsm.Info) string {
	if i.ICCID == "" && i.IMEI != "" {
		return "imei-" + i.IMEI
	}
	return i.ICCID
}

// simState is under which name a SIM's own state is kept.
func simState(iccid string) string { return "sim:" + iccid }

// load reads what a SIM has sent, when it is first seen or is another one.
func (s *sim) load(ctx context.Context, iccid string) error {
	s.mu.Lock()
	same := s.iccid == iccid
	s.mu.Unlock()
	if same || iccid == "" {
		return nil
	}
	kept := map[string]string{"day": "", "month": "", "minute": "", "suspended": ""}
	if err := s.db.Update(ctx, func(tx *store.Tx) (err error) {
		for name := range kept {
			if kept[name], err = tx.CarrierState(simState(iccid), name); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return fmt.Errorf("what the SIM has sent: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.iccid, s.day, s.month, s.recent = iccid, parsePeriod(kept["day"]), parsePeriod(kept["month"]), parseTimes(kept["minute"])
	s.refusals, s.suspended, s.kept = 0, kept["suspended"], kept["suspended"]
	return nil
}

func parsePeriod(s string) period {
	name, count, _ := strings.Cut(s, " ")
	n, _ := strconv.Atoi(count) // nothing there is none
	return period{name, n}
}

func (p period) String() string { return p.name + " " + strconv.Itoa(p.sent) }

func parseTimes(s string) []time.Time {
	var all []time.Time
	for _, f := range strings.Fields(s) {
		if ns, err := strconv.ParseInt(f, 36, 64); err == nil {
			all = append(all, time.Unix(0, ns))
		}
	}
	return all
}

func formatTimes(all []time.Time) string {
	var b strings.Builder
	for _, t := range all {
		b.WriteString(strconv.FormatInt(t.UnixNano(), 36) + " ")
	}
	return b.String()
}

// keptMinute bounds what is stored of the last minute, beside each text.
const keptMinute = 120

// count records, before it is sent, that the SIM sends one more.
func (s *sim) count(ctx context.Context, now time.Time) error {
	s.mu.Lock()
	iccid := s.iccid
	s.day.at(dayOf(now)).sent++
	s.month.at(monthOf(now)).sent++
	s.recent = append(s.since(now), now)
	minute := ""
	if l := s.limits.PerMinute; l > 0 {
		// Evenly, but not as a machine does: between half the usual distance and once and a half.
		usual := time.Minute / time.Duration(l)
		if busy := len(s.recent) > l/2; busy {
			s.next = now.Add(usual/2 + rand.N(usual+1))
		}
		if l <= keptMinute {
			minute = formatTimes(s.recent)
		}
	}
	day, month := s.day.String(), s.month.String()
	s.mu.Unlock()
	return s.db.Update(ctx, func(tx *store.Tx) error {
		if minute != "" {
			if err := tx.SetCarrierState(simState(iccid), "minute", minute); err != nil {
				return err
			}
		}
		if err := tx.SetCarrierState(simState(iccid), "day", day); err != nil {
			return err
		}
		return tx.SetCarrierState(simState(iccid), "month", month)
	})
}

// uncount takes the last one back, which was certainly not sent. It is stored with
// the next.
func (s *sim) uncount(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range []*period{s.day.at(dayOf(at)), s.month.at(monthOf(at))} {
		p.sent = max(0, p.sent-1)
	}
	s.recent = s.recent[:max(0, len(s.recent)-1)]
	s.next = time.Time{}
}

// keep stores that the SIM is suspended, or is no longer: a restart does not end
// that.
func (s *sim) keep(ctx context.Context) error {
	s.mu.Lock()
	iccid, now, kept := s.iccid, s.suspended, s.kept
	s.mu.Unlock()
	if now == kept {
		return nil
	}
	err := s.db.Update(ctx, func(tx *store.Tx) error { return tx.SetCarrierState(simState(iccid), "suspended", now) })
	if err != nil {
		return fmt.Errorf("that the SIM is suspended: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.iccid == iccid {
		s.kept = now
	}
	return nil
}

// since returns those of the last minute.
func (s *sim) since(now time.Time) []time.Time {
	i := 0
	for i < len(s.recent) && now.Sub(s.recent[i]) >= time.Minute {
		i++
	}
	return s.recent[i:]
}

// wait tells how long the SIM is to send nothing, and why; 0: it may now.
func (s *sim) wait(now time.Time) (time.Duration, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.suspended != "" {
		return time.Hour, s.suspended
	}
	if l := s.limits.PerMonth; l > 0 && s.month.at(monthOf(now)).sent >= l {
		next := time.Date(now.UTC().Year(), now.UTC().Month()+1, 1, 0, 0, 0, 0, time.UTC)
		return next.Sub(now), fmt.Sprintf("the SIM has sent the %d texts that it may this month", l)
	}
	if l := s.limits.PerDay; l > 0 && s.day.at(dayOf(now)).sent >= l {
		next := now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
		return next.Sub(now), fmt.Sprintf("the SIM has sent the %d texts that it may today", l)
	}
	if l := s.limits.PerMinute; l > 0 {
		if recent := s.since(now); len(recent) >= l {
			return recent[len(recent)-l].Add(time.Minute).Sub(now), fmt.Sprintf("the SIM sends %d texts a minute", l)
		}
	}
	return max(0, s.next.Sub(now)), ""
}

// paced tells whether there will be a wait after those that are held.
func (s *sim) paced(now time.Time, held int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.limits.PerMinute
	return l > 0 && len(s.since(now))+held >= l/2
}

// blocked says why the SIM sends nothing for longer than a minute; "" if it does.
func (s *sim) blocked() string {
	if wait, why := s.wait(time.Now()); wait > time.Minute {
		return why
	}
	return ""
}

// headroom is how many more it may send before the next of its limits.
func (s *sim) headroom(now time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.suspended != "" {
		return 0
	}
	room := 1 << 20
	if l := s.limits.PerDay; l > 0 {
		room = min(room, l-s.day.at(dayOf(now)).sent)
	}
	if l := s.limits.PerMonth; l > 0 {
		room = min(room, l-s.month.at(monthOf(now)).sent)
	}
	return max(0, room)
}

// refused counts a refusal on the SIM's account; after limit in a row it is
// suspended, until somebody resumes it. It reports whether it is now.
func (s *sim) refused(limit int, why string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusals++
	if s.refusals < limit || s.suspended != "" {
		return false
	}
	s.suspended = fmt.Sprintf("the network has refused the SIM's texts %d times in a row (%s): look after the SIM, then resume", s.refusals, why)
	return true
}

func (s *sim) accepted() {
	s.mu.Lock()
	s.refusals = 0
	s.mu.Unlock()
}

func (s *sim) release() {
	s.mu.Lock()
	s.refusals, s.suspended = 0, ""
	s.mu.Unlock()
}

func (s *sim) suspension() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.suspended
}

// sent tells what counts now.
func (s *sim) sent(now time.Time) (minute, day, month int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.since(now)), s.day.at(dayOf(now)).sent, s.month.at(monthOf(now)).sent
}
