package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"smsbridge/gateway/router"
)

var update = flag.Bool("update", false, "write examples.json anew")

// tour asks for everything that there is once, and remembers the answers, with
// made-up ids and times, as examples.
type tour struct {
	*site
	t    *testing.T
	made map[string]string // id or time -> what stands for it
	all  map[string]example
}

// operation finds which one of the document answers a request.
func (s *site) operation(method, path string) *huma.Operation {
	_, pattern := s.api.mux.Handler(&http.Request{Method: method, URL: &url.URL{Path: path}})
	_, pattern, _ = strings.Cut(pattern, " ")
	item := s.api.huma.OpenAPI().Paths[pattern]
	if item == nil {
		return nil
	}
	return map[string]*huma.Operation{"GET": item.Get, "PUT": item.Put, "POST": item.Post, "PATCH": item.Patch, "DELETE": item.Delete}[method]
}

// ask makes a request that must be answered, and keeps it as the operation's
// example if it is the first.
func (o *tour) ask(by *client, method, path string, body any, header ...string) answer {
	o.t.Helper()
	a := by.do(method, path, body, header...)
	if a.status >= 300 {
		o.t.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
	}
	bare, _, _ := strings.Cut(path, "?")
	if !strings.HasPrefix(bare, "/openapi") {
		bare, path = prefix+bare, prefix+path
	}
	op := o.operation(method, bare)
	if op == nil {
		o.t.Fatalf("no operation answers %s %s", method, path)
	}
	if _, ok := o.all[op.OperationID]; ok {
		return a
	}
	e := example{Path: o.makeUp(path), Status: a.status, Answer: o.example(a.header.Get("Content-Type"), a.body)}
	if body != nil {
		text, ok := body.(string)
		if !ok {
			b, err := json.Marshal(body)
			if err != nil {
				o.t.Fatal(err)
			}
			text = string(b)
		}
		kind := "application/json"
		if i := slices.Index(header, "Content-Type"); i >= 0 {
			kind = header[i+1]
		}
		e.Request = o.example(kind, []byte(text))
	}
	o.all[op.OperationID] = e
	return a
}

// example is a body with made-up ids and times; what is no JSON is a string.
func (o *tour) example(kind string, body []byte) json.RawMessage {
	if len(body) == 0 {
		return nil
	}
	text := o.makeUp(string(body))
	if kind, _, _ = strings.Cut(kind, ";"); kind != "application/json" {
		quoted, err := json.Marshal(text)
		if err != nil {
			o.t.Fatal(err)
		}
		return quoted
	}
	return json.RawMessage(text)
}

var (
	madeUp = regexp.MustCompile(`\b0[0-9a-hjkmnp-tv-z]{12}\b|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z|\bsms_[A-Za-z0-9_-]{20,}|"seconds?":[0-9.]+|\b[0-9a-f]{32,64}\b`)
	noon   = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
)

// makeUp replaces what differs with each run: the same is replaced by the same.
func (o *tour) makeUp(text string) string {
	return madeUp.ReplaceAllStringFunc(text, func(s string) string {
		if o.made[s] != "" {
			return o.made[s]
		}
		n := len(o.made) + 1
		switch {
		case s == "0000000000001": // General
			return s
		case strings.Contains(s, "T") && strings.HasSuffix(s, "Z"):
			o.made[s] = noon.Add(time.Duration(n) * 7 * time.Second).Format(time.RFC3339)
		case strings.HasPrefix(s, "sms_"):
			o.made[s] = "sms_EXAMPLE-9wJ2mXkQ4tVbR7cYpL0sNfHdG3aZ"
		case len(s) >= 32:
			o.made[s] = fmt.Sprintf("%032x", n)
		default:
			o.made[s] = fmt.Sprintf("06zar6vy%05d", n)
		}
		return o.made[s]
	})
}

