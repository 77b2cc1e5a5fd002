package gsm

import "errors"

// What goes wrong between us and a modem. Refusals of the modem are an *Error.
var (
	// ErrBusy: another process has the port, or another call has the modem.
	ErrBusy = errors.New("gsm: busy")
	// ErrGone: the port does not exist any more, or its other end hung up.
	ErrGone = errors.New("gsm: modem gone")
	// ErrTimeout: the modem did not answer in time.
	ErrTimeout = errors.New("gsm: no answer")
	// ErrStuck: the modem takes nothing that is written to it.
	ErrStuck = errors.New("gsm: write blocked")
	// ErrDeaf: after a timeout nothing that the modem says could be told to be the
	// answer to what it is asked.
	ErrDeaf = errors.New("gsm: out of step with the modem")
	// ErrRestarted: the modem started anew and has forgotten what it was asked.
	ErrRestarted = errors.New("gsm: modem restarted")
	// ErrNoPrompt: the modem did not ask for the PDU.
	ErrNoPrompt = errors.New("gsm: no prompt")
	// ErrNoReference: the modem took a PDU and gave no message reference.
	ErrNoReference = errors.New("gsm: no message reference")
	// ErrNotReady: there is no modem, no SIM or no network, or Run does not run.
	ErrNotReady = errors.New("gsm: not ready")
	// ErrTooLong: an answer has more lines than any modem has messages.
	ErrTooLong = errors.New("gsm: endless answer")
)
