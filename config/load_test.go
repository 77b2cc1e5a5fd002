package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"smsbridge/gsm"
	"smsbridge/smpp"
)

// noEnv is an environment without $CREDENTIALS_DIRECTORY.
func noEnv(string) string { return "" }

func write(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const whole = `
listen: "[::1]:8443"
tls: {cert_file: server.crt, key_file: server.key}
public_url: https://sms.example.com
trusted_proxies: [172.16.0.0/12, "fd00::7/128"]
region: GB
store: postgres://smsbridge:s3cret@db.example.com/smsbridge?sslmode=require
node: a
metrics: {listen: 127.0.0.1:9464}
log: {level: debug, format: json, texts: none, numbers: full}

carriers:
  - name: acme
    numbers: ["+12602058900", 24365, "Acme Ltd"]
    on_uncertain: resend
    allow_to: ["+1", "+44"]
    smpp:
      hosts: [smpp1.acme.example:2775, 192.0.2.7:2775]
      tls: {ca_file: server.crt, cert_file: server.crt, key_file: server.key, server_name: smpp.acme.example}
      bind: transmitter+receiver
      binds: 2
      system_id: us
      password_file: acme-password
      system_type: VMA
      addr_ton: 1
      addr_npi: 18
      address_range: "^1260"
      window: 100
      rate: 0.5/s
      enquire_link: 500ms
      response_timeout: 1m30s
      bind_timeout: 20s
      data_coding_0: latin1
      long_messages: sar
      message_id: hex-to-decimal
      validity: 24h
      service_type: CMT
      reconnect: {min: 1s, max: 1m}
      timezone: Europe/London
      interface_version: 5.0
      local_addr: 192.0.2.8
      ton_npi: {e164: 2/1, short: "3/8", alphanumeric: 5/18, destination: 0/0}
      transliterate: all
      priority: 3
      protocol_id: 255
      registered_delivery: 17
      user_message_reference: false
      delivered_means: network
      accepted: delivered
      tlvs: {0x1400: 1101234567890123456, 5121: "hex:00fF"}
      err_codes: {001: "The handset is off.", null: No reason was given.}
      status_actions: {ESME_RSUBMITFAIL: reject, 0x401: hold}
  - name: backup
    numbers: ["+12602058900"]
    smpp: {hosts: [smpp.backup.example:2775], system_id: us, password: x}
  - name: desk-sim
    numbers: [+447700900123]
    gsm:
      device: /dev/serial/by-path/usb-2
      pin_file: desk-pin
      smsc: "+447785016005"
      init: ['AT+CSCS="GSM"']
      limits: {per_minute: 6, per_day: 200}
      reject_calls: false
  - name: spare
    numbers: ["+447700900124"]
    gsm:
      imei: 356938035643809
      pin: 0042
      limits: {per_minute: 0, per_day: 0}

routes:
  - number: "+12602058900"
    to: ["+1", "+44"]
    carriers: [acme, backup]
    weights: [3, 1]
    failover_after: 1m
  - {number: "+12602058900", carriers: [backup]}
pools: [{name: desk, carriers: [desk-sim, spare]}]
limits: {agent_per_minute: 0, token_per_day: 5000}
opt_out: {stop: [ARRET, "ARRÊT"], start: [DEPART], help: [AIDE], stop_reply: Adieu., start_reply: "", help_reply: Repondez ARRET.}
`

func TestLoadWhole(t *testing.T) {
	dir := t.TempDir()
	p := makePair(t)
	crt := write(t, filepath.Join(dir, "server.crt"), p.cert)
	key := write(t, filepath.Join(dir, "server.key"), p.key)
	password := write(t, filepath.Join(dir, "acme-password"), "pass word\n")
	pin := write(t, filepath.Join(dir, "desk-pin"), "1234\r\n")

	got, err := Load(write(t, filepath.Join(dir, "smsbridge.yaml"), whole), Options{Getenv: noEnv})
	if err != nil {
		t.Fatal(err)
	}
	backup := smpp.Defaults()
	backup.Hosts, backup.SystemID, backup.Password = []string{"smpp.backup.example:2775"}, "us", "x"
	want := &Config{
		Listen:         "[::1]:8443",
		TLS:            &TLS{CertFile: crt, KeyFile: key},
		PublicURL:      "https://sms.example.com",
		TrustedProxies: []string{"172.16.0.0/12", "fd00::7/128"},
		Region:         "GB",
		Store:          "postgres://smsbridge:s3cret@db.example.com/smsbridge?sslmode=require",
		Node:           "a",
		Metrics:        Metrics{Listen: "127.0.0.1:9464"},
		Log:            Log{Level: LogDebug, Format: LogJSON, Texts: LogTextsNone, Numbers: LogNumbersFull},
		Carriers: []Carrier{{
			Name:        "acme",
			Numbers:     []string{"+12602058900", "24365", "Acme Ltd"},
			OnUncertain: UncertainResend,
			AllowTo:     []string{"+1", "+44"},
			SMPP: &smpp.Config{
				Hosts:           []string{"smpp1.acme.example:2775", "192.0.2.7:2775"},
				TLS:             &smpp.TLSConfig{CAFile: crt, CertFile: crt, KeyFile: key, ServerName: "smpp.acme.example"},
				Bind:            smpp.BindPair,
				Binds:           2,
				SystemID:        "us",
				Password:        "pass word",
				PasswordFile:    password,
				SystemType:      "VMA",
				AddrTON:         1,
				AddrNPI:         18,
				AddressRange:    "^1260",
				Window:          100,
				Rate:            0.5,
				EnquireLink:     500 * time.Millisecond,
				ResponseTimeout: 90 * time.Second,
				BindTimeout:     20 * time.Second,
				DataCoding0:     smpp.AlphabetLatin1,
				LongMessages:    smpp.LongSAR,
				MessageID:       smpp.MessageIDHexToDecimal,
				Validity:        24 * time.Hour,
				ServiceType:     "CMT",
				Reconnect:       smpp.Reconnect{Min: time.Second, Max: time.Minute},
				Timezone:        "Europe/London",

				InterfaceVersion:   smpp.Version50,
				LocalAddr:          "192.0.2.8",
				TypeOfNumber:       smpp.TypeOfNumber{E164: "2/1", Short: "3/8", Alphanumeric: "5/18", Destination: "0/0"},
				Transliterate:      smpp.TransliterateAll,
				Priority:           3,
				ProtocolID:         255,
				RegisteredDelivery: 17,
				DeliveredMeans:     smpp.DeliveredNetwork,
				Accepted:           smpp.AcceptedDelivered,

				TLVs:          map[string]string{"0x1400": "1101234567890123456", "5121": "hex:00fF"},
				ErrCodes:      map[string]string{"001": "The handset is off.", "null": "No reason was given."},
				StatusActions: map[string]smpp.StatusAction{"ESME_RSUBMITFAIL": smpp.ActionReject, "0x401": smpp.ActionHold},
			},
		}, {
			Name:        "backup",
			Numbers:     []string{"+12602058900"},
			OnUncertain: UncertainHold,
			SMPP:        &backup,
		}, {
			Name:        "desk-sim",
			Numbers:     []string{"+447700900123"},
			OnUncertain: UncertainHold,
			GSM: &gsm.Config{
				Device:   "/dev/serial/by-path/usb-2",
				PIN:      "1234",
				PINFile:  pin,
				SMSC:     "+447785016005",
				Init:     []string{`AT+CSCS="GSM"`},
				Limits:   gsm.Limits{PerMinute: 6, PerDay: 200},
				Validity: 48 * time.Hour,
			},
		}, {
			Name:        "spare",
			Numbers:     []string{"+447700900124"},
			OnUncertain: UncertainHold,
			GSM: &gsm.Config{
				IMEI: "356938035643809", PIN: "0042",
				RejectCalls: true, Validity: 48 * time.Hour,
			},
		}},
		Routes: []Route{{
			Number: "+12602058900", To: []string{"+1", "+44"}, Carriers: []string{"acme", "backup"}, Weights: []int{3, 1}, FailoverAfter: time.Minute,
		}, {
			Number: "+12602058900", Carriers: []string{"backup"}, FailoverAfter: 30 * time.Second,
		}},
		Pools:  []Pool{{Name: "desk", Carriers: []string{"desk-sim", "spare"}}},
		Limits: Limits{TokenPerDay: 5000},
		OptOut: OptOut{Stop: []string{"ARRET", "ARRÊT"}, Start: []string{"DEPART"}, Help: []string{"AIDE"}, StopReply: "Adieu.", HelpReply: "Repondez ARRET."},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestLoadDefaults(t *testing.T) {
	got, err := Parse("smsbridge.yaml", []byte(`
carriers:
  - name: acme
    numbers: ["+12602058900"]
    smpp: {hosts: ["localhost:2775"], tls: {}, system_id: us, password: ""}
`), Options{})
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	account := smpp.Defaults()
	account.Hosts, account.SystemID, account.TLS = []string{"localhost:2775"}, "us", &smpp.TLSConfig{}
	want := &Config{
		Listen: "127.0.0.1:8080",
		Region: "US",
		Store:  "sqlite:/var/lib/smsbridge/smsbridge.db",
		Node:   host,
		Log:    Log{Level: LogInfo, Format: LogText, Texts: LogTextsFinal, Numbers: LogNumbersMasked},
		Carriers: []Carrier{{
			Name: "acme", Numbers: []string{"+12602058900"}, OnUncertain: UncertainHold, SMPP: &account,
		}},
		OptOut: OptOut{StopReply: "You will get no more texts from this number. Reply START to get them again.",
			StartReply: "You will get texts from this number again. Reply STOP to end them.",
			HelpReply:  "Reply STOP to get no more texts from this number."},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestLoadExample(t *testing.T) {
	const path = "../systemd/smsbridge.yaml.example"
	c, err := Load(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:8080" || len(c.Carriers) != 0 {
		t.Errorf("listen %s and %d carriers, want the default and none", c.Listen, len(c.Carriers))
	}
	// What it shows in comments must be right as well, once they are removed.
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(data)) {
		if option, ok := strings.CutPrefix(line, "#"); ok && !strings.HasPrefix(option, " /") &&
			(strings.HasPrefix(option, "  ") || !strings.HasPrefix(option, " ")) && !strings.HasPrefix(option, "store") {
			line = option
		}
		if line != "carriers: []\n" {
			lines = append(lines, line)
		}
	}
	c, err = Parse(path, []byte(strings.Join(lines, "")), Options{SkipFiles: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Carriers) != 3 || len(c.Routes) != 2 || c.Carriers[0].SMPP == nil || c.Carriers[1].GSM == nil || c.TLS == nil || c.Metrics.Listen == "" {
		t.Errorf("the example without its comment signs gave %s", c)
	}
}

func TestLoadMissingFile(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "none.yaml"), Options{})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
}

func TestLoadHugeFile(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "huge.yaml"), strings.Repeat("# filler\n", maxFile/9+1))
	_, err := Load(path, Options{})
	want := path + ":1: the file is larger than 1048576 octets"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestStorePath(t *testing.T) {
	for _, tt := range []struct{ store, want string }{
		{"sqlite:data/a.db", "sqlite:/etc/smsbridge/data/a.db"},
		{"sqlite:///srv/a.db", "sqlite:/srv/a.db"},
		{"sqlite:/srv/a.db", "sqlite:/srv/a.db"},
		{"postgres:///smsbridge?host=/run/postgresql", "postgres:///smsbridge?host=/run/postgresql"},
	} {
		c, err := Parse("/etc/smsbridge/smsbridge.yaml", []byte("store: "+tt.store), Options{})
		if err != nil {
			t.Errorf("%s: %v", tt.store, err)
		} else if c.Store != tt.want {
			t.Errorf("%s: got %s, want %s", tt.store, c.Store, tt.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	for _, tt := range badFiles {
		f.Add([]byte(tt.yaml))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("f.yaml", data, Options{Getenv: noEnv, SkipFiles: true})
		if (c == nil) == (err == nil) {
			t.Fatalf("got %v and %v", c, err)
		}
		var ps Problems
		if err != nil && (!errors.As(err, &ps) || len(ps) == 0) {
			t.Fatalf("got an error that lists no problem: %v", err)
		}
		for _, p := range ps {
			if p.Line < 1 || p.Message == "" || strings.ContainsRune(p.String(), '\n') {
				t.Fatalf("got the problem %+v", p)
			}
		}
	})
}
