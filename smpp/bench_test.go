package smpp

import (
	"fmt"
	"testing"
)

// BenchmarkSubmit submits over the loopback to a peer that accepts everything.
func BenchmarkSubmit(b *testing.B) {
	for _, window := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("window=%d", window), func(b *testing.B) {
			cfg := testConfig()
			cfg.Window = window
			m := &ShortMessage{
				Source: Address{5, 0, "VANSO"}, Dest: Address{1, 1, "447700900123"}, RegisteredDelivery: 1,
				Message: []byte("Your appointment is on Thursday at 10:30. Reply YES to confirm."),
			}
			var s *Session
			started := make(chan struct{})
			finished := make(chan struct{})
			submitted, settled := 0, 0
			submit := func() {
				for submitted < b.N && s.TrySubmit(m, uint64(submitted)) {
					submitted++
				}
			}
			h := Handler{Result: func(r Result) {
				if settled == 0 {
					<-started
				}
				if r.Err != nil {
					return // the end
				}
				if settled++; settled == b.N {
					close(finished)
					return
				}
				submit()
			}}
			s, p := bind(b, cfg, h)
			go respondToAll(p)
			b.ResetTimer()
			submit()
			close(started)
			<-finished
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "submits/s")
			p.conn.Close()
			<-s.Done()
		})
	}
}

// respondToAll accepts every submit_sm, in one write what came in one read.
func respondToAll(p *peer) {
	var out []byte
	buf := make([]byte, 64<<10)
	have := 0
	for {
		n, err := p.conn.Read(buf[have:])
		if err != nil {
			return
		}
		have += n
		at := 0
		out = out[:0]
		for have-at >= HeaderLen {
			length := int(buf[at+2])<<8 | int(buf[at+3])
			if have-at < length {
				break
			}
			seq := parseHeader(buf[at:]).Sequence
			out = AppendResponse(out, Header{CmdSubmitSMResp, ESME_ROK, seq}, &Response{MessageID: "0123456789"})
			at += length
		}
		have = copy(buf, buf[at:have])
		if _, err := p.conn.Write(out); err != nil {
			return
		}
	}
}
