// Package gsm drives GSM modems over AT commands (3GPP TS 27.005, TS 27.007).
//
// It is a library that knows no gateway: it carries TPDUs and reports what a
// modem and its SIM say. Config is what a person may set of a modem.
//
// ParseTPDU and ParsePDU read what a SIM holds (TS 23.040), and Submit encodes
// what it is to send. StatusOf says what a status report means, Error what became
// of a command. Parsers of one line each read what modems answer and what they
// say unasked, for which EventOf has names: all of them take what modems are
// known to say wrongly.
package gsm
