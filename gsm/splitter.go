package gsm

import "bytes"

// maxLine bounds a line. The longest that modems write are lists of operators,
// some two thousand octets.
const maxLine = 8 << 10

// line is what a modem wrote between two line ends.
type line struct {
	text   string
	prompt bool // "> ", which asks for a PDU and has no line end (TS 27.005 §3.5.1)
	// framed is set where a line end came before it. An answer has one (V.250
	// §5.7.1); the echo of a command, or the rest of a line of which the beginning
	// was lost, has none.
	framed bool
}

// splitter cuts what a modem writes into lines. CR and LF each end a line, empty
// ones are left out, and of the other control characters, with which lines are
// noisy, none is kept.
type splitter struct {
	part     []byte
	framed   bool
	skipping bool // over the rest of a line that is too long
	Overlong int
}

// feed takes what was read and emits the lines that it ends, in order. prompt is
// asked at the beginning of a line whether a ">" there is a prompt: emit may
// change its answer.
func (s *splitter) feed(b []byte, prompt func() bool, emit func(line)) {
	for len(b) > 0 {
		if len(s.part) == 0 && !s.skipping {
			b = bytes.TrimLeftFunc(b, isBlank)
			if len(b) > 0 && b[0] == '>' && prompt() {
				b = b[1:]
				s.framed = true
				emit(line{prompt: true, framed: true})
				continue
			}
		}
		end := bytes.IndexAny(b, "\r\n")
		rest := b[max(end, 0):]
		if end < 0 {
			end, rest = len(b), nil
		}
		s.add(b[:end])
		if rest == nil {
			return
		}
		s.end(emit)
		b = rest[1:]
	}
}

// isBlank reports what no line begins with: spaces and noise.
func isBlank(r rune) bool {
	return r <= ' ' && r != '\r' && r != '\n' || r == 0x7f
}

func (s *splitter) add(b []byte) {
	if s.skipping {
		return
	}
	for _, c := range b {
		if !isBlank(rune(c)) || c == ' ' || c == '\t' {
			s.part = append(s.part, c)
		}
	}
	if len(s.part) > maxLine {
		s.Overlong++
		s.part, s.skipping = s.part[:0], true
	}
}

// end ends the line there is, if there is one.
func (s *splitter) end(emit func(line)) {
	text := bytes.TrimRight(s.part, " ")
	framed := s.framed
	s.framed, s.skipping, s.part = true, false, s.part[:0]
	if len(text) > 0 {
		emit(line{text: string(text), framed: framed})
	}
}

// unframe says that what follows answers a new command.
func (s *splitter) unframe() {
	if len(s.part) == 0 && !s.skipping {
		s.framed = false
	}
}
