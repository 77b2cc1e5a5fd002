package api

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// Problem is how every error is answered (RFC 9457). Code is stable; Detail is
// for people and may change.
type Problem struct {
	Type         string              `json:"type" example:"about:blank"`
	Title        string              `json:"title" example:"Conflict"`
	Status       int                 `json:"status" example:"409"`
	Code         string              `json:"code" example:"owned_by_other" doc:"Stable: tell errors apart by it"`
	Detail       string              `json:"detail,omitempty" doc:"For people"`
	Owner        *Person             `json:"owner,omitempty" doc:"already_taken, owned_by_other: who has it"`
	Since        *time.Time          `json:"since,omitempty" doc:"already_taken, owned_by_other: since when"`
	Suggestion   string              `json:"suggestion,omitempty" doc:"number_invalid: what may have been meant"`
	Conversation *Conversation       `json:"conversation,omitempty" doc:"stale_epoch: what it is now"`
	Contact      *Contact            `json:"contact,omitempty" doc:"conflict: who has the number"`
	Missing      []string            `json:"missing,omitempty" nullable:"false" doc:"variable_missing: the variables that have no value"`
	Text         string              `json:"text,omitempty" doc:"variable_missing: the text with the rest filled in"`
	Scope        string              `json:"scope,omitempty" doc:"forbidden: the scope that the token lacks"`
	Errors       []*huma.ErrorDetail `json:"errors,omitempty" nullable:"false" doc:"invalid_request: what is wrong, and where"`

	retryAfter time.Duration
}

// Error implements error.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(p.retryAfter.Seconds()))))
	}
	return h
}

func problem(status int, code, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

const (
	codeInvalidRequest   = "invalid_request"
	codeUnauthorized     = "unauthorized"
	codeRateLimited      = "rate_limited"
	codeStoreUnavailable = "store_unavailable"
	codeInternal         = "internal"
	codeVariableMissing  = "variable_missing"
)

func invalid(location, message string) *Problem {
	p := problem(http.StatusUnprocessableEntity, codeInvalidRequest, location+": "+message)
	p.Errors = []*huma.ErrorDetail{{Location: location, Message: message}}
	return p
}

func notFound(what string) *Problem {
	return problem(http.StatusNotFound, string(gateway.NotFound), "There is no such "+what+".")
}

func forbidden(detail string) *Problem {
	return problem(http.StatusForbidden, string(gateway.Forbidden), detail)
}

func rateLimited(detail string, after time.Duration) *Problem {
	p := problem(http.StatusTooManyRequests, codeRateLimited, detail)
	p.retryAfter = after
	return p
}

// statusOf tells the status that answers a refusal.
func statusOf(code gateway.RefusalCode) int {
	switch code {
	case gateway.NotFound:
		return http.StatusNotFound
	case gateway.Forbidden:
		return http.StatusForbidden
	case gateway.RateLimited:
		return http.StatusTooManyRequests
	case gateway.AlreadyTaken, gateway.OwnedByOther, gateway.NotOwner, gateway.NotArchived, gateway.StaleEpoch, gateway.Conflict:
		return http.StatusConflict
	}
	return http.StatusUnprocessableEntity
}

// problemOf is what answers err. What is nobody's business outside is logged
// and answered without details.
func (a *API) problemOf(ctx context.Context, err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var refusal *gateway.Refusal
	if errors.As(err, &refusal) {
		return a.refused(ctx, refusal)
	}
	var fault *gateway.FieldError
	if errors.As(err, &fault) {
		return invalid("body."+fault.Field, fault.Text)
	}
	if unavailable(err) {
		a.log.ErrorContext(ctx, "request not answered", "error", err)
		p := problem(http.StatusServiceUnavailable, codeStoreUnavailable, "The store cannot be used at the moment. Try again.")
		p.retryAfter = 2 * time.Second
		return p
	}
	if errors.Is(err, context.Canceled) {
		return problem(http.StatusServiceUnavailable, codeStoreUnavailable, "The request was given up.")
	}
	a.log.ErrorContext(ctx, "request failed", "error", err)
	return problem(http.StatusInternalServerError, codeInternal, "Something went wrong here.")
}

// unavailable tells what may pass by itself from what is wrong here.
func unavailable(err error) bool {
	var network net.Error
	return errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrClosed) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.As(err, &network)
}

func (a *API) refused(ctx context.Context, r *gateway.Refusal) *Problem {
	p := problem(statusOf(r.Code), string(r.Code), r.Text)
	p.Suggestion, p.retryAfter = r.Suggestion, r.RetryAfter
	if r.Owner != 0 {
		p.Owner = &Person{ID: r.Owner.String(), Name: r.OwnerName}
	}
	if r.Contact != nil {
		p.Contact = &Contact{ID: r.Contact.ID.String(), Name: r.Contact.Name}
	}
	if !r.Since.IsZero() {
		since := r.Since.UTC()
		p.Since = &since
	}
	if r.Current != nil {
		text, err := a.conversationJSON(ctx, *r.Current)
		c := new(Conversation)
		if err == nil && json.Unmarshal(text, c) == nil {
			p.Conversation = c
		}
	}
	return p
}

// writeProblem answers err.
func (a *API) writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := a.problemOf(r.Context(), err)
	h := w.Header()
	for k, v := range p.GetHeaders() {
		h[k] = v
	}
	text, err := json.Marshal(p)
	if err != nil {
		panic(fmt.Sprintf("problem %s: %v", p.Code, err))
	}
	h.Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	w.Write(text)
}

// withCode turns the errors that huma makes by itself into problems with a code.
func withCode(_ huma.Context, _ string, v any) (any, error) {
	e, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := problem(e.Status, codeInvalidRequest, e.Detail)
	for _, d := range e.Errors {
		if d != nil {
			p.Errors = append(p.Errors, &huma.ErrorDetail{Location: d.Location, Message: d.Message})
		}
	}
	if len(p.Errors) > 0 { // the framework says no more than that something is wrong
		p.Detail = p.Errors[0].Location + ": " + p.Errors[0].Message
	}
	if e.Status >= http.StatusInternalServerError {
		p.Code, p.Detail, p.Errors = codeInternal, "Something went wrong here.", nil
	}
	return p, nil
}
