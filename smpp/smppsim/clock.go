package smppsim

import (
	"container/heap"
	"sync"
	"time"
)

// clock runs functions later, in the order in which they are due, on the one
// goroutine that is in run. Those who call after bound how many wait.
type clock struct {
	mu    sync.Mutex
	queue dueQueue
	count uint64
	wake  chan struct{} // of one element: the head of queue has changed
}

type due struct {
	at time.Time
	n  uint64 // keeps those of one instant in order
	f  func()
}

func newClock() *clock { return &clock{wake: make(chan struct{}, 1)} }

// after has f called d from now. f does not block.
func (c *clock) after(d time.Duration, f func()) {
	c.mu.Lock()
	c.count++
	n := c.count
	heap.Push(&c.queue, due{time.Now().Add(d), n, f})
	first := c.queue[0].n == n
	c.mu.Unlock()
	if first {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
}

// run calls what is due until done is closed; what is not yet due is forgotten.
func (c *clock) run(done <-chan struct{}) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		f, wait := c.next()
		if f != nil {
			f()
			select {
			case <-done:
				return
			default:
			}
			continue
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-c.wake:
		case <-done:
			return
		}
	}
}

// next returns a function that is due, or how long to wait for the first.
func (c *clock) next() (func(), time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		return nil, time.Hour
	}
	if wait := time.Until(c.queue[0].at); wait > 0 {
		return nil, wait
	}
	return heap.Pop(&c.queue).(due).f, 0
}

// dueQueue is a heap.Interface.
type dueQueue []due

func (q dueQueue) Len() int { return len(q) }

func (q dueQueue) Less(i, j int) bool {
	if !q[i].at.Equal(q[j].at) {
		return q[i].at.Before(q[j].at)
	}
	return q[i].n < q[j].n
}

func (q dueQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

func (q *dueQueue) Push(x any) { *q = append(*q, x.(due)) }

func (q *dueQueue) Pop() any {
	old := *q
	last := old[len(old)-1]
	old[len(old)-1] = due{}
	*q = old[:len(old)-1]
	return last
}
