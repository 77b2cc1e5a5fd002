package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "smsbridge/"

// allowed says which packages of ours each package may import, tests aside.
// The protocol libraries know no gateway, the domain knows no database, and
// nothing below the router changes state by itself. A new package belongs in
// here before it is imported.
var allowed = map[string][]string{
	"smpp":                    {},
	"smpp/smppsim":            {"smpp"},
	"gsm":                     {},
	"gsm/gsmsim":              {},
	"config":                  {"smpp", "gsm"}, // for their Config types
	"gateway":                 {},
	"gateway/store":           {"gateway"},
	"gateway/store/storetest": {},
	"gateway/router":          {"gateway", "gateway/store"},
	"gateway/carrier":         {"gateway", "gateway/store", "smpp", "gsm"},
	"gateway/api":             {"gateway", "gateway/router", "gateway/store"},
	"gateway/web":             {},
	"gateway/node": {
		"config", "smpp", "gsm",
		"gateway", "gateway/api", "gateway/carrier", "gateway/router", "gateway/store", "gateway/web",
	},
	"cmd/smsbridge": {
		"config", "gateway/node", "gateway/store",
		"smpp", "smpp/smppsim", "gsm", "gsm/gsmsim",
	},
}

// listedPackage is what we need of `go list -json`.
type listedPackage struct {
	ImportPath string
	Name       string
	Imports    []string // without those of the tests
}

func TestImportsRunOneWay(t *testing.T) {
	for _, p := range listPackages(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		may, known := allowed[path]
		if !known {
			t.Errorf("%s is in no import rule: add it to the table of allowed imports", path)
			continue
		}
		for _, imported := range p.Imports {
			ours, ok := strings.CutPrefix(imported, module)
			if ok && !slices.Contains(may, ours) {
				t.Errorf("%s imports %s; it may import only %v of ours", path, ours, may)
			}
		}
	}
}

func TestOnlyCommandsAreMain(t *testing.T) {
	for _, p := range listPackages(t) {
		command := strings.HasPrefix(p.ImportPath, module+"cmd/")
		if (p.Name == "main") != command {
			t.Errorf("%s is package %s; package main belongs in cmd, and nothing else does", p.ImportPath, p.Name)
		}
	}
}

func listPackages(t *testing.T) []listedPackage {
	t.Helper()
	const root = "../.."
	dependOnSources(t, root)
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Name,Imports", "./...")
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, &stderr)
	}
	var packages []listedPackage
	decoder := json.NewDecoder(bytes.NewReader(output))
	for {
		var p listedPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

// dependOnSources looks at each Go file below root, because the cache of test
// results knows what this process reads, and not what its go list reads.
func dependOnSources(t *testing.T, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "node_modules"):
			return fs.SkipDir
		case filepath.Ext(path) == ".go":
			_, err = os.Stat(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
