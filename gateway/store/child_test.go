package store

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
)

// childRole and childStore are the variables by which a test starts its own
// binary again, as another process on the same store.
const (
	childRole  = "SMSBRIDGE_STORE_TEST_CHILD"
	childStore = "SMSBRIDGE_STORE_TEST_STORE"
)

func TestMain(m *testing.M) {
	children := map[string]func(dsn string) error{"events": writeEvents, "crash": loopUpdates, "full": fillDisk}
	child := children[os.Getenv(childRole)]
	if child == nil {
		os.Exit(m.Run())
	}
	if err := child(os.Getenv(childStore)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// startChild starts a process in a role; it ends with the test at the latest.
func startChild(t testing.TB, role, dsn string) (*exec.Cmd, io.Reader) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), self)
	child.Env = append(os.Environ(), childRole+"="+role, childStore+"="+dsn)
	child.Stderr = os.Stderr
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	return child, output
}
