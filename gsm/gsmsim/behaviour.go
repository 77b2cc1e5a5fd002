package gsmsim

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Times is how often something happens from now on: 0 is never, Always always,
// and n the next n times.
type Times int

// Always is without end.
const Always Times = -1

// take says whether it happens now, and counts.
func (t *Times) take() bool {
	switch {
	case *t == 0:
		return false
	case *t > 0:
		*t--
	}
	return true
}

// Registration is what a modem knows of its network (TS 27.007 §7.2).
type Registration int

const (
	Home Registration = iota
	Roaming
	Searching
	Denied
	NoNetwork
)

// stat is the number in +CREG.
func (r Registration) stat() int { return [...]int{1, 5, 2, 3, 0}[r] }

// Behaviour is what is odd about a modem and about where it is. The zero value is
// a good modem at home. [Modem.Set] changes it while the modem runs.
type Behaviour struct {
	// How it talks.
	Silent      bool          // reads commands, and neither echoes, performs nor answers them
	NotReading  bool          // reads nothing: who writes to it blocks once the line is full, after some kilobytes
	Echo        bool          // echoes whatever ATE0 says
	Delay       time.Duration // before each answer; the next command waits
	Jitter      time.Duration // up to so much more
	Noise       bool          // unsolicited lines come before, within and after answers
	NoiseEvery  time.Duration // and so often by themselves; 0 is never
	Garbage     Times         // octets that mean nothing come before an answer
	Flood       Times         // 64 KiB without an end of line come before an answer
	SplitWrites int           // octets a write; 0 is all at once
	WriteGap    time.Duration // between such writes; a millisecond when zero
	Baud        int           // bits a second, at any other speed both sides read garbage; 0 is any speed
	CRCRLF      bool          // lines end with two carriage returns, as some SIMCom's do
	NoSpace     bool          // no blank follows the colon: +CMTI:"SM",3
	TextErrors  bool          // errors are words, as with +CMEE=2
	Prompt      string        // "\r\n> " when empty
	NeedPortSel bool          // mute until AT^PORTSEL=1, as the Huawei E173 after each start

	// Where it is, and its SIM.
	Registration Registration
	Flap         time.Duration // the registration comes and goes so often; 0 is never
	RegisterTime time.Duration // it searches so long after a start, the PIN and +CFUN=1
	Signal       int           // +CSQ's 1 to 31; 0 is 20; 99 is unknown
	NoSIM        bool          // +CME ERROR: 10
	NeedPUK      bool          // the PIN is used up: switching it on spends the tries that are left
	SIMBusy      Times         // what needs the SIM is answered +CMS ERROR: 314 or +CME ERROR: 14
	NoSMSC       bool          // +CSCA is empty and sends fail with 330, until one is written
	StaleSMSC    bool          // sends fail with 330 until +CSCA is written, though it can be read: the Huawei E220

	// Texts that come in, and reports.
	LoseCMTI        Times // stored, and not announced
	CMTINoIndex     Times // +CMTI: ,-1
	CMTIWrongMemory Times // +CMTI names another memory than the one it is in
	CDSIWrongMemory Times // +CDSI names another memory than the one it is in
	NoReports       bool  // status reports are dropped
	RefuseCSMS      bool  // +CSMS lists and takes 0 alone, as that of the Quectel M26
	RefuseCNMI      bool  // +CNMI= is refused whatever it says
	RefuseReports   []int // values of +CNMI's <ds> that +CNMI=? lists and +CNMI= refuses
	RequireCNMA     bool  // routed texts want +CNMA also without +CSMS=1
	// AckTimeout is how long +CNMA may take before routing is switched off (TS
	// 27.005 §3.4.4) and the network sends again; 15 s when zero.
	AckTimeout  time.Duration
	StorageFull bool // no memory has room

	// Sending.
	NoPrompt    Times // +CMGS is answered OK instead of with a prompt
	NoReference Times // it is sent and answered OK without +CMGS
	BadProfile  bool  // sends fail with +CMS ERROR: 500 until AT&F, as the SIM7600 with a stored profile
	SendError   int   // each send fails with this +CMS ERROR; 0 is none

	// Starting again.
	BootTime    time.Duration // after a reset or a Plug, before it answers
	Reenumerate bool          // a reset unplugs it and plugs it in again, as USB sticks do
	DeadReset   bool          // after a reset it does not come back: someone has to Plug it in

	// Rules are tried in their order, and the first that applies counts.
	Rules []Rule
}

// Moment is when within a command a Rule applies. All but AtCommand are of
// +CMGS alone.
type Moment int

const (
	AtCommand   Moment = iota // before anything is done: before the prompt, for +CMGS
	AfterPrompt               // it was written, and nothing of the PDU was read
	AfterPDU                  // the PDU was read, and is not sent
	AfterSent                 // the network has it, and +CMGS is not yet answered
)

// Action is what a Rule does, once it has waited For; DoLate does not wait.
type Action int

const (
	DoSilence Action = iota // stops here: what comes after the moment neither happens nor is answered
	DoDelay                 // goes on
	DoLate                  // goes on and answers For later; commands are taken meanwhile, and answered before it
	DoError                 // answers ERROR
	DoCME                   // answers +CME ERROR: Code
	DoCMS                   // answers +CMS ERROR: Code
	DoAnswer                // writes Text as it is instead of an answer
	DoUnplug                // hangs up: see Modem.Unplug
	DoReboot                // starts again by itself, and loses what it was told
)

// Rule is something that happens at some of the commands.
type Rule struct {
	Command string // the name as "+CMGS", or "D" of ATD; empty: every one
	At      Moment
	Skip    int   // so many of them pass first
	Times   Times // zero counts as Always
	Do      Action
	For     time.Duration
	Code    int
	Text    string
}

// rule finds the rule for a command, and counts it. mu is held.
func (b *Behaviour) rule(command string, at Moment) (Rule, bool) {
	for i := range b.Rules {
		r := &b.Rules[i]
		if r.At != at || r.Command != "" && r.Command != command {
			continue
		}
		if r.Skip > 0 {
			r.Skip--
			continue
		}
		found := *r
		if r.Times > 0 {
			if r.Times--; r.Times == 0 {
				b.Rules = slices.Delete(b.Rules, i, i+1)
			}
		}
		return found, true
	}
	return Rule{}, false
}

// delay is how long this answer takes.
func (b *Behaviour) delay() time.Duration {
	d := b.Delay
	if b.Jitter > 0 {
		d += rand.N(b.Jitter)
	}
	return d
}

func (b *Behaviour) signal() int {
	if b.Signal == 0 {
		return 20
	}
	return b.Signal
}

func (b *Behaviour) writeGap() time.Duration {
	if b.WriteGap == 0 {
		return time.Millisecond
	}
	return b.WriteGap
}

func (b *Behaviour) ackTimeout() time.Duration {
	if b.AckTimeout == 0 {
		return 15 * time.Second
	}
	return b.AckTimeout
}

// garbage is n octets that no line of a modem has, none of which ends one.
func garbage(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(0x80 + rand.IntN(0x7f))
	}
	return b
}
