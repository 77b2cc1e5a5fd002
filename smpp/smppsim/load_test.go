package smppsim

import (
	"testing"
	"time"

	"smsbridge/smpp"
)

// BenchmarkSubmits runs one ESME at a window of 100 through submit_sm, response,
// receipt and its response.
func BenchmarkSubmits(b *testing.B) {
	for name, delay := range map[string]time.Duration{"receipts at once": 0, "receipts later": 20 * time.Millisecond} {
		b.Run(name, func(b *testing.B) {
			s := start(b, Options{Script: Script{Receipt: ReceiptScript{Delay: delay}}})
			e := bound(b, s)
			if err := e.conn.SetDeadline(time.Time{}); err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			e.load(b.N, b.N, 100)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "submits/s")
			if stats := await(b, s, func(stats Stats) bool { return stats.Owed == 0 }); stats.ReceiptsAcked != uint64(b.N) {
				b.Errorf("counters %+v", stats)
			}
		})
	}
}

func TestLoadIsComplete(t *testing.T) {
	s := start(t, Options{Script: Script{Receipt: ReceiptScript{Delay: time.Millisecond, Jitter: 5 * time.Millisecond, Doubled: true}}})
	const n = 5000
	bound(t, s).load(n, 2*n, 100)
	stats := await(t, s, func(stats Stats) bool { return stats.Owed == 0 })
	if stats.Accepted != n || stats.Responses != n || stats.ReceiptsAcked != 2*n || stats.ProtocolErrors != 0 {
		t.Errorf("counters %+v", stats)
	}
}

// load submits n texts, with so many unanswered, and acknowledges receipts, until
// all responses and so many receipts have come.
func (e *esme) load(n, receipts, window int) {
	e.t.Helper()
	m := hello(customer)
	e.seq = 1000
	var out []byte
	submitted, answered := 0, 0
	pending := &pendingReads{esme: e, out: &out}
	e.frames = smpp.NewFrameReader(pending)
	for received := 0; answered < n || received < receipts; {
		for submitted < n && submitted-answered < window {
			submitted++
			out = smpp.AppendShortMessage(out, smpp.Header{Command: smpp.CmdSubmitSM, Sequence: uint32(submitted)}, m)
		}
		p := e.read()
		switch {
		case p.Command == smpp.CmdSubmitSMResp && p.Status == smpp.ESME_ROK:
			answered++
		case p.Command == smpp.CmdDeliverSM:
			received++
			out = smpp.AppendResponse(out, smpp.Header{Command: smpp.CmdDeliverSMResp, Sequence: p.Sequence}, nil)
		default:
			e.t.Fatalf("%v %v", p.Command, p.Status)
		}
	}
	e.write(out)
}

// pendingReads writes what is due before it reads.
type pendingReads struct {
	esme *esme
	out  *[]byte
}

func (p *pendingReads) Read(b []byte) (int, error) {
	if len(*p.out) > 0 {
		if _, err := p.esme.conn.Write(*p.out); err != nil {
			return 0, err
		}
		*p.out = (*p.out)[:0]
	}
	return p.esme.conn.Read(b)
}
