package gsm

import (
	"cmp"
	"slices"
)

// maxHeld bounds what is handed over and not settled. What is beyond that waits in
// its memory.
const maxHeld = 256

// slot is where a message lies. One that was routed lies nowhere: its memory is "".
type slot struct {
	memory string
	index  int
}

// held is a message that was handed over, or that is to be deleted.
type held struct {
	raw     string // what the modem wrote
	state   holding
	present bool   // it was seen at its place since the last bring-up
	gone    func() // to be called when it is deleted; may be nil
}

type holding uint8

const (
	given     holding = iota // handed over, and not settled
	returned                 // not committed: to be handed over again
	committed                // to be deleted
)

// slots remembers what lies where and who has it. It outlives sessions: after a
// restart the same message at the same place is not handed over twice, and
// nothing is deleted before it was seen there again, for there may be another SIM
// by then.
type slots struct {
	held map[slot]*held
}

// begin forgets what is where, and not what was said of it. What lies in a memory
// that is not swept any more cannot be found again.
func (t *slots) begin(memories []string) {
	for at, h := range t.held {
		h.present = false
		if at.memory != "" && !slices.Contains(memories, at.memory) {
			delete(t.held, at)
		}
	}
}

// see takes what lies in a slot, and reports whether it is to be handed over.
func (t *slots) see(at slot, raw string) bool {
	h := t.held[at]
	if h != nil && h.raw == raw {
		h.present = true
		if h.state != returned {
			return false
		}
		h.state = given
		return true
	}
	if h == nil && len(t.held) >= maxHeld {
		return false
	}
	t.held[at] = &held{raw: raw, present: true}
	return true
}

// listed says that a memory has these slots and no others: what was elsewhere in
// it is gone.
func (t *slots) listed(memory string, there map[int]bool) {
	for at := range t.held {
		if at.memory == memory && !there[at.index] {
			delete(t.held, at)
		}
	}
}

// settle takes what an owner said of a message that still lies where it was.
func (t *slots) settle(s settlement) {
	h := t.held[s.slot]
	if h == nil || h.raw != s.raw || h.state != given {
		return
	}
	h.state = returned
	if s.committed {
		h.state, h.gone = committed, s.gone
	}
}

// deleted forgets a message that the modem says it has deleted.
func (t *slots) deleted(at slot) {
	if h := t.held[at]; h != nil && h.gone != nil {
		h.gone()
	}
	delete(t.held, at)
}

// deletable returns what is committed and known to lie where it was, by memory.
func (t *slots) deletable() []slot {
	var list []slot
	for at, h := range t.held {
		if h.state == committed && h.present {
			list = append(list, at)
		}
	}
	slices.SortFunc(list, func(a, b slot) int {
		return cmp.Or(cmp.Compare(a.memory, b.memory), cmp.Compare(a.index, b.index))
	})
	return list
}
