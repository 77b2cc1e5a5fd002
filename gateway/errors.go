package gateway

import (
	"fmt"
	"time"
)

// RefusalCode is the stable word by which clients tell refusals apart.
type RefusalCode string

const (
	NotFound         RefusalCode = "not_found" // also for what one may not see
	AlreadyTaken     RefusalCode = "already_taken"
	OwnedByOther     RefusalCode = "owned_by_other"
	NotOwner         RefusalCode = "not_owner"
	NotArchived      RefusalCode = "not_archived"
	StaleEpoch       RefusalCode = "stale_epoch"
	NumberInvalid    RefusalCode = "number_invalid"
	NumberNotOurs    RefusalCode = "number_not_ours"
	TextEmpty        RefusalCode = "text_empty"
	TextTooLong      RefusalCode = "text_too_long"
	OptedOut         RefusalCode = "opted_out"
	Blocked          RefusalCode = "blocked"
	AgentUnavailable RefusalCode = "agent_unavailable"
	Mismatch         RefusalCode = "idempotency_mismatch"
	Forbidden        RefusalCode = "forbidden"
	NotAllowed       RefusalCode = "destination_not_allowed"
	RateLimited      RefusalCode = "rate_limited"
	Conflict         RefusalCode = "conflict" // what is to be done does not fit the message's tick
)

// Refusal is the answer to a request that the rules do not allow. Nothing was
// changed.
type Refusal struct {
	Code       RefusalCode
	Text       string        // for a person: what is wrong and what to do
	Owner      ID            // AlreadyTaken, OwnedByOther: who has it
	OwnerName  string        // filled in by the router, which knows people
	Since      time.Time     // AlreadyTaken, OwnedByOther: since when
	Suggestion string        // NumberInvalid: what may have been meant
	Current    *Conversation // StaleEpoch: what it is now
	Contact    *Contact      // Conflict: who has the number
	RetryAfter time.Duration // RateLimited: when it may be tried again
	Cap        string        // RateLimited: which limit it is, in a word for metrics
}

func (r *Refusal) Error() string {
	if r.Text != "" {
		return string(r.Code) + ": " + r.Text
	}
	return string(r.Code)
}

// FieldError says that something cannot be saved, because of which field, as the
// API calls it. Nothing was changed.
type FieldError struct {
	Field string
	Text  string // for a person: what is wrong and what is wanted
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Text }

func unfit(field, format string, args ...any) error {
	return &FieldError{field, fmt.Sprintf(format, args...)}
}
