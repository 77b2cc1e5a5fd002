package gsm

import (
	"slices"
	"strings"
)

// Event is what an unsolicited line tells who drives the modem.
type Event uint8

const (
	EventNone         Event = iota // not known to be unsolicited
	EventNoise                     // of no use here: signal, time, packets, SIM toolkit
	EventStored                    // a message or report was stored: ParseNewMessage
	EventRouted                    // a PDU follows on the next line: ParseRouted
	EventRegistration              // ParseRegistration
	EventPIN                       // the state of the SIM: ParsePIN
	EventSIM                       // a SIM came or went, in a vendor's words: ask AT+CPIN?
	EventCall                      // somebody rings, or has stopped to
	EventUSSD                      // ParseUSSD
	EventRestarted                 // the modem has started: initialise it again
	EventReady                     // messages can be read and sent now
	EventPowerDown                 // the modem goes off
	EventFull                      // a memory is full: delete, or nothing more arrives
)

// eventNames are the names before a colon. +CSQ, +CREG, +CPIN and others also
// answer commands: the command that waits for them goes first.
var eventNames = map[string]Event{
	"+CMTI": EventStored, "+CDSI": EventStored,
	"+CMT": EventRouted, "+CDS": EventRouted,
	"+CREG": EventRegistration, "+CGREG": EventRegistration, "+CEREG": EventRegistration,
	"+C5GREG": EventRegistration,
	"+CPIN":   EventPIN, "^CPIN": EventPIN,
	"+CRING": EventCall, "+CLIP": EventCall, "+CCWA": EventCall, "+CNAP": EventCall, "+CDIP": EventCall,
	"^CEND": EventCall, "^CONN": EventCall, "^ORIG": EventCall,
	"+CUSD": EventUSSD,

	// Huawei.
	"^RSSI": EventNoise, "^BOOT": EventNoise, "^MODE": EventNoise, "^SRVST": EventNoise,
	"^DSFLOWRPT": EventNoise, "^HCSQ": EventNoise, "^NDISSTAT": EventNoise, "^NDISEND": EventNoise,
	"^LTERSRP": EventNoise, "^STIN": EventNoise, "^CSNR": EventNoise, "^CERSSI": EventNoise,
	"^NWTIME": EventNoise, "^RSSILVL": EventNoise, "^ANLEVEL": EventNoise, "^EONS": EventNoise,
	"^THERM": EventNoise, "^LWURC": EventNoise, "^RFSWITCH": EventNoise,
	"^SIMST": EventSIM, "^SMMEMFULL": EventFull,
	// Quectel.
	"+QIND": EventNoise, "+QLWURC": EventNoise, "+QNITZ": EventNoise, "+QNETDEVSTATUS": EventNoise,
	"+QSIMSTAT": EventSIM, "+QUSIM": EventSIM,
	// ZTE.
	"+ZUSIMR": EventNoise, "+ZDONR": EventNoise, "+ZPASR": EventNoise, "+ZEND": EventNoise,
	"+ZPSTM": EventNoise, "+ZURDY": EventNoise,
	// SIMCom.
	"+CNSMOD": EventNoise, "+NITZ": EventNoise, "+CSQ": EventNoise, "+CSQN": EventNoise, "*PSUTTZ": EventNoise,
	"*PSNWID": EventNoise, "DST": EventNoise, "+SIMEI": EventNoise, "+STIN": EventNoise,
	// Telit, Cinterion, Wavecom, u-blox.
	"#QSS": EventSIM, "+WIND": EventNoise, "+WWSM": EventNoise, "+PACSP": EventNoise, "+UUPSDA": EventNoise,
	"+UUPSDD": EventNoise, "+UUSIMSTAT": EventSIM, "^SCKS": EventSIM, "^SBC": EventNoise, "^SIS": EventNoise,
	"#STN": EventNoise, "#PSMWAKEUP": EventNoise,
	// All.
	"+CIEV": EventNoise, "+CGEV": EventNoise, "+CTZV": EventNoise, "+CTZE": EventNoise,
	"+CTZDST": EventNoise, "+CTZEU": EventNoise, "+CSSI": EventNoise, "+CSSU": EventNoise,
	"+CUSATP": EventNoise, "+CUSATEND": EventNoise, "+CIREPI": EventNoise, "+CIREGU": EventNoise,
	"+CBM": EventRouted, "+CBMI": EventNoise, "+CFUN": EventNoise, "+CALA": EventNoise,
}

// eventLines are whole lines without a value.
var eventLines = map[string]Event{
	"RING": EventCall, "NO CARRIER": EventCall, "BUSY": EventCall, "NO ANSWER": EventCall,
	"RDY": EventRestarted, "^SYSSTART": EventRestarted, "SYSSTART": EventRestarted, "START": EventRestarted,
	"+READY": EventRestarted, "APP RDY": EventRestarted,
	"CALL READY": EventNoise, "SMS READY": EventReady, "SMS DONE": EventReady, "PB DONE": EventNoise,
	"+PBREADY": EventReady, "+QIND: SMS DONE": EventReady, "+WIND: 4": EventReady, "*ATREADY: 1": EventRestarted,
	"POWERED DOWN": EventPowerDown, "NORMAL POWER DOWN": EventPowerDown, "^SHUTDOWN": EventPowerDown,
	"UNDER-VOLTAGE POWER DOWN": EventPowerDown, "OVER-VOLTAGE POWER DOWN": EventPowerDown,
	"UNDER-VOLTAGE WARNNING": EventNoise, "UNDER-VOLTAGE WARNING": EventNoise,
	"OVER-VOLTAGE WARNNING": EventNoise, "OVER-VOLTAGE WARNING": EventNoise,
	"+SMS FULL": EventFull, "SMS FULL": EventFull,
	"NO DIALTONE": EventCall, "SIM REMOVED": EventSIM,
}

// EventOf says what a line is if it came unasked. It is EventNone of a line that
// is not known: one that begins with ^, +, # or * and that no command waits for
// is unsolicited all the same.
func EventOf(line string) Event {
	line = strings.ToUpper(strings.TrimSpace(line))
	if e, ok := eventLines[line]; ok {
		return e
	}
	name, value, ok := strings.Cut(line, ":")
	if !ok {
		return EventNone
	}
	name = strings.TrimSpace(name)
	list := fields(strings.TrimSpace(value))
	switch {
	case name == "+CIEV" && slices.Contains([]string{"SMSFULL", "SMS_FULL"}, list[0].text) && at(list, 1).text == "1":
		return EventFull
	case name == "+QIND" && list[0].text == "SMS DONE":
		return EventReady
	case name == "+QIND" && list[0].text == "SMSFULL":
		return EventFull
	}
	return eventNames[name]
}

// IsUnsolicited tells the lines that are known to come unasked. Some of them
// also answer commands.
func IsUnsolicited(line string) bool {
	return EventOf(line) != EventNone
}
