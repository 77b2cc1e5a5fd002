package gsmsim

import (
	"sync"
	"time"
)

// clock calls functions later. Its owner stops it, which forgets what is not yet
// due and waits for what runs.
type clock struct {
	mu      sync.Mutex
	stopped bool
	timers  map[*time.Timer]struct{}
	running sync.WaitGroup
}

func newClock() *clock { return &clock{timers: map[*time.Timer]struct{}{}} }

// after calls f in a goroutine of its own, unless the clock is stopped by then.
func (c *clock) after(d time.Duration, f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(d, func() {
		c.mu.Lock()
		_, due := c.timers[timer]
		delete(c.timers, timer)
		if !due || c.stopped {
			c.mu.Unlock()
			return
		}
		c.running.Add(1)
		c.mu.Unlock()
		defer c.running.Done()
		f()
	})
	c.timers[timer] = struct{}{}
}

func (c *clock) stop() {
	c.mu.Lock()
	c.stopped = true
	for timer := range c.timers {
		timer.Stop()
	}
	clear(c.timers)
	c.mu.Unlock()
	c.running.Wait()
}
