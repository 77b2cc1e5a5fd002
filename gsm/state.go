package gsm

import "time"

// Phase is how far a modem is.
type Phase uint8

const (
	PhaseAbsent      Phase = iota // there is no port, or nobody at its other end
	PhaseProbing                  // it is asked who it is, and set up
	PhaseNoSIM                    // there is no SIM, or it is broken
	PhasePIN                      // the SIM wants a PIN that we do not have, or may not try
	PhasePUK                      // the SIM is blocked
	PhaseRegistering              // it looks for its network; what is in its memories is received
	PhaseUp                       // it can send
	PhaseFailed                   // it refuses what it needs to work
)

var phaseNames = [...]string{"absent", "probing", "no_sim", "pin", "puk", "registering", "up", "failed"}

// String returns the phase in one word, for logs and metrics.
func (p Phase) String() string { return phaseNames[p] }

// State is a phase and why, in a sentence for people.
type State struct {
	Phase  Phase
	Reason string
}

// Handler takes what happens at a modem. Run calls it from one goroutine, in the
// order in which it happened; none of its methods may block, and the functions that
// they are given may be called from any goroutine, at once or later.
type Handler interface {
	// State tells that the state changed.
	State(State)
	// Message takes one message, or one part of one.
	Message(Incoming)
	// Report takes a status report. Once it is committed, done(true) deletes it or
	// acknowledges it; after done(false) it is handed over again.
	Report(r Report, done func(committed bool))
	// Call tells once of each incoming call, from a number or from "".
	Call(from string)
}

// Incoming is a message as a modem has it. Until Done it stays where it is, and
// comes again when the modem or we start anew: the same one has the same Raw, its
// time stamp in it.
type Incoming struct {
	Deliver *Deliver // nil where it cannot be decoded
	Raw     []byte   // the TPDU, or what the modem wrote where that is none
	Err     error    // why it cannot be decoded
	Memory  string   // "SM"; empty: routed to us, and stored nowhere
	Index   int
	// Done ends it, the first time that it is called: committed, it is deleted from
	// the memory; else it is handed over again later.
	Done func(committed bool)
	// Delete is Done(true), and has gone called by Run's goroutine once the message is
	// deleted, or acknowledged to the network: then it does not come again. It is not
	// called where that is never known.
	Delete func(gone func())
}

// Info is what is known of a modem.
type Info struct {
	State
	Port     string
	Vendor   string
	Model    string
	Revision string
	IMEI     string
	ICCID    string
	IMSI     string // but for the network and the last two digits masked
	Number   string // that the SIM names as its own, if it does
	SMSC     string

	Signal       Signal
	Registration RegistrationState // the better one of circuits and LTE: either carries messages
	Roaming      bool
	Operator     string
	Memories     []Memory // that are swept
	Receives     string   // the memory that new messages go to
	Refused      []string // commands of Config.Init, and what the modem says of each
	CNMI         string   // what it was set to; empty: it announces nothing, and only sweeps find messages

	Errors   int // commands that were not answered and sends that failed, in a row
	Timeouts uint64
	Lost     uint64 // lines that came unasked and were not looked at
	Resets   map[Level]uint64
	Since    time.Time // of the state
}
