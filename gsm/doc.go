// Package gsm drives GSM modems over AT commands (3GPP TS 27.005, TS 27.007).
//
// It is a library that knows no gateway: it carries TPDUs and reports what a
// modem and its SIM say. Config is what a person may set of a modem.
package gsm
