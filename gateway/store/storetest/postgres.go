// Package storetest gives tests a real PostgreSQL: a throw-away cluster on a
// Unix socket, with a database of its own for each test. It needs PostgreSQL's
// programs (15 or later) and no running service.
package storetest

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// startLimit bounds initdb and the first start together, stopLimit a stop, and
// statementLimit the making or dropping of one database. Each leaves room for
// a slow disk and for several test processes starting at once.
const (
	startLimit     = 2 * time.Minute
	stopLimit      = time.Minute
	statementLimit = time.Minute
)

// ErrNotInstalled is StartCluster's answer where PostgreSQL's programs are
// neither in the PATH nor where Debian puts them.
var ErrNotInstalled = errors.New("PostgreSQL's initdb and pg_ctl not found")

// shared is the process's cluster. It needs no Stop: see Cluster.
var shared = sync.OnceValues(func() (*Cluster, error) { return StartCluster("") })

// Postgres returns the URL of a fresh, empty database for the test t, dropped
// when t ends. All tests of a process share one cluster, started at the first
// call. Where PostgreSQL is not installed the test is skipped, or fails if the
// environment says SMSBRIDGE_TEST_POSTGRES=required.
func Postgres(t testing.TB) (dsn string) {
	t.Helper()
	cluster, err := shared()
	require(t, err)
	return cluster.Database(t)
}

// require lets t go on only if a cluster was started.
func require(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, ErrNotInstalled) && os.Getenv("SMSBRIDGE_TEST_POSTGRES") != "required" {
		t.Skipf("NOT TESTED ON POSTGRESQL: %v", err)
	}
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
}

// Cluster is a running PostgreSQL that belongs to this process. A shell that
// holds a pipe from us runs it, and stops and removes it when that pipe
// closes: on Stop, and as well when the process panics, is killed, or exits
// without calling Stop.
type Cluster struct {
	dir       string // holds the data, the log and the socket
	databases atomic.Int64
	stop      func() error
}

//go:embed cluster.sh
var clusterScript string

// StartCluster starts a cluster in a new folder below dir, /tmp if that is
// empty, with fsync on as in production. Its user must be able to enter dir:
// PostgreSQL refuses to run as root, so that a test run by root starts it as
// postgres or nobody. Close it with Stop.
func StartCluster(dir string) (*Cluster, error) {
	bin, err := findPrograms()
	if err != nil {
		return nil, err
	}
	// /tmp rather than TMPDIR: everybody may enter it, and the path of a
	// Unix socket has room for 107 octets.
	dir, err = os.MkdirTemp(cmp.Or(dir, "/tmp"), "smsbridge-postgres-")
	if err != nil {
		return nil, err
	}
	attr, err := unprivileged(dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	stop, err := runScript(dir, bin, attr)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &Cluster{dir: dir, stop: sync.OnceValue(stop)}, nil
}

// Stop stops the cluster and removes its files. It may be called twice.
func (c *Cluster) Stop() error {
	return errors.Join(c.stop(), os.RemoveAll(c.dir))
}

// Database makes an empty database for the test t and returns its URL. It is
// dropped when t ends, whoever is still connected to it.
func (c *Cluster) Database(t testing.TB) (dsn string) {
	t.Helper()
	name := "test_" + strconv.FormatInt(c.databases.Add(1), 10)
	if err := c.exec("CREATE DATABASE " + name); err != nil {
		t.Fatalf("create a database: %v", err)
	}
	t.Cleanup(func() {
		if err := c.exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Errorf("drop a database: %v", err)
		}
	})
	return c.url(name)
}

// url names everything that the environment's PG variables would change.
func (c *Cluster) url(database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.User("postgres"),
		Path:     "/" + database,
		RawQuery: url.Values{"host": {c.dir}, "port": {"5432"}}.Encode(),
	}
	return u.String()
}

func (c *Cluster) exec(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), statementLimit)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.url("postgres"))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}

// findPrograms returns the folder of the PATH's PostgreSQL, or of the newest
// one that Debian's packages installed.
func findPrograms() (bin string, err error) {
	if initdb, err := exec.LookPath("initdb"); err == nil {
		// Debian's programs find their libraries from their own place.
		if initdb, err = filepath.EvalSymlinks(initdb); err == nil {
			return filepath.Dir(initdb), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", ErrNotInstalled
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return cmp.Compare(major(a), major(b)) })
	return filepath.Dir(newest), nil
}

// major is the version in the path of one of Debian's programs.
func major(path string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	if err != nil {
		return 0
	}
	return n
}

// unprivileged says whom to run PostgreSQL as, and gives them dir.
func unprivileged(dir string) (*syscall.SysProcAttr, error) {
	// A group of its own keeps a terminal's Ctrl-C from the shell, which has
	// to outlive us.
	attr := &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() != 0 {
		return attr, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		account, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, fmt.Errorf("no user to run PostgreSQL as: %w", err)
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attr, os.Chown(dir, int(uid), int(gid))
}

// runScript runs cluster.sh until it says that PostgreSQL is ready.
func runScript(dir, bin string, attr *syscall.SysProcAttr) (stop func() error, err error) {
	shell := exec.Command("sh", "-c", clusterScript, "cluster.sh", dir)
	shell.Dir = dir
	shell.SysProcAttr = attr
	// Nothing else of the environment: no PGDATA, no locale.
	shell.Env = []string{"PATH=" + bin + ":/usr/bin:/bin", "LC_ALL=C"}
	stdin, err := shell.StdinPipe()
	if err != nil {
		return nil, err
	}
	said, saying, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer said.Close()
	shell.Stdout, shell.Stderr = saying, saying
	err = shell.Start()
	saying.Close()
	if err != nil {
		return nil, err
	}
	stop = func() error {
		kill := time.AfterFunc(stopLimit, func() { syscall.Kill(-shell.Process.Pid, syscall.SIGKILL) })
		defer kill.Stop()
		stdin.Close()
		return shell.Wait()
	}

	// The script closes its output when PostgreSQL is ready, or by failing.
	if err := said.SetReadDeadline(time.Now().Add(startLimit)); err != nil {
		return nil, errors.Join(err, stop())
	}
	output, err := io.ReadAll(said)
	if err == nil && bytes.HasSuffix(output, []byte("ready\n")) {
		return stop, nil
	}
	return nil, errors.Join(err, stop(), errors.New(strings.TrimSpace(string(output))))
}
