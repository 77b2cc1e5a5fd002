package smpp

import (
	"fmt"
	"time"
)

// RelativeTime writes d as a validity_period that counts from the receipt by the
// SMSC (SMPP 3.4 §7.1.1.2), in whole seconds: no clock or zone of theirs matters.
// The format's months and years have no length of their own and are taken as 30
// and 365 days. What is not positive is "", the SMSC's default.
func RelativeTime(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	const day = 24 * time.Hour
	d = min(max(d, time.Second), 99*365*day)
	years, d := d/(365*day), d%(365*day)
	months := min(d/(30*day), 11)
	d -= months * 30 * day
	return fmt.Sprintf("%02d%02d%02d%02d%02d%02d000R", years, months, min(d/day, 30), d/time.Hour%24, d/time.Minute%60, d/time.Second%60)
}
