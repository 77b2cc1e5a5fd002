package node_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"smsbridge/config"
	"smsbridge/gateway/node"
	"smsbridge/gateway/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func parse(t testing.TB, name, more string) *config.Config {
	t.Helper()
	text := fmt.Sprintf("listen: 127.0.0.1:0\nstore: sqlite:%s\nnode: %s\n%s", filepath.Join(t.TempDir(), "s.db"), name, more)
	cfg, err := config.Parse("smsbridge.yaml", []byte(text), config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// carrier has nobody at its address: a node starts all the same.
const carrier = "carriers: [{name: acme, numbers: ['+12602058900'], smpp: {hosts: ['127.0.0.1:1'], system_id: us, password: x}}]\n"

// running is a node that the test has started.
type running struct {
	*node.Node
	stop func() error
}

func start(t testing.TB, cfg *config.Config) running {
	t.Helper()
	n, err := node.New(t.Context(), cfg, node.Version{Version: "test"}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	stopped := false
	r := running{n, func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-ended
	}}
	t.Cleanup(func() { r.stop() })
	return r
}

func (r running) get(t testing.TB, path string) (int, string) {
	t.Helper()
	client := http.Client{Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	response, err := client.Get("http://" + r.Addr().String() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// Nothing of a node is the process's: two of them know nothing of each other.
func TestTwoNodesInOneProcess(t *testing.T) {
	a, b := start(t, parse(t, "a", carrier)), start(t, parse(t, "b", carrier))
	for _, n := range []running{a, b} {
		for _, path := range []string{"/-/healthy", "/-/ready", "/openapi.json"} {
			if code, body := n.get(t, path); code != http.StatusOK {
				t.Errorf("%s: %d %s", path, code, body)
			}
		}
		if _, body := n.get(t, "/metrics"); !strings.Contains(body, `smsbridge_bind_up{bind="1",carrier="acme"} 0`) || !strings.Contains(body, `smsbridge_build_info{`) {
			t.Error("its metrics lack the bind or the build")
		}
	}
	begin := time.Now()
	if err := a.stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("it took %v to stop", took)
	}
	if code, _ := b.get(t, "/-/ready"); code != http.StatusOK {
		t.Error("the one that goes on is not ready")
	}
}

func TestStoreIsUsedByOneDaemon(t *testing.T) {
	cfg := parse(t, "a", "")
	first := start(t, cfg)
	if _, err := node.New(t.Context(), cfg, node.Version{}, quiet); !errors.Is(err, store.ErrInUse) {
		t.Errorf("a second daemon on the store: %v", err)
	}
	if code, _ := first.get(t, "/-/ready"); code != http.StatusOK {
		t.Error("the first is not ready")
	}
}

// A configuration that is right is possible, and looking at it opens nothing: the
// modem need not be there.
func TestCheck(t *testing.T) {
	if err := node.Check(parse(t, "a", carrier)); err != nil {
		t.Errorf("a right configuration: %v", err)
	}
	modem := strings.Replace(carrier, "]\n", ", {name: desk, numbers: ['+447700900123'], gsm: {device: auto}}]\n", 1)
	if err := node.Check(parse(t, "a", modem)); err != nil {
		t.Errorf("a modem: %v", err)
	}
}

func TestAccounts(t *testing.T) {
	cfg := parse(t, "a", "")
	a, err := node.OpenAccounts(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	const password = "correct horse"
	if _, err := a.Add(t.Context(), "Ana", "101", "agent", "", password); err != nil {
		t.Fatal(err)
	}
	if p, err := a.Add(t.Context(), "Mia", "201", "manager", "general", password); err != nil || len(p.Queues) != 1 {
		t.Fatalf("a manager of General: %+v, %v", p, err)
	}
	for name, add := range map[string][4]string{
		"no name": {"", "102", "agent", ""}, "no extension": {"Ben", "", "agent", ""}, "space in it": {"Ben", "1 2", "agent", ""},
		"such role": {"Ben", "102", "boss", ""}, "such queue": {"Ben", "102", "agent", "Sales"}, "taken": {"Ben", "101", "agent", ""},
	} {
		if _, err := a.Add(t.Context(), add[0], add[1], add[2], add[3], password); err == nil {
			t.Errorf("%s: it was added", name)
		}
	}
	if _, err := a.Add(t.Context(), "Ben", "102", "agent", "", "short"); err == nil {
		t.Error("a short password was taken")
	}
	if err := a.Disable(t.Context(), "101"); err != nil {
		t.Error(err)
	}
	if err := a.Disable(t.Context(), "999"); err == nil {
		t.Error("nobody was disabled")
	}
	people, err := a.List(t.Context())
	if err != nil || len(people) != 2 || !people[0].Disabled || people[1].Disabled {
		t.Errorf("people: %+v, %v", people, err)
	}
	token, err := a.CreateToken(t.Context(), node.Token{Name: "shop", Scopes: []string{"messages:send"}, Numbers: []string{"+12602058900"}, AllowTo: []string{"+1"}, PerDay: 5})
	if err != nil || !strings.HasPrefix(token.Secret, "sms_") {
		t.Fatalf("token: %+v, %v", token, err)
	}
	if _, err := a.CreateToken(t.Context(), node.Token{Name: "shop", Scopes: []string{"everything"}}); err == nil {
		t.Error("a scope that is none was taken")
	}
	tokens, err := a.Tokens(t.Context())
	if err != nil || len(tokens) != 1 || tokens[0].Secret != "" {
		t.Errorf("tokens: %+v, %v", tokens, err)
	}
	if err := a.Revoke(t.Context(), "shop"); err != nil {
		t.Error(err)
	}
	if err := a.Revoke(t.Context(), "shop"); err == nil {
		t.Error("a token was revoked twice")
	}
}
