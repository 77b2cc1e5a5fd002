package gsm

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// fullAt is the part of a memory, in percent, from which its filling is logged.
const fullAt = 80

// choose chooses the memory to read and delete from, and notes how full it is.
func (s *session) choose(ctx context.Context, memory string) error {
	lines, err := s.do(ctx, fmt.Sprintf(`AT+CPMS="%s"`, memory), simTimeout, "+CPMS:")
	line, err := firstLine(lines, err)
	if err != nil {
		s.reading = ""
		return err
	}
	s.reading = memory
	if list, ok := ParseMemory(line); ok {
		s.fills(memory, list[0].Used, list[0].Total)
	}
	return nil
}

// fills notes how full a memory is.
func (s *session) fills(memory string, used, total int) {
	before := -1
	s.m.update(func(i *Info) {
		at := slices.IndexFunc(i.Memories, func(m Memory) bool { return m.Name == memory })
		if at < 0 {
			i.Memories = append(i.Memories, Memory{memory, used, total})
			return
		}
		before = i.Memories[at].Used
		i.Memories[at].Used, i.Memories[at].Total = used, total
	})
	if total > 0 && used*100 >= total*fullAt && before*100 < total*fullAt {
		s.m.log.Warn("a memory of the modem is filling up", "modem", s.id.label(), "memory", memory, "used", used, "size", total)
	}
}

// sweep looks into every memory, hands over what nobody has, and deletes what is
// committed. It finds what was never announced, or announced while nobody
// listened.
func (s *session) sweep(ctx context.Context) error {
	s.settleAll()
	var failed error
	memories := s.memories
	if len(memories) == 0 {
		memories = []string{""} // there is but one, without a name
	}
	for _, memory := range memories {
		err := s.sweepMemory(ctx, memory)
		if fatal := s.fatal(err); fatal != nil {
			return fatal
		}
		failed = errors.Join(failed, err)
	}
	s.offerAgain()
	return errors.Join(failed, s.deleteAll(ctx))
}

func (s *session) sweepMemory(ctx context.Context, memory string) error {
	if memory != "" {
		if err := s.choose(ctx, memory); err != nil {
			return err
		}
		if m := s.memory(memory); m.Total > 0 && m.Used == 0 {
			s.slots.listed(memory, nil)
			return nil
		}
	}
	lines, err := s.do(ctx, "AT+CMGL=4", listTimeout, "+CMGL:") // 4: all, without changing them (TS 27.005 §4.1)
	if err != nil {
		if s.fatal(err) != nil {
			return err
		}
		return errors.Join(err, s.readEach(ctx, memory))
	}
	there := map[int]bool{}
	for _, m := range pairs(lines) {
		there[m.Index] = true
		s.found(memory, m)
	}
	s.slots.listed(memory, there)
	return nil
}

func (s *session) memory(name string) Memory {
	for _, m := range s.m.Info().Memories {
		if m.Name == name {
			return m
		}
	}
	return Memory{}
}

// readEach reads a memory slot by slot where it cannot be listed: one message that
// the modem chokes on must not hide the others. Slots count from 0 or 1.
func (s *session) readEach(ctx context.Context, memory string) error {
	m := s.memory(memory)
	left := m.Used
	for i := 0; i <= m.Total && left > 0; i++ {
		found, err := s.readSlot(ctx, memory, i)
		if s.fatal(err) != nil || errors.Is(err, ErrTimeout) {
			return err
		}
		if found {
			left--
		}
	}
	return nil
}

// readSlot reads one slot of the chosen memory (TS 27.005 §4.2), and reports
// whether something is there.
func (s *session) readSlot(ctx context.Context, memory string, index int) (bool, error) {
	lines, err := s.do(ctx, fmt.Sprintf("AT+CMGR=%d", index), simTimeout, "+CMGR:")
	if err != nil || len(lines) == 0 {
		return false, err
	}
	m := stored{lines: lines}
	m.Stored, _ = ParseRead(lines[0])
	if m.PDU == "" && len(lines) > 1 {
		m.PDU = lines[1]
	}
	m.Index = index
	s.found(memory, m)
	return true, nil
}

// stored is a message with the lines that it was read from.
type stored struct {
	Stored
	lines []string
}

