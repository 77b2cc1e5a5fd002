package carrier

import (
	"time"

	"smsbridge/gateway"
	"smsbridge/smpp"
)

// outcomeOf says what a command_status of submit_sm_resp or generic_nack means
// for the submission (SMPP 3.4 §5.1.3, and what carriers make of it).
func outcomeOf(s smpp.Status) (gateway.Outcome, time.Duration) {
	switch s {
	case smpp.ESME_ROK:
		return gateway.OutcomeAccepted, 0
	case smpp.ESME_RTHROTTLED:
		return gateway.OutcomeThrottled, time.Second
	case smpp.ESME_RMSGQFUL:
		return gateway.OutcomeThrottled, 5 * time.Second
	case smpp.ESME_RSYSERR, smpp.ESME_RX_T_APPN, smpp.ESME_RUNKNOWNERR, smpp.ESME_RSERTYPUNAVAIL, smpp.ESME_RINVBNDSTS:
		return gateway.OutcomeRetry, 30 * time.Second
	case smpp.ESME_RSUBMITFAIL, smpp.ESME_RDELIVERYFAILURE, smpp.ESME_RQUERYFAIL:
		return gateway.OutcomeRetry, time.Minute
	}
	return gateway.OutcomeRejected, 0
}

// throttled is how long the SMSC wants nothing more.
func throttled(r smpp.Result) time.Duration {
	if r.Err != nil {
		return 0
	}
	if o, wait := outcomeOf(r.Status); o == gateway.OutcomeThrottled {
		return wait
	}
	return 0
}

// statusLabel is a bounded word for a status: carriers have numbers of their own.
func statusLabel(s smpp.Status) string {
	if word := s.String(); len(word) > 4 && word[:4] == "ESME" {
		return word
	}
	return "other"
}

// statusText says in a sentence what a refusal means to the person who wrote.
func statusText(s smpp.Status) string {
	switch s {
	case smpp.ESME_RINVDSTADR, smpp.ESME_RINVDSTTON, smpp.ESME_RINVDSTNPI:
		return "the number cannot be reached through it."
	case smpp.ESME_RINVSRCADR, smpp.ESME_RINVSRCTON, smpp.ESME_RINVSRCNPI:
		return "it does not let us send from this number."
	case smpp.ESME_RINVMSGLEN:
		return "the text is too long for it."
	case smpp.ESME_RSUBMITFAIL, smpp.ESME_RX_P_APPN, smpp.ESME_RX_R_APPN, smpp.ESME_RPROHIBITED:
		return "it gave no reason (" + s.String() + ")."
	}
	return s.String() + "."
}
