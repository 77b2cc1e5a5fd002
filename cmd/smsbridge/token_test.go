package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// Tokens end when they are told to, and a list says when and when each was last
// used.
func TestTokenExpires(t *testing.T) {
	t.Parallel()
	d := newDaemon(t, smppCarrier("127.0.0.1:1", "", ""))
	day, hours := d.token("day", "messages:read", "--expires", "2099-01-31"), d.token("hours", "messages:read", "--expires", "720h")
	brief := d.token("brief", "messages:read", "--expires", "2s")
	d.start()
	day.must("GET", "/messages", nil, 200, nil)
	hours.must("GET", "/messages", nil, 200, nil)
	await(t, "the end of a token", func() error {
		if status, answer, err := brief.try(t.Context(), "GET", "/messages", nil); err != nil || status != 401 {
			return fmt.Errorf("%d %s %w", status, answer, err)
		}
		return nil
	})
	var listed []struct {
		Name       string
		ExpiresAt  time.Time `json:"expires_at"`
		LastUsedAt time.Time `json:"last_used_at"`
	}
	if err := json.Unmarshal([]byte(d.tool("", "token", "list", "--json")), &listed); err != nil || len(listed) != 3 {
		t.Fatalf("%+v, %v", listed, err)
	}
	if want := time.Date(2099, 2, 1, 0, 0, 0, 0, time.UTC); !listed[0].ExpiresAt.Equal(want) || time.Since(listed[0].LastUsedAt) > time.Minute {
		t.Errorf("%+v, want it used now, and at an end at %v", listed[0], want)
	}
	if left := time.Until(listed[1].ExpiresAt); left > 720*time.Hour || left < 719*time.Hour {
		t.Errorf("%+v ends in %v", listed[1], left)
	}
	if table := d.tool("", "token", "list"); !strings.Contains(table, "EXPIRES") || !strings.Contains(table, "2099-02-01 00:00") {
		t.Errorf("the list says\n%s", table)
	}
	for expires, code := range map[string]int{"soon": 2, "2020-01-31": 1, "-1h": 1} {
		err := command(t, "token", "create", "x", "--scope", "messages:read", "--expires", expires, "--config", d.config).Run()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != code {
			t.Errorf("--expires %s: %v, want exit code %d", expires, err, code)
		}
	}
}

// What commands change is in the audit, as done by a command.
func TestTokenCommandsAreAudited(t *testing.T) {
	t.Parallel()
	d := newDaemon(t, smppCarrier("127.0.0.1:1", "", ""))
	reader := d.token("reader", "admin")
	d.person("Ana", "101", "agent")
	d.tool("", "user", "disable", "101")
	d.token("shop", "messages:send")
	d.tool("", "token", "revoke", "shop")
	d.start()
	var got []string
	for _, row := range list[struct {
		Actor          struct{ Kind, Name string }
		Action, Detail string
	}](reader, "/audit") {
		got = append(got, row.Action)
		if row.Actor.Kind != "system" || row.Actor.Name != "smsbridge command" || strings.Contains(row.Detail, "sms_") || strings.Contains(row.Detail, password) {
			t.Errorf("%+v", row)
		}
	}
	if want := []string{"token.revoked", "token.added", "person.changed", "person.added", "token.added"}; !slices.Equal(got, want) {
		t.Errorf("the audit has %q, want %q", got, want)
	}
}
