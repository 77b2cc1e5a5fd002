package config

import (
	"log/slog"
	"reflect"
	"time"

	"smsbridge/gsm"
	"smsbridge/smpp"
)

// Config is the whole of smsbridge.yaml. Each path of a file in it is resolved,
// each secret read. It is not changed after Load.
type Config struct {
	Listen    string `yaml:"listen"` // host:port
	TLS       *TLS   `yaml:"tls"`
	PublicURL string `yaml:"public_url"` // how people's browsers reach listen; empty: as listen
	// TrustedProxies are networks (CIDR) of proxies that are believed when they say for
	// whom they ask, beside this machine.
	TrustedProxies []string  `yaml:"trusted_proxies"`
	Region         string    `yaml:"region"` // ISO 3166-1 alpha-2: of numbers typed without +
	Store          string    `yaml:"store"`  // sqlite:PATH or a postgres:// URL, which may hold a password
	Node           string    `yaml:"node"`
	Metrics        Metrics   `yaml:"metrics"`
	Log            Log       `yaml:"log"`
	Carriers       []Carrier `yaml:"carriers"`
	Routes         []Route   `yaml:"routes"` // each number that several carriers list has one
	Pools          []Pool    `yaml:"pools"`
	Limits         Limits    `yaml:"limits"`
	OptOut         OptOut    `yaml:"opt_out"`
}

// TLS names the PEM files that the HTTP server answers with.
type TLS struct {
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
}

// Metrics says where /metrics is served by itself. With an empty Listen it is
// on Config.Listen.
type Metrics struct {
	Listen string `yaml:"listen"`
}

// Log says what is written to stderr, and how.
type Log struct {
	Level   LogLevel   `yaml:"level"`
	Format  LogFormat  `yaml:"format"`
	Texts   LogTexts   `yaml:"texts"`
	Numbers LogNumbers `yaml:"numbers"`
}

// Carrier is an SMPP account or a modem: exactly one of SMPP and GSM is set.
type Carrier struct {
	Name        string       `yaml:"name"`
	Numbers     []string     `yaml:"numbers"` // ours: E.164, short code or alphanumeric; a modem has one
	OnUncertain Uncertain    `yaml:"on_uncertain"`
	AllowTo     []string     `yaml:"allow_to"` // prefixes of the E.164 numbers it may send to; empty: all
	SMPP        *smpp.Config `yaml:"smpp"`
	GSM         *gsm.Config  `yaml:"gsm"`
}

// Route says by which carriers the texts from one of our numbers leave. Of a
// number's routes at most one is for all destinations, and no beginning is given
// twice.
type Route struct {
	Number   string   `yaml:"number"`   // listed by each of the carriers
	To       []string `yaml:"to"`       // prefixes of the E.164 numbers it is for; empty: all
	Carriers []string `yaml:"carriers"` // by name, in the order of their use
	Weights  []int    `yaml:"weights"`  // empty, or one for each carrier: its share, instead of the order
	// FailoverAfter is how long a carrier may be down before what is certainly
	// unsent goes to the next.
	FailoverAfter time.Duration `yaml:"failover_after"`
}

// Pool is a name that people and programs may send from instead of a number: each
// customer keeps the number that they know.
type Pool struct {
	Name     string   `yaml:"name"`
	Carriers []string `yaml:"carriers"` // by name; the first number of each is used
}

// Limits bounds what one person or program may send, so that what is stolen
// does not empty an account. 0 is no limit.
type Limits struct {
	AgentPerMinute int `yaml:"agent_per_minute"` // texts
	TokenPerDay    int `yaml:"token_per_day"`    // texts in a day in UTC, of a token that has no limit of its own
}

// OptOut says by which words, beside those that are known everywhere, customers
// decide about being texted, and what they are answered; nothing where that is
// empty.
type OptOut struct {
	Stop       []string `yaml:"stop"`
	Start      []string `yaml:"start"`
	Help       []string `yaml:"help"`
	StopReply  string   `yaml:"stop_reply"`
	StartReply string   `yaml:"start_reply"`
	HelpReply  string   `yaml:"help_reply"`
}

// The options that are words.
type (
	Uncertain string // what to do with a text that was perhaps sent
	LogLevel  string
	LogFormat string

	LogTexts   string // which texts have a line, which never holds their content
	LogNumbers string // how the numbers of people are written in lines above debug
)

const (
	UncertainHold   Uncertain = "hold"   // a person decides
	UncertainResend Uncertain = "resend" // it may arrive twice

	LogDebug LogLevel = "debug"
	LogInfo  LogLevel = "info"
	LogWarn  LogLevel = "warn"
	LogError LogLevel = "error"

	LogText LogFormat = "text"
	LogJSON LogFormat = "json"

	LogTextsFinal LogTexts = "final" // each, once its fate is known
	LogTextsNone  LogTexts = "none"

	LogNumbersMasked LogNumbers = "masked"
	LogNumbersFull   LogNumbers = "full"
)

// Level makes a LogLevel a slog.Leveler.
func (l LogLevel) Level() slog.Level {
	switch l {
	case LogDebug:
		return slog.LevelDebug
	case LogWarn:
		return slog.LevelWarn
	case LogError:
		return slog.LevelError
	}
	return slog.LevelInfo
}

func defaults() Config {
	return Config{
		Listen: "127.0.0.1:8080",
		Region: "US",
		Store:  "sqlite:/var/lib/smsbridge/smsbridge.db",
		Log:    Log{Level: LogInfo, Format: LogText, Texts: LogTextsFinal, Numbers: LogNumbersMasked},
		OptOut: OptOut{
			StopReply:  "You will get no more texts from this number. Reply START to get them again.",
			StartReply: "You will get texts from this number again. Reply STOP to end them.",
			HelpReply:  "Reply STOP to get no more texts from this number.",
		},
	}
}

// Equal tells whether two configurations say the same, their secrets included.
func (c *Config) Equal(other *Config) bool { return reflect.DeepEqual(c, other) }
