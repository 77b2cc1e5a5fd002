package smppsim

import (
	"time"

	"smsbridge/smpp"
)

// ledger knows the newest accepted messages by their ids, for query_sm and
// cancel_sm.
type ledger struct {
	jobs   map[ledgerKey]*accepted
	newest ring[ledgerKey]
}

type ledgerKey struct{ account, id string }

func newLedger(size int) ledger {
	return ledger{jobs: make(map[ledgerKey]*accepted), newest: newRing[ledgerKey](size)}
}

func (l *ledger) add(job *accepted) {
	key := ledgerKey{job.account.name, job.id}
	if oldest, full := l.newest.oldest(); full {
		delete(l.jobs, oldest)
	}
	l.newest.add(key)
	l.jobs[key] = job
}

// find returns an account's message, which a request names by its id and its
// source (SMPP 3.4 §4.8.1, §4.9.1), or nil.
func (l *ledger) find(a *account, id string, source smpp.Address) *accepted {
	job := l.jobs[ledgerKey{a.name, id}]
	if job == nil || job.message.Source.Value != source.Value {
		return nil
	}
	return job
}

// conclude ends the life of a message: it is in its final state from now on, and
// its receipts are sent. Only the first call counts. mu is held.
func (s *SMSC) conclude(job *accepted) {
	if !job.done.IsZero() {
		return
	}
	job.done = time.Now()
	if job.owed {
		job.account.owed--
	}
	if job.play.wantsReceipt(job.message) {
		s.sendReceipts(job)
	}
	if job.echo != nil && (job.final == "DELIVRD" || job.final == "") {
		s.sendEcho(job.account, job.echo)
	}
}

// state is the message_state (SMPP 3.4 §5.2.28). mu is held.
func (j *accepted) state() uint8 {
	if state, ok := receiptStates[j.final]; ok && !j.done.IsZero() {
		return state
	}
	return receiptStates["ENROUTE"]
}

// asked returns the message that a request is about, or answers that there is none.
// mu is held.
func (c *session) asked(h smpp.Header, id string, source smpp.Address, none smpp.Status) *accepted {
	if c.account == nil || c.mode == smpp.CmdBindReceiver {
		c.answer(h, smpp.ESME_RINVBNDSTS)
		return nil
	}
	job := c.smsc.ledger.find(c.account, id, source)
	if job == nil {
		c.answer(h, none)
	}
	return job
}

func (c *session) handleQuery(h smpp.Header, q *smpp.QueryRequest) {
	s := c.smsc
	s.lock()
	defer s.unlock()
	s.stats.Queries++
	job := c.asked(h, q.MessageID, q.Source, smpp.ESME_RQUERYFAIL)
	if job == nil {
		return
	}
	r := &smpp.QueryResponse{MessageID: q.MessageID, MessageState: job.state()}
	if r.MessageState != receiptStates["ENROUTE"] {
		r.FinalDate = job.done.UTC().Format("060102150405") + "000+" // SMPP 3.4 §7.1.1.1
	}
	c.out.add(func(b []byte) []byte {
		return smpp.AppendQueryResponse(b, smpp.Header{Command: smpp.CmdQuerySMResp, Sequence: h.Sequence}, r)
	})
}

// handleCancel ends a message that is not in its final state yet.
func (c *session) handleCancel(h smpp.Header, r *smpp.CancelRequest) {
	s := c.smsc
	s.lock()
	defer s.unlock()
	s.stats.Cancels++
	job := c.asked(h, r.MessageID, r.Source, smpp.ESME_RCANCELFAIL)
	if job == nil {
		return
	}
	if !job.done.IsZero() {
		c.answer(h, smpp.ESME_RCANCELFAIL)
		return
	}
	s.stats.Cancelled++
	job.final = "DELETED"
	c.answer(h, smpp.ESME_ROK)
	s.conclude(job)
}
