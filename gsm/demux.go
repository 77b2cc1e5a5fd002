package gsm

import "strings"

// line gives a line to whom it is for. The modem's answers and what it says
// unasked come in one stream (TS 27.005 §3.0, TS 27.007 §7), with a line of the
// second kind between any two of the first.
func (c *chat) line(l line) {
	x := c.cur
	if l.prompt {
		c.note(false, ">")
		if x != nil && x.stage == stagePrompt {
			x.stage = stagePDU
		}
		return
	}
	c.note(false, l.text)
	if !IsUnsolicited(l.text) {
		c.said++
	}
	switch {
	case c.completes(l.text):
	case x == nil || x.done:
		if x != nil && isFinal(l.text) {
			x.strays++
		}
		c.unasked(l.text)
	case x.echoes(l.text):
	case x.ends(l.text):
	case x.data && !IsUnsolicited(l.text):
		x.add(l.text)
		x.data = false
	case x.interrupts(l.text):
		x.finish(ErrRestarted)
		c.unasked(l.text)
	case x.wants(l):
	default:
		c.unasked(l.text)
	}
}

// completes adds a line to a notice that lacks its second half.
func (c *chat) completes(text string) bool {
	h := c.half
	if h == nil {
		return false
	}
	if strings.HasPrefix(h.line, "+CUSD:") { // a text in quotes, of several lines
		h.line += "\n" + text
		if !openQuote(h.line) || len(h.line) > maxLine {
			c.half = nil
			c.push(*h)
		}
		return true
	}
	if !isHex(text) {
		if IsUnsolicited(text) && !carriesPDU(text) {
			return false // it came between the two lines
		}
		if !c.mayBelong(text) {
			c.half = nil
			c.push(*h)
			return false
		}
	}
	h.pdu = text
	c.half = nil
	c.push(*h)
	return true
}

// mayBelong tells a PDU that came garbled from a line that answers something.
func (c *chat) mayBelong(text string) bool {
	if isFinal(text) || IsUnsolicited(text) || text == "" || strings.ContainsRune("+^#*$%&!", rune(text[0])) {
		return false
	}
	x := c.cur
	return x == nil || x.done || !x.free && !x.data && !x.echoes(text)
}

// unasked keeps a line that answers nothing.
func (c *chat) unasked(text string) {
	switch {
	case carriesPDU(text), strings.HasPrefix(text, "+CUSD:") && openQuote(text):
		c.half = &notice{line: text}
	default:
		c.push(notice{line: text})
	}
}

func (x *exchange) add(text string) {
	if len(x.lines) >= maxAnswer {
		x.finish(ErrTooLong)
		return
	}
	x.lines = append(x.lines, text)
}

func (x *exchange) finish(err error) { x.done, x.err = true, err }

// echoes reports whether a line is what we wrote: the command, or the PDU behind
// its prompt.
func (x *exchange) echoes(text string) bool {
	if strings.EqualFold(text, x.text) {
		return true
	}
	return x.pdu != "" && strings.EqualFold(strings.TrimLeft(text, "> "), x.pdu)
}

// interrupts reports whether a line says that the modem has started anew, and will
// not answer. While a message goes out, the SIM has no other reason to be asked for
// its PIN.
func (x *exchange) interrupts(text string) bool {
	e := EventOf(text)
	return e == EventRestarted || e == EventPIN && x.pdu != ""
}

// ends takes the final result of a command (V.250 §5.7.1, TS 27.007 §9, TS 27.005
// §3.2.5).
func (x *exchange) ends(text string) bool {
	err, final := parseFinal(text)
	switch {
	case !final, isCallResult(text) && !x.call:
		// A caller who gave up. It answers no command of ours, and taking it for an
		// answer would put us out of step.
		return false
	case err != nil:
		x.finish(err)
	case x.stage == stagePrompt:
		x.finish(ErrNoPrompt)
	default:
		if x.free && len(x.lines) == 0 && x.unframed != "" {
			x.add(x.unframed)
		}
		x.finish(nil)
	}
	return true
}

// wants takes a line of the answer. It goes before what is known to come unasked,
// as +CPIN and +CSQ are both.
func (x *exchange) wants(l line) bool {
	for _, p := range x.prefixes {
		if strings.HasPrefix(l.text, p) && !isNews(x.text, l.text) {
			x.add(l.text)
			x.data = p == "+CMGL:" || p == "+CMGR:"
			return true
		}
	}
	switch {
	case !x.free || !hasWord(l.text) || IsUnsolicited(l.text):
		return false
	case strings.ContainsRune("+^#*$%&!", rune(l.text[0])) && !strings.HasPrefix(l.text, strings.Trim(x.text[2:], "?=")):
		return false
	case !l.framed:
		x.unframed = l.text
	default:
		x.add(l.text)
	}
	return true
}

// isNews tells what a modem says of its registration unasked from its answer to
// the question, which has the setting before it (TS 27.007 §7.2).
func isNews(command, text string) bool {
	if !strings.HasSuffix(command, "REG?") {
		return false
	}
	_, value, _ := strings.Cut(text, ":")
	list := fields(strings.TrimSpace(value))
	return len(list) < 2 || !isRegistrationState(list)
}

// carriesPDU reports whether a PDU follows on the next line, as it does in PDU
// mode (TS 27.005 §3.4.1): "+CMT: ,30", "+CDS: 25", "+CBM: 88". In text mode they
// have more fields.
func carriesPDU(text string) bool {
	name, fields, ok := strings.Cut(text, ":")
	if !ok {
		return false
	}
	commas := strings.Count(fields, ",")
	switch name {
	case "+CMT":
		return commas <= 1
	case "+CDS", "+CBM":
		return commas == 0
	}
	return false
}

// isCallResult reports whether a line is the end of a call.
func isCallResult(text string) bool {
	switch text {
	case "NO CARRIER", "BUSY", "NO ANSWER", "NO DIALTONE", "NO DIAL TONE":
		return true
	}
	return false
}

// parseFinal reads a final result: nil for OK.
func parseFinal(text string) (error, bool) {
	if text == "OK" {
		return nil, true
	}
	if e, ok := ParseError(text); ok {
		return e, true
	}
	if strings.HasPrefix(text, "MODEM ERROR:") { // of some of Qualcomm's, with codes of their own (ModemManager)
		return &Error{Kind: "ERROR", Code: -1, Text: text}, true
	}
	return nil, false
}

func isFinal(text string) bool {
	_, final := parseFinal(text)
	return final
}

// openQuote reports whether a text in quotes goes on on the next line.
func openQuote(text string) bool { return strings.Count(text, `"`)%2 == 1 }

// hasWord tells a line from noise.
func hasWord(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
	})
}

func isHex(text string) bool {
	return text != "" && strings.Trim(text, "0123456789abcdefABCDEF") == ""
}
