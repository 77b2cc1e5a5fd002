package smpp

import "time"

// Config is the smpp section of a carrier. Its zero values are not usable:
// start from Defaults. The configuration file's loader resolves the _file
// options and checks everything before a Config reaches this package.
type Config struct {
	Hosts            []string         `yaml:"hosts"`
	TLS              *TLSConfig       `yaml:"tls"`
	Bind             BindMode         `yaml:"bind"`
	Binds            int              `yaml:"binds"`
	SystemID         string           `yaml:"system_id"`
	Password         string           `yaml:"password"`
	PasswordFile     string           `yaml:"password_file"`
	SystemType       string           `yaml:"system_type"`
	InterfaceVersion InterfaceVersion `yaml:"interface_version"`
	LocalAddr        string           `yaml:"local_addr"` // the IP address of ours to connect from; empty: any
	AddrTON          uint8            `yaml:"addr_ton"`
	AddrNPI          uint8            `yaml:"addr_npi"`
	AddressRange     string           `yaml:"address_range"`
	Window           int              `yaml:"window"`
	Rate             float64          `yaml:"rate"` // submit_sm a second; written "10/s"
	EnquireLink      time.Duration    `yaml:"enquire_link"`
	ResponseTimeout  time.Duration    `yaml:"response_timeout"`
	BindTimeout      time.Duration    `yaml:"bind_timeout"`
	DataCoding0      Alphabet         `yaml:"data_coding_0"`
	LongMessages     LongMessages     `yaml:"long_messages"`
	MessageID        MessageIDForm    `yaml:"message_id"`
	Validity         time.Duration    `yaml:"validity"`
	ServiceType      string           `yaml:"service_type"`
	Reconnect        Reconnect        `yaml:"reconnect"`
	Timezone         string           `yaml:"timezone"` // of the dates in receipts: an IANA name

	TypeOfNumber         TypeOfNumber            `yaml:"ton_npi"`
	Transliterate        Transliteration         `yaml:"transliterate"`
	Priority             uint8                   `yaml:"priority"`               // priority_flag (SMPP 3.4 §5.2.14)
	ProtocolID           uint8                   `yaml:"protocol_id"`            // SMPP 3.4 §5.2.13
	RegisteredDelivery   uint8                   `yaml:"registered_delivery"`    // SMPP 3.4 §5.2.17
	UserMessageReference bool                    `yaml:"user_message_reference"` // sent where the SMSC is of version 3.4 or later
	TLVs                 map[string]string       `yaml:"tlvs"`                   // of every submit_sm, by tag ("0x1400" or "5120"): an ASCII text, or octets as "hex:00ff"
	DeliveredMeans       DeliveredMeans          `yaml:"delivered_means"`
	Accepted             AcceptedMeans           `yaml:"accepted"`
	ErrCodes             map[string]string       `yaml:"err_codes"`      // what the err of a receipt means, as a sentence for people
	StatusActions        map[string]StatusAction `yaml:"status_actions"` // by command_status, as ParseStatus reads it
}

// TypeOfNumber overrides, by kind of address, the type of number and the
// numbering plan that submit_sm gives it: "TON/NPI", or empty for the usual one.
type TypeOfNumber struct {
	E164         string `yaml:"e164"`         // usually 1/1
	Short        string `yaml:"short"`        // usually 3/0
	Alphanumeric string `yaml:"alphanumeric"` // usually 5/0
	Destination  string `yaml:"destination"`  // of a number in E.164 that is texted: usually 1/1
}

// TLSConfig names PEM files. An empty one means TLS with the system's roots.
type TLSConfig struct {
	CAFile     string `yaml:"ca_file"`
	CertFile   string `yaml:"cert_file"`
	KeyFile    string `yaml:"key_file"`
	ServerName string `yaml:"server_name"`
}

