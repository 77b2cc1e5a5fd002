package api

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// examples.json has a request and its answer for each operation. A test makes it,
// and holds it against the document and against what is answered.
//
//go:embed examples.json
var examplesText []byte

// example is one request and its answer.
type example struct {
	Path    string          `json:"path"` // with its query
	Request json.RawMessage `json:"request,omitempty"`
	Status  int             `json:"status"`
	Answer  json.RawMessage `json:"answer,omitempty"`
}

// addExamples puts the examples into the document.
func addExamples(doc *huma.OpenAPI) error {
	all := map[string]example{}
	if err := json.Unmarshal(examplesText, &all); err != nil {
		return fmt.Errorf("examples: %w", err)
	}
	for _, op := range operationsOf(doc) {
		if e, ok := all[op.OperationID]; ok {
			if err := e.addTo(op); err != nil {
				return fmt.Errorf("example of %s: %w", op.OperationID, err)
			}
		}
	}
	return nil
}

// operationsOf lists all operations of a document.
func operationsOf(doc *huma.OpenAPI) []*huma.Operation {
	var all []*huma.Operation
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Patch, item.Delete} {
			if op != nil {
				all = append(all, op)
			}
		}
	}
	return all
}

func (e *example) addTo(op *huma.Operation) error {
	asked, err := url.Parse(e.Path)
	if err != nil {
		return err
	}
	pattern, path := strings.Split(op.Path, "/"), strings.Split(asked.Path, "/")
	for _, p := range op.Parameters {
		switch p.In {
		case "path":
			for i := range min(len(pattern), len(path)) {
				if pattern[i] == "{"+p.Name+"}" {
					p.Example = path[i]
				}
			}
		case "query":
			if asked.Query().Has(p.Name) {
				p.Example = asked.Query().Get(p.Name)
			}
		}
	}
	if op.RequestBody != nil {
		if err := setExample(op.RequestBody.Content, e.Request); err != nil {
			return err
		}
	}
	if answer := op.Responses[strconv.Itoa(e.Status)]; answer != nil {
		return setExample(answer.Content, e.Answer)
	}
	return nil
}

func setExample(content map[string]*huma.MediaType, text json.RawMessage) error {
	if len(text) == 0 {
		return nil
	}
	for _, media := range content {
		if err := json.Unmarshal(text, &media.Example); err != nil {
			return err
		}
	}
	return nil
}
