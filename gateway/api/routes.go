package api

import (
	"bytes"
	"context"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"smsbridge/gateway"
)

// describe begins the OpenAPI document, and serves it.
func (a *API) describe(version string) {
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{Title: "smsbridge", Version: version,
			Description: "Texts, conversations and carriers. Errors are application/problem+json with a stable `code`."},
		Components: &huma.Components{
			Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"session": {Type: "apiKey", In: "cookie", Name: cookieName, Description: "People: POST /session"},
				"token":   {Type: "http", Scheme: "bearer", Description: "Programs"},
			},
		},
		Security: []map[string][]string{{"session": {}}, {"token": {}}},
	}
	a.huma = humago.New(a.mux, huma.Config{
		OpenAPI: doc, OpenAPIPath: documentPath,
		Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json", Transformers: []huma.Transformer{withCode},
	})
}

const documentPath = "/openapi"

// writeDocument has the document written before it is asked for: huma writes it
// when it first is, without heed to others who ask at the same time.
func (a *API) writeDocument() {
	if err := addExamples(a.huma.OpenAPI()); err != nil {
		a.log.Error("document", "error", err) // a test keeps this from happening
	}
	for _, form := range []string{".json", ".yaml", "-3.0.json", "-3.0.yaml"} {
		r := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: documentPath + form}}
		a.mux.ServeHTTP(&nowhere{http.Header{}}, r)
	}
}

// nowhere is a response that nobody reads.
type nowhere struct{ header http.Header }

func (w *nowhere) Header() http.Header         { return w.header }
func (w *nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (w *nowhere) WriteHeader(int)             {}

// operation begins the description of a route. answer is what it answers with
// the status; nil is no body.
func (a *API) operation(method, path string, status int, answer reflect.Type, summary string) huma.Operation {
	path = prefix + path
	a.paths[path] = append(a.paths[path], method)
	schemas := a.huma.OpenAPI().Components.Schemas
	problems := map[string]*huma.MediaType{"application/problem+json": {Schema: schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")}}
	op := huma.Operation{
		OperationID: operationID(method, path), Method: method, Path: path, Summary: summary, DefaultStatus: status,
		Tags: []string{strings.Split(path[len(prefix)+1:], "/")[0]},
		Responses: map[string]*huma.Response{
			strconv.Itoa(status): {Description: http.StatusText(status)},
			"default":            {Description: "A problem", Content: problems},
		},
	}
	if answer != nil {
		op.Responses[strconv.Itoa(status)].Content = map[string]*huma.MediaType{"application/json": {Schema: schemas.Schema(answer, true, "")}}
	}
	return op
}

// operationID makes "post-conversations-id-take" of a route.
func operationID(method, path string) string {
	path = strings.NewReplacer("/", "-", "{", "", "}", "").Replace(path[len(prefix):])
	return strings.ToLower(method) + path
}

// read mounts a route that only reads. Its parameters are those of In; Out is
// what serve writes.
func read[Out, In any](a *API, path, summary string, serve func(context.Context, *caller, *In) ([]byte, error)) {
	op := a.operation(http.MethodGet, path, http.StatusOK, reflect.TypeFor[Out](), summary)
	huma.Register(a.huma, op, func(ctx context.Context, in *In) (*rendered, error) {
		body, err := serve(ctx, callerOf(ctx), in)
		if err != nil {
			return nil, a.problemOf(ctx, err)
		}
		return &rendered{"application/json", body}, nil
	})
}

// rendered is an answer that is JSON already.
type rendered struct {
	ContentType string `header:"Content-Type" hidden:"true"`
	Body        []byte
}

// write mounts a route that changes something. It is described by the same
// means as the others, from In, the input that serve itself decodes, but served
// without them: an optional body, a text in a batch and a text alone are decoded
// once, alike and strictly, and a send costs a third less than if its body were
// validated before it is decoded.
func write[Out, In any](a *API, method, path string, status int, summary string, serve func(http.ResponseWriter, *http.Request, *caller) error) {
	answer := reflect.TypeFor[Out]()
	if answer == reflect.TypeFor[nothing]() {
		answer = nil
	}
	mount[In](a, a.operation(method, path, status, answer, summary), serve)
}

// NoBody is what needs not be said: an object that is empty.
type NoBody struct{}

// nothing is the answer that has no body.
type nothing struct{}

// mount describes op from In, and has serve answer it.
func mount[In any](a *API, op huma.Operation, serve func(http.ResponseWriter, *http.Request, *caller) error) {
	described := huma.NewAPI(huma.Config{OpenAPI: a.huma.OpenAPI()}, &mounter{a.mux, func(w http.ResponseWriter, r *http.Request) {
		if err := serve(w, r, callerOf(r.Context())); err != nil {
			a.writeProblem(w, r, err)
		}
	}})
	huma.Register(described, op, func(context.Context, *In) (*struct{}, error) { return nil, nil })
}

// mounter is an adapter that mounts serve where huma would mount its own handler.
type mounter struct {
	*http.ServeMux
	serve http.HandlerFunc
}

// Handle implements huma.Adapter.
func (m *mounter) Handle(op *huma.Operation, _ func(huma.Context)) {
	m.HandleFunc(op.Method+" "+op.Path, m.serve)
}

// decode reads the body of a request into v, strictly. An empty body leaves v
// as it is.
func decode(r *http.Request, v any) error {
	if r.Body == http.NoBody {
		return nil
	}
	if ct := r.Header.Get("Content-Type"); ct != "" && ct != "application/json" {
		if ct, _, err := mime.ParseMediaType(ct); err != nil || ct != "application/json" {
			return problem(http.StatusUnsupportedMediaType, codeInvalidRequest, "The body must be application/json.")
		}
	}
	body, err := readBody(r)
	if err != nil || len(bytes.TrimSpace(body)) == 0 {
		return err
	}
	return decodeBytes(body, v)
}

func readBody(r *http.Request) ([]byte, error) {
	buf := bytes.NewBuffer(make([]byte, 0, max(512, min(int(r.ContentLength)+bytes.MinRead, maxBody))))
	_, err := buf.ReadFrom(r.Body)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, problem(http.StatusRequestEntityTooLarge, codeInvalidRequest, "The body is larger than "+strconv.FormatInt(large.Limit, 10)+" octets.")
	case err != nil:
		return nil, problem(http.StatusBadRequest, codeInvalidRequest, "The body could not be read.")
	}
	return buf.Bytes(), nil
}

func decodeBytes(body []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			return problem(http.StatusBadRequest, codeInvalidRequest, "There is something behind the JSON value.")
		}
		return nil
	}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	var fault *gateway.FieldError
	var at *time.ParseError
	switch {
	case errors.As(err, &fault):
		return fault
	case errors.As(err, &syntax), errors.Is(err, io.ErrUnexpectedEOF):
		return problem(http.StatusBadRequest, codeInvalidRequest, "The body is not JSON: "+err.Error()+".")
	case errors.As(err, &kind):
		return invalid(strings.TrimSuffix("body."+kind.Field, "."), "want "+wanted(kind.Type)+", not "+kind.Value)
	case errors.As(err, &at):
		return invalid("body", fmt.Sprintf("%s is no time: want one such as 2026-11-30T08:00:00Z", at.Value))
	}
	return invalid("body", strings.TrimPrefix(err.Error(), "json: "))
}

// wanted names a type as clients know it.
func wanted(t reflect.Type) string {
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return "a string"
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Slice:
		return "a list"
	}
	return "an object"
}
