package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"smsbridge/config"
	"smsbridge/gateway/node"
)

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// The README's configuration is right, and shows every option of what works.
func TestReadmeConfiguration(t *testing.T) {
	block := yamlBlock.FindStringSubmatch(string(document(t, "README.md")))
	if block == nil {
		t.Fatal("README.md has no configuration")
	}
	cfg, err := config.Parse("README.md", []byte(block[1]), config.Options{SkipFiles: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Check(cfg); err != nil {
		t.Error(err)
	}
	for _, key := range keys(reflect.TypeFor[config.Config]()) {
		if !regexp.MustCompile(`(?m)(^|[ {-])` + key + `:`).MatchString(block[1]) {
			t.Errorf("the option %s is not in the README's configuration", key)
		}
	}
}

// keys lists the options of a section, but those of modems and passwords that
// stand in a file of their own in the example.
func keys(section reflect.Type) []string {
	var all []string
	for i := range section.NumField() {
		f := section.Field(i)
		key := f.Tag.Get("yaml")
		if key == "gsm" || key == "password" {
			continue
		}
		all = append(all, key)
		t := f.Type
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		if t.Kind() == reflect.Struct {
			all = append(all, keys(t)...)
		}
	}
	return all
}

// Tests that the documents name exist.
func TestDocumentsNameTestsThatExist(t *testing.T) {
	tests, named := testsThatExist(t), regexp.MustCompile("`(Test[A-Z]\\w+)`")
	for _, path := range []string{"README.md", "docs/ARCHITECTURE.md", "docs/operations.md"} {
		for _, m := range named.FindAllSubmatch(document(t, path), -1) {
			if !tests[string(m[1])] {
				t.Errorf("%s names %s, which does not exist", path, m[1])
			}
		}
	}
}

// testsThatExist are the names of all tests of the repository.
func testsThatExist(t *testing.T) map[string]bool {
	t.Helper()
	tests := map[string]bool{}
	declaration := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range declaration.FindAllSubmatch(source, -1) {
			tests[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}

func document(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../..", path))
	if err != nil {
		t.Fatal(err)
	}
	return text
}