// Reconnect bounds the jittered back-off between attempts to bind.
type Reconnect struct {
	Min time.Duration `yaml:"min"`
	Max time.Duration `yaml:"max"`
}

// The options that are words.
type (
	BindMode      string // how to bind (SMPP 3.4 §4.1)
	Alphabet      string // what data_coding 0, "SMSC default alphabet", is at this carrier (SMPP 3.4 §5.2.19)
	LongMessages  string // how a text of several parts travels
	MessageIDForm string // how the ids of receipts differ from those of submit_sm_resp

	InterfaceVersion string // of SMPP (§5.2.4), as we say at the bind
	Transliteration  string // which characters are replaced where that keeps a text in the carrier's default alphabet
	DeliveredMeans   string // what DELIVRD says: the handset has it, or only the network
	AcceptedMeans    string // what ACCEPTD says
	StatusAction     string // what a command_status of submit_sm_resp leads to
)

const (
	BindTransceiver BindMode = "transceiver"
	BindPair        BindMode = "transmitter+receiver"
	BindTransmitter BindMode = "transmitter"
	BindReceiver    BindMode = "receiver"

	AlphabetGSM7       Alphabet = "gsm7" // one septet an octet, as most carriers want it
	AlphabetGSM7Packed Alphabet = "gsm7-packed"
	AlphabetLatin1     Alphabet = "latin1"
	AlphabetASCII      Alphabet = "ascii"

	LongUDH     LongMessages = "udh"
	LongUDH16   LongMessages = "udh16"
	LongSAR     LongMessages = "sar"
	LongPayload LongMessages = "payload"

	MessageIDAuto         MessageIDForm = "auto"
	MessageIDExact        MessageIDForm = "exact"
	MessageIDHexToDecimal MessageIDForm = "hex-to-decimal"
	MessageIDDecimalToHex MessageIDForm = "decimal-to-hex"

	Version33 InterfaceVersion = "3.3" // no optional parameters
	Version34 InterfaceVersion = "3.4"
	Version50 InterfaceVersion = "5.0"

	TransliterateNone        Transliteration = "none"
	TransliteratePunctuation Transliteration = "punctuation" // typographic quotes, dashes, spaces
	TransliterateAll         Transliteration = "all"         // letters too: their accents are lost

	DeliveredHandset DeliveredMeans = "handset"
	DeliveredNetwork DeliveredMeans = "network" // never more than ✓

	AcceptedSent      AcceptedMeans = "sent"
	AcceptedDelivered AcceptedMeans = "delivered"

	ActionThrottle   StatusAction = "throttle"    // slow down; no attempt
	ActionQueueFull  StatusAction = "queue-full"  // a smaller window and a long pause; no attempt
	ActionRetry      StatusAction = "retry"       // with a growing pause, five attempts
	ActionRetryTwice StatusAction = "retry-twice" // nobody knows what it means: two attempts
	ActionReject     StatusAction = "reject"      // for good
	ActionRebind     StatusAction = "rebind"      // the session is at fault; no attempt
	ActionHold       StatusAction = "hold"        // no credit: keep everything until somebody acts; no attempt
)

// Defaults returns the careful configuration that options are laid over.
func Defaults() Config {
	return Config{
		Bind: BindTransceiver, Binds: 1, Window: 10, Rate: 10,
		EnquireLink: 30 * time.Second, ResponseTimeout: 60 * time.Second, BindTimeout: 15 * time.Second,
		DataCoding0: AlphabetGSM7, LongMessages: LongUDH, MessageID: MessageIDAuto,
		Validity:  48 * time.Hour,
		Reconnect: Reconnect{Min: 500 * time.Millisecond, Max: 10 * time.Second},
		Timezone:  "UTC",

		InterfaceVersion: Version34, Transliterate: TransliterateNone, RegisteredDelivery: 1, UserMessageReference: true,
		DeliveredMeans: DeliveredHandset, Accepted: AcceptedSent,
	}
}
