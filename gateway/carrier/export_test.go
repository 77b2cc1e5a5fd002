package carrier

import "time"

// SetFailBack shortens the time after which an earlier host is tried. It comes
// before Run.
func (c *SMPP) SetFailBack(d time.Duration) { c.failBack = d }
