package carrier

import (
	"fmt"
	"strings"
	"time"

	"smsbridge/gateway"
	"smsbridge/smpp"
)

const (
	temporaryPause = 30 * time.Second // before the second attempt, and twice as long each time
	ambiguousPause = time.Minute
	temporaryTries = 5
	ambiguousTries = 2
)

// actionAccept is what ESME_ROK leads to.
const actionAccept smpp.StatusAction = "accept"

// class says what a command_status of submit_sm_resp or generic_nack blames.
type class uint8

const (
	classAmbiguous class = iota // nobody knows what it means
	classAccepted
	classThrottle
	classQueueFull
	classTemporary
	classSession
	classProtocol // our PDU could not be read
	classEncoding // our text, in the form in which it was sent
	classLength
	classSender
	classAccount // what our account may do, or how it is configured
	classRecipient
	classMessage
	classVendor
)

// classes are what each class leads to, where the configuration says nothing
// else, and how it is put to the person who wrote: behind "The carrier refused
// it: ". %s is the status.
var classes = [...]struct {
	action smpp.StatusAction
	text   string
}{
	classAmbiguous: {smpp.ActionRetryTwice, "it gave no reason (%s)."},
	classAccepted:  {actionAccept, ""},
	classThrottle:  {smpp.ActionThrottle, "it is given more than it takes (%s)."},
	classQueueFull: {smpp.ActionQueueFull, "it has too much that waits (%s)."},
	classTemporary: {smpp.ActionRetry, "it has a fault (%s)."},
	classSession:   {smpp.ActionRebind, "it does not let this connection send (%s)."},
	classProtocol:  {smpp.ActionReject, "it could not read what it was sent (%s); somebody must look at this carrier's configuration."},
	classEncoding:  {smpp.ActionReject, "it does not take a text in this form (%s); somebody must look at this carrier's configuration."},
	classLength:    {smpp.ActionReject, "the text is too long for it (%s)."},
	classSender:    {smpp.ActionReject, "it does not let us send from this number (%s)."},
	classAccount:   {smpp.ActionReject, "our account there may not send this (%s); somebody must look at this carrier's configuration."},
	classRecipient: {smpp.ActionReject, "the number cannot be reached through it (%s)."},
	classMessage:   {smpp.ActionReject, "it does not want this text (%s)."},
	classVendor:    {smpp.ActionReject, "it has a reason of its own (%s), which its support can explain."},
}

// classOf reads a command_status (SMPP 3.4 §5.1.3, SMPP 5.0 §4.7.6, and what
// carriers make of them).
func classOf(s smpp.Status) class {
	switch s {
	case smpp.ESME_ROK:
		return classAccepted
	case smpp.ESME_RTHROTTLED:
		return classThrottle
	case smpp.ESME_RMSGQFUL:
		return classQueueFull
	case smpp.ESME_RSYSERR, smpp.ESME_RX_T_APPN, smpp.ESME_RUNKNOWNERR, smpp.ESME_RSERTYPUNAVAIL:
		return classTemporary
	case smpp.ESME_RINVBNDSTS:
		return classSession
	case smpp.ESME_RINVCMDLEN, smpp.ESME_RINVCMDID:
		return classProtocol
	case smpp.ESME_RINVMSGLEN:
		return classLength
	case smpp.ESME_RINVDESTFLAG, smpp.ESME_RINVSUBREP, smpp.ESME_RINVESMCLASS, smpp.ESME_RCNTSUBDL, smpp.ESME_RINVREPFLAG,
		smpp.ESME_RINVNUMMSGS, smpp.ESME_RINVDFTMSGID, smpp.ESME_RINVDCS:
		return classEncoding
	case smpp.ESME_RINVSRCADR, smpp.ESME_RINVSRCTON, smpp.ESME_RINVSRCNPI, smpp.ESME_RINVSRCADDRSUBUNIT:
		return classSender
	case smpp.ESME_RINVSERTYP, smpp.ESME_RINVPRTFLG, smpp.ESME_RINVREGDLVFLG, smpp.ESME_RINVSCHED, smpp.ESME_RINVEXPIRY,
		smpp.ESME_RINVOPTPARSTREAM, smpp.ESME_ROPTPARNOTALLWD, smpp.ESME_RINVPARLEN, smpp.ESME_RMISSINGOPTPARAM, smpp.ESME_RINVOPTPARAMVAL,
		smpp.ESME_RSERTYPUNAUTH, smpp.ESME_RPROHIBITED, smpp.ESME_RSERTYPDENIED:
		return classAccount
	case smpp.ESME_RINVDSTADR, smpp.ESME_RINVDSTTON, smpp.ESME_RINVDSTNPI, smpp.ESME_RINVNUMDESTS, smpp.ESME_RINVDLNAME,
		smpp.ESME_RINVDSTADDRSUBUNIT:
		return classRecipient
	case smpp.ESME_RX_P_APPN, smpp.ESME_RX_R_APPN:
		return classMessage
	}
	switch {
	case 0x107 <= s && s <= 0x112: // of broadcasting and the like (SMPP 5.0)
		return classAccount
	case 0x400 <= s && s <= 0x4FF:
		return classVendor
	}
	return classAmbiguous
}

