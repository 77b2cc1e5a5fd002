package gsm

import "time"

// DeviceAuto as Config.Device stands for the one modem that is plugged in.
const DeviceAuto = "auto"

// Config is the gsm section of a carrier: one modem and its SIM. Its zero
// values are not usable: start from Defaults. The configuration file's loader
// resolves the _file options and checks everything before a Config reaches this
// package.
type Config struct {
	// Device is the absolute path of a character device or of a link to one,
	// or DeviceAuto. It is empty where IMEI is set, and one of the two is. A
	// device that is missing is no error: it may be plugged in later.
	Device string `yaml:"device"`
	IMEI   string `yaml:"imei"` // 15 digits (TS 23.003 §6.2.1)

	PIN     string `yaml:"pin"` // 4 to 8 digits, or empty: the SIM asks for none
	PINFile string `yaml:"pin_file"`

	SMSC        string   `yaml:"smsc"` // E.164; empty: the service centre that the SIM names
	Init        []string `yaml:"init"` // AT commands sent after our own, in this order
	Limits      Limits   `yaml:"limits"`
	RejectCalls bool     `yaml:"reject_calls"` // hang up on those who ring the SIM

	Validity time.Duration `yaml:"validity"` // how long the service centre tries; what is still queued then has expired
	Routed   bool          `yaml:"routed"`   // have the modem hand texts over at once (+CMT) rather than store them first
	// Power is a command and its arguments that switch the modem off and on, such
	// as uhubctl's: the last step of recovery. Empty: there is none.
	Power   []string `yaml:"power"`
	Balance *Balance `yaml:"balance"` // nil: it is not asked for
}

// Balance says how the network is asked for the SIM's balance.
type Balance struct {
	USSD    string        `yaml:"ussd"`    // the code, such as *100#
	Pattern string        `yaml:"pattern"` // a regular expression whose first group, or whole match, is the balance; empty: the whole answer
	Every   time.Duration `yaml:"every"`
}

// Limits bounds the segments that a SIM sends, so that its operator does not
// block it. 0 is no limit.
type Limits struct {
	PerMinute int `yaml:"per_minute"`
	PerDay    int `yaml:"per_day"` // in UTC
	PerMonth  int `yaml:"per_month"`
}

// Defaults returns the careful configuration that options are laid over.
func Defaults() Config {
	return Config{
		Limits:      Limits{PerMinute: 10, PerDay: 500},
		RejectCalls: true,
		Validity:    48 * time.Hour,
	}
}