// TestExamples holds examples.json against what is answered: each operation has an
// example, as the document describes it, and no other than today's. With -update
// it is written anew.
func TestExamples(t *testing.T) {
	site := newSiteWith(t, func(l *router.Line) { l.Trace = func(time.Time, func(int, bool, string)) {} })
	o := &tour{site: site, t: t, made: map[string]string{}, all: map[string]example{}}
	o.run()
	o.visit()
	doc := o.api.huma.OpenAPI()
	for _, op := range operationsOf(doc) {
		written, ok := writtenExamples[op.OperationID]
		switch _, toured := o.all[op.OperationID]; {
		case ok:
			o.all[op.OperationID] = written
		case !toured:
			t.Errorf("the tour does not come to %s %s", op.Method, op.Path)
		}
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(o.all); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("examples.json", text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	stored := map[string]example{}
	if err := json.Unmarshal(examplesText, &stored); err != nil {
		t.Fatal(err)
	}
	for id, e := range o.all {
		s, ok := stored[id]
		switch {
		case !ok:
			t.Errorf("examples.json has no %s: go test -run TestExamples ./gateway/api -update", id)
		case s.Status != e.Status || shapeOf(t, s.Answer) != shapeOf(t, e.Answer) || shapeOf(t, s.Request) != shapeOf(t, e.Request):
			t.Errorf("%s is answered otherwise than examples.json says: go test -run TestExamples ./gateway/api -update\n%s\n%s", id, s.Answer, e.Answer)
		}
	}
	for id := range stored {
		if _, ok := o.all[id]; !ok {
			t.Errorf("examples.json has %s, which is no operation", id)
		}
	}
	served := string((&client{s: o.site}).do("GET", "/openapi.json", nil).body)
	for _, op := range operationsOf(doc) {
		o.checkExample(op)
		if id := `"operationId":"` + op.OperationID + `"`; !strings.Contains(served, id) {
			t.Errorf("the document does not have %s", id)
		}
		if op.RequestBody != nil && len(o.all[op.OperationID].Request) > 0 && exampleIn(op.RequestBody.Content) == nil {
			t.Errorf("the document has no example of a request of %s", op.OperationID)
		}
		if e := o.all[op.OperationID]; len(e.Answer) > 0 && exampleIn(op.Responses[strconv.Itoa(e.Status)].Content) == nil {
			t.Errorf("the document has no example of an answer of %s", op.OperationID)
		}
	}
	if n := strings.Count(served, `"example":`); n < len(o.all) {
		t.Errorf("the document that is served has %d examples", n)
	}
}

func exampleIn(content map[string]*huma.MediaType) any {
	for _, media := range content {
		return media.Example
	}
	return nil
}

// checkExample holds an operation's example against what the document says of it.
func (o *tour) checkExample(op *huma.Operation) {
	o.t.Helper()
	e := o.all[op.OperationID]
	check := func(what string, content map[string]*huma.MediaType, text json.RawMessage, mode huma.ValidateMode) {
		for kind, media := range content {
			if kind != "application/json" {
				continue
			}
			if len(text) == 0 {
				if media.Schema != nil && mode == huma.ModeReadFromServer {
					o.t.Errorf("%s has no example of its %s", op.OperationID, what)
				}
				continue
			}
			var v any
			if err := json.Unmarshal(text, &v); err != nil {
				o.t.Fatal(err)
			}
			res := &huma.ValidateResult{}
			huma.Validate(o.api.huma.OpenAPI().Components.Schemas, media.Schema, huma.NewPathBuffer(nil, 0), mode, v, res)
			for _, err := range res.Errors {
				o.t.Errorf("%s, %s: %v in %s", op.OperationID, what, err, text)
			}
		}
	}
	if op.RequestBody != nil {
		check("request", op.RequestBody.Content, e.Request, huma.ModeWriteToServer)
	}
	check("answer", op.Responses[strconv.Itoa(e.Status)].Content, e.Answer, huma.ModeReadFromServer)
}

// writtenExamples are of what the tour cannot show: it would have to read a stream,
// or to have a carrier that texts itself.
var writtenExamples = map[string]example{
	"get-events": {Path: prefix + "/events", Status: 200, Answer: json.RawMessage(`"id: 4711\nevent: conversation.taken\ndata: ` +
		`{\"id\":\"4711\",\"type\":\"conversation.taken\",\"time\":\"2026-11-02T09:00:07Z\",\"data\":{\"conversation\":{\"id\":\"06zar6vy00007\",\"status\":\"taken\",` +
		`\"owner\":{\"id\":\"06zar6vy00002\",\"name\":\"ana\",\"extension\":\"101\"},\"epoch\":2},\"gone\":true}}\n\n"`)},
	"post-carriers-name-selftest": {Path: prefix + "/carriers/acme/selftest", Status: 200, Request: json.RawMessage(`{"to":"` + ours + `"}`),
		Answer: json.RawMessage(`{"items":[{"alphabet":"gsm7","sent":"@£$¥èéùì","answer":"accepted","came":true,"text":"@£$¥èéùì","whole":true,"as":"gsm7"}],"fits":["gsm7"]}`)},
	"post-carriers-name-ussd": {Path: prefix + "/carriers/desk-sim/ussd", Status: 200, Request: json.RawMessage(`{"code":"*100#"}`),
		Answer: json.RawMessage(`{"text":"Your balance is 12.50.","more":false}`)},
}

// shapeOf is a JSON value with only the names and kinds of what is in it.
func shapeOf(t *testing.T, text json.RawMessage) string {
	t.Helper()
	if len(text) == 0 {
		return ""
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	var shape func(any) any
	shape = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			for k := range v {
				v[k] = shape(v[k])
			}
			return v
		case []any:
			if len(v) == 0 {
				return v
			}
			return []any{shape(v[0])}
		case nil:
			return nil
		}
		return fmt.Sprintf("%T", v)
	}
	b, err := json.Marshal(shape(v))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
