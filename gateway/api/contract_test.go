package api

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

const contract = "contract"

// TestTypesCompile has types made of the OpenAPI document by a generator that is
// not ours, and a program compiled against them.
func TestTypesCompile(t *testing.T) {
	node, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat(contract + "/node_modules/openapi-typescript")
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("NOT TESTED: types made of the OpenAPI document. Install Node and run `npm ci --prefix gateway/api/contract`: %v", err)
	}
	s := newSite(t)
	a := (&client{s: s}).do("GET", "/openapi.json", nil)
	dir := t.TempDir()
	for _, name := range []string{"use.ts", "tsconfig.json"} {
		text, err := os.ReadFile(filepath.Join(contract, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	document := filepath.Join(dir, "openapi.json")
	if err := os.WriteFile(document, a.body, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), node, args...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	run(contract+"/node_modules/openapi-typescript/bin/cli.js", document, "-o", filepath.Join(dir, "types.ts"))
	run(contract+"/node_modules/typescript/bin/tsc", "-p", dir)
}
