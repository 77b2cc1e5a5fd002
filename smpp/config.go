package smpp

import "time"

// Config is the smpp section of a carrier. Its zero values are not usable:
// start from Defaults. The configuration file's loader resolves the _file
// options and checks everything before a Config reaches this package.
type Config struct {
	Hosts           []string      `yaml:"hosts"`
	TLS             *TLSConfig    `yaml:"tls"`
	Bind            BindMode      `yaml:"bind"`
	Binds           int           `yaml:"binds"`
	SystemID        string        `yaml:"system_id"`
	Password        string        `yaml:"password"`
	PasswordFile    string        `yaml:"password_file"`
	SystemType      string        `yaml:"system_type"`
	AddrTON         uint8         `yaml:"addr_ton"`
	AddrNPI         uint8         `yaml:"addr_npi"`
	AddressRange    string        `yaml:"address_range"`
	Window          int           `yaml:"window"`
	Rate            float64       `yaml:"rate"` // submit_sm a second; written "10/s"
	EnquireLink     time.Duration `yaml:"enquire_link"`
	ResponseTimeout time.Duration `yaml:"response_timeout"`
	BindTimeout     time.Duration `yaml:"bind_timeout"`
	DataCoding0     Alphabet      `yaml:"data_coding_0"`
	LongMessages    LongMessages  `yaml:"long_messages"`
	MessageID       MessageIDForm `yaml:"message_id"`
	Validity        time.Duration `yaml:"validity"`
	ServiceType     string        `yaml:"service_type"`
	Reconnect       Reconnect     `yaml:"reconnect"`
	Timezone        string        `yaml:"timezone"` // of the dates in receipts: an IANA name
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
	}
}