// verdict is what a command_status means for a submission and for the carrier.
type verdict struct {
	action  smpp.StatusAction
	outcome gateway.Outcome
	name    string // of the status
	text    string
	unread  bool // the SMSC could not read the PDU
}

var outcomesOf = map[smpp.StatusAction]gateway.Outcome{
	actionAccept: gateway.OutcomeAccepted, smpp.ActionThrottle: gateway.OutcomeThrottled, smpp.ActionQueueFull: gateway.OutcomeThrottled,
	smpp.ActionRetry: gateway.OutcomeRetry, smpp.ActionRetryTwice: gateway.OutcomeRetry, smpp.ActionReject: gateway.OutcomeRejected,
	smpp.ActionRebind: gateway.OutcomeUnsent, smpp.ActionHold: gateway.OutcomeThrottled,
}

// statusActions are the actions of a configuration.
type statusActions map[smpp.Status]smpp.StatusAction

func parseStatusActions(configured map[string]smpp.StatusAction) (statusActions, error) {
	actions := statusActions{}
	for name, action := range configured {
		s, ok := smpp.ParseStatus(name)
		if _, known := outcomesOf[action]; !ok || s == smpp.ESME_ROK || !known || action == actionAccept {
			return nil, fmt.Errorf("status_actions: %s: %q", name, action)
		}
		actions[s] = action
	}
	return actions, nil
}

// verdictOf says what is to be done about a status.
func (a statusActions) verdictOf(s smpp.Status) verdict {
	if s == smpp.ESME_ROK {
		return verdict{action: actionAccept}
	}
	class := classOf(s)
	v := verdict{action: classes[class].action, name: s.String(), unread: class == classProtocol}
	v.text = fmt.Sprintf(classes[class].text, v.name)
	if action, ok := a[s]; ok {
		v.action = action
	}
	if v.action == smpp.ActionHold {
		v.text = fmt.Sprintf("our account there has no credit (%s).", v.name)
	}
	v.outcome = outcomesOf[v.action]
	return v
}

// explain completes the report of a submission, whose attempt it holds.
func (v *verdict) explain(r *gateway.Report, s smpp.Status) {
	if s == smpp.ESME_ROK {
		return
	}
	r.Code, r.Text = statusLabel(v.name), v.text
	switch v.action {
	case smpp.ActionRetry:
		r.Limit, r.RetryAfter = temporaryTries, temporaryPause<<min(max(r.Attempt-1, 0), temporaryTries)
	case smpp.ActionRetryTwice:
		r.Limit, r.RetryAfter = ambiguousTries, ambiguousPause
	}
}

// statusLabel is a bounded word for a status: carriers have numbers of their own.
func statusLabel(name string) string {
	if strings.HasPrefix(name, "ESME") {
		return name
	}
	return "other"
}
