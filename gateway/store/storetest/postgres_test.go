package storetest

import (
	"bufio"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
)

func open(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func queryString(t *testing.T, db *sql.DB, query string) string {
	t.Helper()
	var got string
	if err := db.QueryRowContext(t.Context(), query).Scan(&got); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return got
}

func TestPostgresIsReal(t *testing.T) {
	db := open(t, Postgres(t))
	tests := []struct{ query, want string }{
		{"SELECT (1)::text", "1"},
		{"SHOW fsync", "on"},
		{"SHOW synchronous_commit", "on"},
		{"SHOW listen_addresses", ""},
		{"SHOW server_encoding", "UTF8"},
		{"SELECT ('a' < 'B')::text", "true"}, // by language, not by octet
	}
	for _, test := range tests {
		if got := queryString(t, db, test.query); got != test.want {
			t.Errorf("%s = %q, want %q", test.query, got, test.want)
		}
	}
}

func TestEachTestHasItsOwnDatabase(t *testing.T) {
	first, second := open(t, Postgres(t)), open(t, Postgres(t))
	if _, err := first.ExecContext(t.Context(), "CREATE TABLE mine (id int)"); err != nil {
		t.Fatal(err)
	}
	if got := queryString(t, second, "SELECT count(*)::text FROM pg_tables WHERE tablename = 'mine'"); got != "0" {
		t.Errorf("the second database sees %s tables of the first, want none", got)
	}
}

func TestDatabaseIsDroppedAfterItsTest(t *testing.T) {
	var dsn string
	t.Run("user", func(t *testing.T) {
		dsn = Postgres(t)
		leaked, err := sql.Open("pgx", dsn)
		if err != nil {
			t.Fatal(err)
		}
		if err := leaked.PingContext(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	if err := open(t, dsn).PingContext(t.Context()); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("ping after the test = %v, want: database does not exist", err)
	}
}

func startCluster(t *testing.T) *Cluster {
	t.Helper()
	cluster, err := StartCluster("")
	require(t, err)
	return cluster
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func TestStopRemovesEverything(t *testing.T) {
	cluster := startCluster(t)
	t.Run("user", func(t *testing.T) { cluster.Database(t) })
	if err := cluster.Stop(); err != nil {
		t.Errorf("Stop: %v", err)
	}
	if err := cluster.Stop(); err != nil {
		t.Errorf("second Stop: %v", err)
	}
	if exists(cluster.dir) {
		t.Errorf("%s is still there", cluster.dir)
	}
}

// TestKilledProcessLeavesNothing runs itself as a second process, which
// starts a cluster, and kills it.
func TestKilledProcessLeavesNothing(t *testing.T) {
	const victim = "SMSBRIDGE_TEST_VICTIM"
	if os.Getenv(victim) != "" {
		fmt.Println(startCluster(t).dir)
		<-t.Context().Done()
		return
	}
	_, err := findPrograms()
	require(t, err)

	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledProcessLeavesNothing$")
	cmd.Env = append(os.Environ(), victim+"=1")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	dir := strings.TrimSpace(line)
	if !exists(dir) {
		t.Fatalf("%s does not exist while its process lives", dir)
	}
	cmd.Process.Kill()
	cmd.Wait() // reports the kill

	deadline := time.After(stopLimit)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for exists(dir) {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s is still there", dir)
		}
	}
}
