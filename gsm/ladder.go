package gsm

import "time"

// Level is how hard a modem is shaken to make it work again.
type Level uint8

const (
	LevelEscape Level = iota // ESC and AT, until the answers fit
	LevelRadio               // off and on (+CFUN): it registers anew
	LevelReset               // the modem starts anew
	LevelPower               // the owner's callback: USB reset, or the power of the port
)

var levelNames = [...]string{"escape", "radio", "reset", "power"}

// String returns the level in one word, for logs and metrics.
func (l Level) String() string { return levelNames[l] }

// perHour bounds how often each level is used without being asked to. A modem
// that a dozen resets do not cure is not cured by more, and a SIM that registers
// again and again is one that operators notice.
var perHour = [...]int{LevelEscape: 60, LevelRadio: 4, LevelReset: 3, LevelPower: 3}

// ladderPeriod is how long an attempt counts: trouble within it calls for the
// next level.
const ladderPeriod = 30 * time.Minute

// ladder decides on the level that trouble calls for.
type ladder struct {
	last Level // used at
	at   time.Time
	used [len(levelNames)][]time.Time
}

// climb returns the level for trouble at now: at least from, above what was tried
// within ladderPeriod, and not above top. It is false where that was used as
// often as it may.
func (l *ladder) climb(now time.Time, from, top Level) (Level, bool) {
	level := from
	if !l.at.IsZero() && now.Sub(l.at) < ladderPeriod && l.last >= level {
		level = l.last + 1
	}
	for level = min(level, top); ; level-- {
		if l.count(now, level) < perHour[level] {
			l.use(now, level)
			return level, true
		}
		if level <= from {
			return 0, false
		}
	}
}

// use records that a level is used.
func (l *ladder) use(now time.Time, level Level) {
	l.last, l.at = level, now
	l.used[level] = append(l.used[level], now)
}

// count returns how often a level was used within the hour.
func (l *ladder) count(now time.Time, level Level) int {
	u := l.used[level]
	for len(u) > 0 && now.Sub(u[0]) >= time.Hour {
		u = u[1:]
	}
	l.used[level] = u
	return len(u)
}

// well says that the modem works: the next trouble begins below again.
func (l *ladder) well() { l.last, l.at = 0, time.Time{} }