// pairs joins the headers of a list with the PDUs on the lines behind them.
func pairs(lines []string) []stored {
	var list []stored
	for _, l := range lines {
		// Where only the index can be read there is a message all the same.
		if h, ok := ParseListed(l); ok || h.Length < 0 {
			list = append(list, stored{h, []string{l}})
			continue
		}
		if n := len(list); n > 0 {
			m := &list[n-1]
			m.lines = append(m.lines, l)
			if m.PDU == "" {
				m.PDU = l
			}
		}
	}
	return list
}

// found hands over what lies in a slot, if nobody has it.
func (s *session) found(memory string, m stored) {
	if m.Stat == 2 || m.Stat == 3 {
		return // not received but written there, by a person with a telephone
	}
	if m.Text != nil && !s.textMode {
		s.textMode = true
		s.doubt() // it fell out of PDU mode, in which a message is read whole
		return
	}
	at, raw := slot{memory, m.Index}, m.PDU
	if raw == "" {
		raw = strings.Join(m.lines, "\n")
	}
	if s.slots.see(at, raw) {
		s.handOver(raw, m.Length, at)
	}
}

// handOver decodes a PDU and gives it to the handler.
func (s *session) handOver(pdu string, length int, at slot) {
	end := s.m.settle(at, pdu)
	done := func(committed bool) { end(committed, nil) }
	in := Incoming{Memory: at.memory, Index: at.index, Done: done, Delete: func(gone func()) { end(true, gone) }}
	if at.memory == routedMemory {
		in.Memory, in.Index = "", -1
	}
	message, err := ParsePDU(pdu, length)
	switch message := message.(type) {
	case *Report:
		s.h.Report(*message, done)
		return
	case *Deliver:
		in.Deliver, in.Raw = message, message.Raw
	default:
		if err == nil {
			err = fmt.Errorf("a %T among what was received", message)
		}
		in.Err = err
		if in.Raw, err = hex.DecodeString(pdu); err != nil {
			in.Raw = []byte(pdu)
		}
	}
	s.h.Message(in)
}

// deleteAll deletes what is committed. What cannot be deleted stays to be, at
// every sweep.
func (s *session) deleteAll(ctx context.Context) error {
	var failed error
	for _, at := range s.slots.deletable() {
		if err := s.delete(ctx, at); err != nil {
			if s.fatal(err) != nil {
				return err
			}
			failed = errors.Join(failed, err)
			if errors.Is(err, ErrTimeout) {
				return failed
			}
		}
	}
	return failed
}

func (s *session) delete(ctx context.Context, at slot) error {
	if at.memory != s.reading && at.memory != "" {
		if err := s.choose(ctx, at.memory); err != nil {
			return err
		}
	}
	ending, cancel := beyond(ctx)
	defer cancel()
	if _, err := s.do(ending, fmt.Sprintf("AT+CMGD=%d", at.index), simTimeout); err != nil {
		return err
	}
	s.slots.deleted(at)
	if m := s.memory(at.memory); m.Used > 0 {
		s.fills(at.memory, m.Used-1, m.Total)
	}
	return nil
}

// stopWithin is how long the answer to a command that was begun is waited for when
// Run is to end.
const stopWithin = 2 * time.Second

// beyond returns a context for a command whose answer counts although Run is to
// end: whether a message is still there. It ends stopWithin after ctx.
func beyond(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.NewTimer(stopWithin)
		defer t.Stop()
		select {
		case <-t.C:
			cancel()
		case <-longer.Done():
		}
	})
	return longer, func() { stop(); cancel() }
}

// fetchAll reads what was announced. Of what is announced without a place, or in
// a memory that is not swept, or is not there, only a sweep can tell where it is.
func (s *session) fetchAll(ctx context.Context) error {
	for len(s.fetch) > 0 {
		n := s.fetch[0]
		s.fetch = s.fetch[1:]
		if n.Report && s.quirk.reportsIn != "" {
			n.Index = -1
		}
		if n.Index < 0 || !slices.Contains(s.memories, n.Memory) {
			s.due.sweep = time.Now()
			continue
		}
		err := error(nil)
		if s.reading != n.Memory {
			err = s.choose(ctx, n.Memory)
		}
		found := false
		if err == nil {
			found, err = s.readSlot(ctx, n.Memory, n.Index)
		}
		if fatal := s.fatal(err); fatal != nil {
			return fatal
		}
		if !found {
			s.due.sweep = time.Now()
		}
	}
	return nil
}
