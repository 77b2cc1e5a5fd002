package smppsim

import "slices"

// assembly joins the parts of longer texts. Of more than maxOpenTexts that miss a
// part, the oldest is forgotten.
type assembly struct {
	sets   map[textKey]*partSet
	opened []opening // in this order; also of sets that are complete
	count  uint64
}

// textKey tells the texts that are open at the same time apart (3GPP TS 23.040
// §9.2.3.24.1).
type textKey struct {
	account, from, to string
	reference         uint16
	wide              bool
	total             uint8
}

type partSet struct {
	payloads [][]byte
	ids      []string // "" where the part is missing
	missing  int
	n        uint64 // of its opening
}

type opening struct {
	key textKey
	n   uint64
}

func newAssembly() assembly { return assembly{sets: make(map[textKey]*partSet)} }

// add takes a part in and returns its set when that is complete, which is then
// forgotten. A part that is there already is replaced.
func (a *assembly) add(key textKey, number uint8, payload []byte, id string) *partSet {
	set := a.sets[key]
	if set == nil {
		set = a.openSet(key)
	}
	i := number - 1
	if set.ids[i] == "" {
		set.missing--
	}
	set.payloads[i], set.ids[i] = payload, id
	if set.missing > 0 {
		return nil
	}
	delete(a.sets, key)
	return set
}

func (a *assembly) openSet(key textKey) *partSet {
	if len(a.opened) >= 2*maxOpenTexts {
		a.opened = slices.DeleteFunc(a.opened, func(o opening) bool { return !a.isOpen(o) })
	}
	for len(a.sets) >= maxOpenTexts {
		if a.isOpen(a.opened[0]) {
			delete(a.sets, a.opened[0].key)
		}
		a.opened = a.opened[1:]
	}
	a.count++
	total := int(key.total)
	set := &partSet{payloads: make([][]byte, total), ids: make([]string, total), missing: total, n: a.count}
	a.sets[key] = set
	a.opened = append(a.opened, opening{key, a.count})
	return set
}

func (a *assembly) isOpen(o opening) bool {
	set, ok := a.sets[o.key]
	return ok && set.n == o.n
}
