package smpp

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	gosmppclient "github.com/fiorix/go-smpp/smpp"
	"github.com/fiorix/go-smpp/smpp/pdu/pdufield"
	"github.com/fiorix/go-smpp/smpp/pdu/pdutext"
)

const benchText = "Your appointment is on Thursday at 10:30. Reply YES to confirm."

// BenchmarkSubmit submits over the loopback to an SMSC that accepts everything at
// once, with our session and with go-smpp's client, whose window is that many
// goroutines. With "waiting" our session is used like that, too.
func BenchmarkSubmit(b *testing.B) {
	for _, window := range []int{1, 10, 100} {
		for _, c := range []struct {
			name string
			run  func(*testing.B, int)
		}{{"smsbridge", submitByResult}, {"smsbridge-waiting", submitAndWait}, {"go-smpp", submitByLibrary}} {
			b.Run(fmt.Sprintf("window=%d/%s", window, c.name), func(b *testing.B) {
				b.ReportAllocs()
				c.run(b, window)
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "submits/s")
			})
		}
	}
}

func benchMessage() *ShortMessage {
	return &ShortMessage{
		Source: Address{5, 0, "VANSO"}, Dest: Address{1, 1, "447700900123"}, RegisteredDelivery: 1, Message: []byte(benchText),
	}
}

// benchSession binds a session to the SMSC of a benchmark.
func benchSession(b *testing.B, window int, result func(Result)) (s *Session, end func()) {
	cfg := testConfig()
	cfg.Window = window
	s, p := bind(b, cfg, Handler{Result: result})
	go respondToAll(p)
	return s, func() { b.StopTimer(); p.conn.Close(); <-s.Done() }
}

// submitByResult submits whenever a result makes room, as the gateway does.
func submitByResult(b *testing.B, window int) {
	m := benchMessage()
	var s *Session
	started := make(chan struct{})
	finished := make(chan struct{})
	submitted, settled := 0, 0
	submit := func() {
		for submitted < b.N && s.TrySubmit(m, uint64(submitted)) {
			submitted++
		}
	}
	s, end := benchSession(b, window, func(r Result) {
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
	})
	b.ResetTimer()
	submit()
	close(started)
	<-finished
	end()
}

// submitAndWait has a goroutine for each place in the window.
func submitAndWait(b *testing.B, window int) {
	waiting := make([]chan struct{}, window)
	for i := range waiting {
		waiting[i] = make(chan struct{}, 1)
	}
	s, end := benchSession(b, window, func(r Result) {
		if r.Err == nil {
			waiting[r.Tag] <- struct{}{}
		}
	})
	b.ResetTimer()
	inParallel(b, window, func(worker int) bool {
		if !s.TrySubmit(benchMessage(), uint64(worker)) {
			return false
		}
		<-waiting[worker]
		return true
	})
	end()
}

func submitByLibrary(b *testing.B, window int) {
	l := listen(b)
	client := &gosmppclient.Transceiver{Addr: l.Addr().String(), User: "us", Passwd: "secret", WindowSize: uint(window)}
	status := client.Bind()
	p := accept(b, l)
	p.send(AppendBindResponse(nil, Header{CmdBindTransceiverResp, ESME_ROK, p.expect(CmdBindTransceiver).Sequence}, &BindResponse{SystemID: "them"}))
	go respondToAll(p)
	if got := receive(b, status); got.Status() != gosmppclient.Connected {
		b.Fatal(got.Status(), got.Error())
	}
	b.ResetTimer()
	inParallel(b, window, func(int) bool {
		_, err := client.Submit(&gosmppclient.ShortMessage{
			Src: "VANSO", Dst: "447700900123", SourceAddrTON: 5, DestAddrTON: 1, DestAddrNPI: 1,
			Text: pdutext.Raw(benchText), Register: pdufield.FinalDeliveryReceipt,
		})
		return err == nil
	})
	b.StopTimer()
	_ = client.Close()
	for range status { // until its goroutines have left
		continue
	}
}

// inParallel calls submit b.N times from so many goroutines.
func inParallel(b *testing.B, goroutines int, submit func(worker int) bool) {
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	for worker := range goroutines {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if !submit(worker) {
					b.Error("not accepted")
					return
				}
			}
		})
	}
	wg.Wait()
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
