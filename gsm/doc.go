// Package gsm drives GSM modems over AT commands (ITU-T V.250, 3GPP TS 27.005, TS
// 27.007), in PDU mode (TS 23.040).
//
// It is a library that knows no gateway: it carries TPDUs and reports what a
// modem and its SIM say. Config is what a person may set of a modem.
//
// # Codec
//
// [ParsePDU] reads what a modem received, [Submit.Encode] writes what it is to
// send, [StatusOf] and [Error.Class] say what a report and a refusal mean. The
// other Parse functions read one line of an answer each, and [EventOf] tells what
// comes unasked. They keep nothing and refuse little.
//
// # Modem
//
// [New] makes a modem, and [Modem.Run] keeps it working until its context ends: it
// opens the port, brings the modem up, works, and begins anew whenever the modem
// restarts, is unplugged, or stops to answer. What happens goes to a [Handler], in
// order.
//
// Messages are received store first. A modem stores what comes ("+CMTI"), it is
// read and handed over part by part, and is deleted once its owner calls Done: until
// then it is where it was, and after a crash comes again with the same octets.
// Memories are looked through at the start and every 45 seconds, so that an
// announcement that is lost costs time and nothing else. Options.Routed has
// messages handed over unstored instead, where the modem lets us acknowledge them
// after the commit. A status report that is handed over ("+CDS") was acknowledged by
// the modem itself: if we die before it is committed, it is lost.
//
// [Modem.Send] sends one message at a time, and says of a failure whether the
// network certainly does not have it.
//
// The conversation is the package's own: warthog618/modem credits what is answered
// late to another command, and may hang for ever in a write. Here commands go one
// at a time under absolute deadlines, and after one that was not answered the two
// sides are brought back in step before the next, or the port is opened anew.
//
// # Goroutines
//
// Run's own goroutine owns the modem: it writes the commands, reads the answers and
// calls the handler. Beside it there are a reader and a writer for each open port,
// which end with it and are waited for. All methods may be called from any
// goroutine; those that need the modem wait for Run's.
package gsm
