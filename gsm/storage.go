package gsm

import "strings"

// Memory is one of the three that +CPMS names (3GPP TS 27.005 §3.2.2): to read
// and delete, to write and send from, to receive into.
type Memory struct {
	Name        string // "" in the answer to AT+CPMS=
	Used, Total int
}

// ParseMemory reads the answer to AT+CPMS? and to AT+CPMS=.
func ParseMemory(line string) ([]Memory, bool) {
	rest, ok := payload(line, "+CPMS")
	if !ok {
		return nil, false
	}
	var list []Memory
	f := fields(rest)
	for len(f) >= 2 {
		var m Memory
		if _, ok := f[0].number(); !ok || f[0].quoted {
			m.Name, f = f[0].text, f[1:]
		}
		used, ok := f[0].number()
		total, ok2 := at(f, 1).number()
		if !ok || !ok2 {
			break
		}
		m.Used, m.Total = used, total
		list, f = append(list, m), f[2:]
	}
	return list, len(list) > 0
}

// ParseMemories reads the answer to AT+CPMS=?: the memories that each of the
// three may be.
func ParseMemories(line string) ([3][]string, bool) {
	var memories [3][]string
	rest, ok := payload(line, "+CPMS")
	if !ok {
		return memories, false
	}
	list := fields(rest)
	for i := range memories {
		memories[i] = texts(at(list, i))
	}
	_, used := at(list, 1).number() // of AT+CPMS?
	return memories, !used
}

// Stored is the line before a PDU that +CMGL and +CMGR give (3GPP TS 27.005
// §4.1, §4.2). -1 stands for what is not said.
type Stored struct {
	Index  int // of +CMGL
	Stat   int // 0 received and unread, 1 read, 2 stored and unsent, 3 sent
	Length int // as the modem counts it: seldom to be trusted
	// PDU is on the same line with some, and else empty.
	PDU string
	// Text is set where the modem is in text mode, and nothing else but Index.
	Text *TextHeader
}

// ParseListed reads a line of +CMGL. Some leave the empty name out.
func ParseListed(line string) (Stored, bool) {
	rest, ok := payload(line, "+CMGL")
	if !ok {
		return Stored{}, false
	}
	index, rest, ok := strings.Cut(rest, ",")
	s := Stored{Index: field{text: index}.or(-1)}
	if !ok || s.Index < 0 {
		return Stored{}, false
	}
	ok = s.read(rest)
	return s, ok
}

// ParseRead reads the line of +CMGR: "0,,26", "0,23", "24", ",,92", "4,1,,151".
func ParseRead(line string) (Stored, bool) {
	rest, ok := payload(line, "+CMGR")
	if !ok {
		return Stored{}, false
	}
	s := Stored{Index: -1}
	ok = s.read(rest)
	return s, ok
}

func (s *Stored) read(rest string) bool {
	s.Stat, s.Length = -1, -1
	list := fields(rest)
	if list[0].quoted {
		s.Text = newTextHeader(list)
		return s.Text != nil
	}
	last := list[len(list)-1].text
	length, pdu, _ := strings.Cut(last, " ")
	n, ok := field{text: length}.number()
	if !ok || n < 0 {
		return false
	}
	s.Length, s.PDU = n, strings.TrimSpace(pdu)
	if len(list) > 1 {
		s.Stat = list[0].or(-1)
	}
	return true
}

// NewMessage is what +CMTI and +CDSI say: a message or a report was stored
// (3GPP TS 27.005 §3.4.1).
type NewMessage struct {
	Memory string // "": not said
	Index  int    // -1: not said, as in "+CMTI: ,-1"
	Report bool   // +CDSI
}

// ParseNewMessage reads +CMTI and +CDSI. Without a memory or an index it still
// tells that there is something to fetch.
func ParseNewMessage(line string) (NewMessage, bool) {
	rest, ok := payload(line, "+CMTI")
	n := NewMessage{}
	if !ok {
		n.Report = true
		if rest, ok = payload(line, "+CDSI"); !ok {
			return NewMessage{}, false
		}
	}
	list := fields(rest)
	n.Memory, n.Index = strings.ToUpper(list[0].text), max(at(list, 1).or(-1), -1)
	return n, true
}

// Routed is the line before a PDU that is handed over unasked (3GPP TS 27.005
// §3.4.1).
type Routed struct {
	Report    bool // +CDS
	Broadcast bool // +CBM: a page of a cell's broadcast, which is no TPDU. Neither: +CMT
	Length    int  // without the service centre's address
}

// ParseRouted reads +CMT, +CDS and +CBM: ",30", "name,30", "25". The PDU is the
// next line.
func ParseRouted(line string) (Routed, bool) {
	var r Routed
	rest, ok := payload(line, "+CMT")
	if !ok {
		rest, ok = payload(line, "+CDS")
		r.Report = ok
	}
	if !ok {
		rest, ok = payload(line, "+CBM")
		r.Broadcast = ok
	}
	if !ok {
		return Routed{}, false
	}
	list := fields(rest)
	f := list[len(list)-1]
	r.Length, ok = f.number()
	return r, ok && r.Length >= 0 && !f.quoted
}

// Indications are the parameters of +CNMI (3GPP TS 27.005 §3.4.1): those that
// are set, or those that may be.
type Indications struct {
	Mode, Message, Broadcast, Report, Buffer []int
}

// ParseIndications reads the answers to AT+CNMI=? and AT+CNMI?: of the latter
// each list has one number.
func ParseIndications(line string) (Indications, bool) {
	rest, ok := payload(line, "+CNMI")
	if !ok {
		return Indications{}, false
	}
	list := fields(rest)
	n := Indications{
		Mode: numbers(list[0]), Message: numbers(at(list, 1)), Broadcast: numbers(at(list, 2)),
		Report: numbers(at(list, 3)), Buffer: numbers(at(list, 4)),
	}
	return n, len(n.Mode) > 0
}

// ParseService reads +CSMS (3GPP TS 27.005 §3.2.1): the services that may be
// chosen, or the one that is with what it supports, or only the latter. They are
// lists of one number but of AT+CSMS=?.
func ParseService(line string) ([][]int, bool) {
	rest, ok := payload(line, "+CSMS")
	if !ok {
		return nil, false
	}
	var list [][]int
	for _, f := range fields(rest) {
		list = append(list, numbers(f))
	}
	return list, len(list[0]) > 0
}

// ParseSent reads the reference that +CMGS and +CMSS give: TP-MR of the report
// to come (3GPP TS 27.005 §4.3).
func ParseSent(line string) (reference uint8, ok bool) {
	for _, name := range []string{"+CMGS", "+CMSS"} {
		if rest, ok := payload(line, name); ok {
			n, ok := fields(rest)[0].number()
			return uint8(n), ok && n >= 0 && n <= 255
		}
	}
	return 0, false
}
