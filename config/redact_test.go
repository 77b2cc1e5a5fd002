package config

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestSecretsAreRedacted(t *testing.T) {
	c, err := Parse("smsbridge.yaml", []byte(`
store: postgres://smsbridge:hunter2@db/smsbridge?sslpassword=hunter2&sslmode=require
carriers:
  - {name: acme, numbers: [12345], smpp: {hosts: ["a:1"], system_id: us, password: hunter2}}
  - {name: other, numbers: [12345], smpp: {hosts: ["a:1"], system_id: us, password: hunter2}}
  - {name: sim, numbers: ["+447700900123"], gsm: {device: auto, pin: "4242"}}
routes: [{number: 12345, carriers: [acme, other]}]
`), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var text, json bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("loaded", "config", c)
	slog.New(slog.NewJSONHandler(&json, nil)).Info("loaded", "config", c, "carrier", c.Carriers[0])
	for how, s := range map[string]string{
		"String": c.String(), "text": text.String(), "json": json.String(),
		"%v": fmt.Sprintf("%v", *c), "%+v": fmt.Sprintf("%+v", c), "%#v": fmt.Sprintf("%#v", c),
		"carriers": fmt.Sprintf("%+v %#v", c.Carriers, c.Carriers),
	} {
		if strings.Contains(s, "hunter2") || strings.Contains(s, "4242") {
			t.Errorf("%s shows a secret: %s", how, s)
		}
		if !strings.Contains(s, "[redacted]") || !strings.Contains(s, "acme") {
			t.Errorf("%s shows too little: %s", how, s)
		}
	}
	if want := "routes[0]=[number=12345 carriers=[acme other] failover_after=30s]"; !strings.Contains(c.String(), want) {
		t.Errorf("got %s, want %s in it", c, want)
	}
	if want := "postgres://smsbridge:redacted@db/smsbridge?sslmode=require&sslpassword=redacted"; !strings.Contains(c.String(), want) {
		t.Errorf("got %s, want %s in it", c, want)
	}
}

func TestLogLevel(t *testing.T) {
	for level, want := range map[LogLevel]slog.Level{
		LogDebug: slog.LevelDebug, LogInfo: slog.LevelInfo, LogWarn: slog.LevelWarn, LogError: slog.LevelError,
	} {
		if got := level.Level(); got != want {
			t.Errorf("%s: got %s, want %s", level, got, want)
		}
	}
}

func TestWithoutPassword(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"sqlite:/a.db", "sqlite:/a.db"},
		{"postgres://u@h/d", "postgres://u@h/d"},
		{"postgres://u:p@h/d", "postgres://u:redacted@h/d"},
		{"postgres://h/d?user=u&password=p", "postgres://h/d?password=redacted&user=u"},
		{"postgres://h/d?password=p;q", "postgres://h/d?redacted"},
		{"postgres://u:p%@h/d", "[redacted]"},
	} {
		if got := withoutPassword(tt.in); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestEqualAndLoggedMaps(t *testing.T) {
	load := func(options string) *Config {
		c, err := Parse("smsbridge.yaml", []byte(carrier(options)), Options{Getenv: noEnv})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	a := load(`tlvs: {0x1400: "1", 0x1401: "2"}, status_actions: {0x401: hold}`)
	for _, tt := range []struct {
		options string
		want    bool
	}{
		{`tlvs: {0x1401: "2", 0x1400: "1"}, status_actions: {0x401: hold}`, true},
		{`tlvs: {0x1400: "1", 0x1401: "3"}, status_actions: {0x401: hold}`, false},
		{`tlvs: {0x1400: "1", 0x1401: "2"}, status_actions: {0x402: hold}`, false},
		{`status_actions: {0x401: hold}`, false},
	} {
		if got := a.Equal(load(tt.options)); got != tt.want {
			t.Errorf("%s: got %t", tt.options, got)
		}
	}
	for _, want := range []string{"tlvs=map[0x1400:1 0x1401:2]", "status_actions=map[0x401:hold]"} {
		if !strings.Contains(a.String(), want) {
			t.Errorf("got %s, want %s in it", a, want)
		}
	}
}
