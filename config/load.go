package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"

	"gopkg.in/yaml.v3"
)

// maxFile bounds a configuration file, in octets. A thousand carriers fit.
const maxFile = 1 << 20

// Options says where Load looks beside the file. The zero Options is that of a
// daemon.
type Options struct {
	// Getenv looks up CREDENTIALS_DIRECTORY; nil is os.Getenv. Relative paths
	// are resolved against that folder, or against the configuration file's
	// where it is not set.
	Getenv func(string) string
	// SkipFiles leaves the files that options name unopened, and the secrets in
	// them empty: for commands that only need the store and may run where the
	// daemon's credentials are not mounted.
	SkipFiles bool
}

// Load reads and checks a configuration file. What is wrong in the file comes
// back as Problems, all of it at once; an error that is not Problems says why
// the file itself could not be read.
func Load(path string, opt Options) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return Parse(path, data, opt)
}

// Parse is Load for a file that was read already: file names it in problems,
// and its folder is what relative paths may be resolved against. Its error, if
// any, is Problems.
func Parse(file string, data []byte, opt Options) (*Config, error) {
	if opt.Getenv == nil {
		opt.Getenv = os.Getenv
	}
	d := &decoder{
		file:      file,
		folder:    filepath.Dir(file),
		fileRoot:  filepath.Dir(file),
		skipFiles: opt.SkipFiles,
		rules:     rules(),
		given:     map[string]position{},
		bad:       map[string]bool{},
	}
	if dir := opt.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		d.fileRoot = dir
	}
	c := defaults()
	if root := d.parse(data); root != nil {
		d.value(root, reflect.ValueOf(&c).Elem(), "")
		d.check(&c)
	}
	if len(d.problems) > 0 {
		d.problems.sort()
		return nil, d.problems
	}
	return &c, nil
}

// parse returns the root of the file's one document, or nil after a problem
// that leaves nothing to decode.
func (d *decoder) parse(data []byte) *yaml.Node {
	if len(data) > maxFile {
		d.problemAt(position{line: 1}, "", "the file is larger than %d octets", maxFile)
		return nil
	}
	var doc, next yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	err := dec.Decode(&doc)
	switch {
	case errors.Is(err, io.EOF), err == nil && isNull(doc.Content[0]):
		d.problemAt(position{line: 1}, "", "the file is empty")
		return nil
	case err != nil:
		d.syntaxProblem(data, err)
		return nil
	}
	switch err := dec.Decode(&next); {
	case err == nil:
		d.problemAt(position{next.Line, next.Column}, "", "a second document begins here; only one is read")
	case !errors.Is(err, io.EOF):
		d.syntaxProblem(data, err)
	}
	return doc.Content[0]
}
