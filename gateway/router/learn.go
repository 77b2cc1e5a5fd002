package router

import (
	"context"
	"encoding/json"

	"smsbridge/gateway/store"
)

// learning is what has been learnt of the form in which a carrier's receipts
// give ids. It belongs to the committer; a copy of it is shown to people.
type learning struct {
	Form    string         `json:"form"`    // "" while nothing is known
	Matches map[string]int `json:"matches"` // unambiguous ones, by form
}

const (
	learnAfter = 3  // unambiguous matches
	learnRatio = 20 // to one of any other form
)

// learn takes note of unambiguous matches, once they are committed.
func (p *pump) learn(forms []string) {
	now := learning{Matches: map[string]int{}}
	if was := p.ids.Load(); was != nil {
		now.Form = was.Form
		for form, n := range was.Matches {
			now.Matches[form] = n
		}
	}
	for _, form := range forms {
		now.Matches[form]++
	}
	if p.line.Form == "" {
		before := now.Form
		now.Form = now.best()
		if now.Form != before {
			p.learnt.Store(true)
			p.log.Info("the ids of receipts were recognised", "form", now.Form, "was", before)
		}
	}
	p.ids.Store(&now)
}

// best is the form that has been seen often enough, and hardly any other. An id
// without letters is the same in either case, and one without room for zeros with
// or without them: such ids say nothing against these forms.
func (l *learning) best() string {
	best, all := "", 0
	for form, n := range l.Matches {
		if form != rawForm && (best == "" || n > l.Matches[best]) {
			best = form
		}
		all += n
	}
	raw, n := l.Matches[rawForm], l.Matches[best]
	against := all - n
	if best == "case" || best == "zeros" {
		against -= raw
	}
	if n >= learnAfter && n >= learnRatio*against {
		return best
	}
	if raw >= learnAfter && raw >= learnRatio*(all-raw) {
		return rawForm
	}
	return l.Form
}

const idFormState = "message_id"

// keepLearnt stores what was learnt, where it is news.
func (p *pump) keepLearnt(ctx context.Context) error {
	if !p.learnt.Swap(false) {
		return nil
	}
	text, err := json.Marshal(p.ids.Load())
	if err != nil {
		return err
	}
	err = p.r.db.Update(ctx, func(tx *store.Tx) error { return tx.SetCarrierState(p.line.Name, idFormState, string(text)) })
	if err != nil {
		p.learnt.Store(true)
	}
	return err
}

// recall reads what was learnt in earlier runs.
func (p *pump) recall(tx *store.Tx) (*learning, error) {
	l := &learning{Form: p.line.Form, Matches: map[string]int{}}
	if p.line.Form != "" {
		return l, nil
	}
	text, err := tx.CarrierState(p.line.Name, idFormState)
	if err != nil || text == "" {
		return l, err
	}
	return l, json.Unmarshal([]byte(text), l)
}
