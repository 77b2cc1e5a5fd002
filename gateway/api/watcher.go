package api

// watcher is what the hub knows of a stream. The hub's mutex guards it.
type watcher struct {
	who    *caller
	wake   chan struct{} // has room for one, as has plenty
	plenty chan struct{} // so much has come that it is to be written at once
	in     []*group
	// What the stream may have to show: these entries and, if it reads on, all from
	// position to the ring's end. Those may have left the ring.
	marks    []*entry
	reads    bool
	position int64
	checked  int64 // the ring's end when the stream last came
}

func newWatcher() *watcher {
	return &watcher{wake: make(chan struct{}, 1), plenty: make(chan struct{}, 1)}
}

func (w *watcher) mark(e *entry) {
	switch n := len(w.marks); {
	case w.reads || n > 0 && w.marks[n-1] == e:
	case n == maxMarks:
		w.readFrom(e.position)
	default:
		w.marks = append(w.marks, e)
		if n == 0 {
			rouse(w.wake)
		} else if n == plenty {
			rouse(w.plenty)
		}
	}
}

func (w *watcher) readFrom(position int64) {
	switch {
	case !w.reads:
		w.reads, w.position = true, position
		rouse(w.wake)
	case position-w.position >= plenty:
		rouse(w.plenty)
	}
}

func rouse(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
