package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// maxExposure is the most that `systemd-analyze security` may find the unit
// exposed, in tenths: 0 is sealed, 100 is a root shell.
const maxExposure = 25

var execStart = regexp.MustCompile(`(?m)^ExecStart=\S+`)

func TestSystemdUnit(t *testing.T) {
	analyze := lookSystemd(t, "systemd-analyze")
	unit, err := os.ReadFile("../../systemd/smsbridge.service")
	if err != nil {
		t.Fatal(err)
	}
	// verify wants the program to exist, and this test's certainly does.
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "smsbridge.service")
	if err := os.WriteFile(path, execStart.ReplaceAll(unit, []byte("ExecStart="+program)), 0o644); err != nil {
		t.Fatal(err)
	}

	// Without --recursive-errors an unknown directive is only a warning.
	if output, err := exec.CommandContext(t.Context(), analyze, "verify", "--recursive-errors=no", path).CombinedOutput(); err != nil {
		t.Errorf("systemd-analyze verify: %v\n%s", err, output)
	}
	threshold := fmt.Sprintf("--threshold=%d", maxExposure)
	if output, err := exec.CommandContext(t.Context(), analyze, "security", "--offline=true", threshold, path).CombinedOutput(); err != nil {
		t.Errorf("systemd-analyze security %s: %v\n%s", threshold, err, output)
	}
}

func TestSystemdAccount(t *testing.T) {
	sysusers := lookSystemd(t, "systemd-sysusers")
	path, err := filepath.Abs("../../systemd/smsbridge.sysusers")
	if err != nil {
		t.Fatal(err)
	}
	if output, err := exec.CommandContext(t.Context(), sysusers, "--dry-run", path).CombinedOutput(); err != nil {
		t.Errorf("systemd-sysusers --dry-run: %v\n%s", err, output)
	}
}

// lookSystemd finds a program of systemd, which is not on every machine that
// can build smsbridge but has to be where CI runs.
func lookSystemd(t *testing.T, program string) (path string) {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skipf("SYSTEMD FILES NOT CHECKED: %v", err)
	}
	return path
}
