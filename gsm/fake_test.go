package gsm

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// fake is a modem that answers at once, at the other end of a pipe, so that time
// is that of a synctest bubble. Its fields may be changed while nothing runs, or
// under mu.
type fake struct {
	mu       sync.Mutex
	vendor   string
	model    string
	replies  map[string]string         // instead of the usual answer: what comes before "OK", or all of it with a final result
	mute     map[string]int            // how many times a command is not answered
	slow     map[string]time.Duration  // how late it is answered
	stored   map[string]map[int]string // PDUs by memory and index
	size     int
	pin      string // that the SIM wants
	tries    int
	cnmi     string
	offered  string // by AT+CNMI=?
	stick    bool   // whether +CNMI is kept
	creg     string
	echo     bool
	deaf     bool // nothing is answered
	textMode bool
	sendWith string // the answer to a PDU; "-": none
	sent     []string
	log      []string
	opens    int
	refuse   error // of an attempt to open

	// hook, unless nil, answers a command, or leaves it unanswered.
	hook func(text string) (lines []string, handled bool)

	reading string
	conn    io.ReadWriteCloser
	done    sync.WaitGroup
}

func newFake() *fake {
	return &fake{
		vendor: "Example", model: "M1", replies: map[string]string{}, mute: map[string]int{}, slow: map[string]time.Duration{},
		stored: map[string]map[int]string{"SM": {}, "ME": {}}, size: 10, reading: "SM", tries: 3,
		cnmi: "0,0,0,0,0", offered: "(0-3),(0-3),(0,2),(0-2),(0,1)", stick: true, creg: "1", echo: true,
	}
}

// open is Options.Open.
func (f *fake) open(ctx context.Context) (io.ReadWriteCloser, string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.opens++
	if f.refuse != nil {
		return nil, "", f.refuse
	}
	ours, theirs := net.Pipe()
	f.conn = theirs
	f.done.Add(1)
	go f.serve(theirs)
	return ours, "pipe", nil
}

func (f *fake) serve(conn io.ReadWriteCloser) {
	defer f.done.Done()
	defer conn.Close()
	buffer, text, pdu := make([]byte, 1024), "", false
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return
		}
		for _, c := range buffer[:n] {
			switch {
			case c == 0x1b:
				text, pdu = "", false
			case pdu && c == 0x1a:
				f.take(conn, text)
				text, pdu = "", false
			case !pdu && c == '\r':
				pdu = f.answer(conn, text)
				text = ""
			case c >= ' ':
				text += string(c)
			}
		}
	}
}

// answer answers a command, and reports whether a PDU is to follow.
func (f *fake) answer(conn io.ReadWriteCloser, text string) bool {
	if text == "" {
		return false
	}
	f.mu.Lock()
	f.log = append(f.log, text)
	if f.echo {
		f.write(conn, text+"\r")
	}
	muted := f.deaf || f.mute[text] != 0
	if f.mute[text] > 0 {
		f.mute[text]--
	}
	reply, special := f.replies[text]
	if !special && !muted {
		reply = f.usual(text)
	}
	late, hook := f.slow[text], f.hook
	f.mu.Unlock()
	if hook != nil {
		if lines, handled := hook(text); handled {
			for _, l := range lines {
				f.write(conn, "\r\n"+l+"\r\n")
			}
			return strings.HasPrefix(text, "AT+CMGS=")
		}
	}
	if muted {
		return false
	}
	if late > 0 {
		time.Sleep(late)
	}
	if strings.HasPrefix(text, "AT+CMGS=") && !special {
		f.write(conn, "\r\n> ")
		return true
	}
	if !isFinal(reply[strings.LastIndexByte(reply, '\n')+1:]) {
		if reply != "" {
			reply += "\n"
		}
		reply += "OK"
	}
	for l := range strings.SplitSeq(reply, "\n") {
		f.write(conn, "\r\n"+l+"\r\n")
	}
	return false
}

func (f *fake) take(conn io.ReadWriteCloser, pdu string) {
	f.mu.Lock()
	f.sent = append(f.sent, pdu)
	hook := f.hook
	f.mu.Unlock()
	if hook != nil {
		if _, handled := hook("^Z"); handled {
			return
		}
	}
	f.mu.Lock()
	reply := f.sendWith
	if reply == "" {
		reply = fmt.Sprintf("+CMGS: %d\nOK", len(f.sent))
	}
	f.mu.Unlock()
	if reply == "-" {
		return
	}
	for l := range strings.SplitSeq(reply, "\n") {
		f.write(conn, "\r\n"+l+"\r\n")
	}
}

func (f *fake) write(conn io.ReadWriteCloser, text string) { conn.Write([]byte(text)) }

// say writes what was not asked for.
func (f *fake) say(lines ...string) {
	f.mu.Lock()
	conn := f.conn
	f.mu.Unlock()
	for _, l := range lines {
		f.write(conn, "\r\n"+l+"\r\n")
	}
}

// usual is what most modems answer.
func (f *fake) usual(text string) string {
	var memory string
	var index int
	switch {
	case text == "ATE0":
		f.echo = false
	case text == "AT+CGMI":
		return f.vendor
	case text == "AT+CGMM":
		return f.model
	case text == "AT+CGMR":
		return "R1"
	case text == "AT+CGSN":
		return "350000000000006"
	case text == "AT+CIMI":
		return "262011234567890"
	case text == "AT+CCID":
		return "89490200001234567890"
	case text == "AT+CFUN?":
		return "+CFUN: 1"
	case text == "AT+CPIN?" && f.tries == 0:
		return "+CPIN: SIM PUK"
	case text == "AT+CPIN?" && f.pin != "":
		return "+CPIN: SIM PIN"
	case text == "AT+CPIN?":
		return "+CPIN: READY"
	case strings.HasPrefix(text, "AT+CPIN="):
		if text != fmt.Sprintf("AT+CPIN=%q", f.pin) {
			f.tries--
			return "+CME ERROR: 16"
		}
		f.pin = ""
	case text == "AT+CSCA?":
		return `+CSCA: "+491710760000",145`
	case text == "AT+CPMS=?":
		return `+CPMS: ("SM","ME"),("SM","ME"),("SM","ME")`
	case text == "AT+CPMS?":
		return `+CPMS: "SM",0,10,"SM",0,10,"SM",0,10`
	case scan(text, `AT+CPMS="%2s"`, &memory):
		f.reading = memory
		return fmt.Sprintf("+CPMS: %d,%d,%[1]d,%d,%[1]d,%d", len(f.stored[memory]), f.size, f.size, f.size)
	case text == "AT+CMGL=4":
		return f.list()
	case scan(text, "AT+CMGR=%d", &index):
		if pdu, ok := f.stored[f.reading][index]; ok {
			return fmt.Sprintf("+CMGR: 0,,%d\n%s", len(pdu)/2-8, pdu)
		}
		return "+CMS ERROR: 321"
	case scan(text, "AT+CMGD=%d", &index):
		delete(f.stored[f.reading], index)
	case text == "AT+CNMI=?":
		return "+CNMI: " + f.offered
	case text == "AT+CNMI?":
		return "+CNMI: " + f.cnmi
	case strings.HasPrefix(text, "AT+CNMI="):
		if f.stick {
			f.cnmi = text[len("AT+CNMI="):]
		}
	case text == "AT+CSMS=?":
		return "+CSMS: (0,1)"
	case strings.HasPrefix(text, "AT+CSMS="):
		return "+CSMS: 1,1,1"
	case text == "AT+CMGF?" && f.textMode:
		return "+CMGF: 1"
	case text == "AT+CMGF?":
		return "+CMGF: 0"
	case text == "AT+CMGF=0":
		f.textMode = false
	case text == "AT+CMMS=?":
		return "+CMMS: (0-2)"
	case text == "AT+CREG?":
		return "+CREG: 1," + f.creg
	case text == "AT+CSQ":
		return "+CSQ: 18,99"
	case text == "AT+COPS?":
		return `+COPS: 0,0,"Example Net",7`
	case text == "AT+CEREG?", strings.HasPrefix(text, "AT+CPINR"), text == "AT+CNUM":
		return "+CME ERROR: 4"
	}
	return ""
}

func scan(text, format string, to any) bool {
	n, err := fmt.Sscanf(text, format, to)
	return err == nil && n == 1
}

func (f *fake) list() string {
	var lines []string
	for _, i := range slices.Sorted(maps.Keys(f.stored[f.reading])) {
		pdu := f.stored[f.reading][i]
		if f.textMode {
			lines = append(lines, fmt.Sprintf("+CMGL: %d,\"REC UNREAD\",\"+491511234567\",,\"25/11/01,12:00:00+04\"", i), "A text")
			continue
		}
		lines = append(lines, fmt.Sprintf("+CMGL: %d,0,,%d", i, len(pdu)/2-8), pdu)
	}
	return strings.Join(lines, "\n")
}

// change changes the fake while it runs.
func (f *fake) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

// asked counts how often a command was written.
func (f *fake) asked(text string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, l := range f.log {
		if strings.HasPrefix(l, text) {
			n++
		}
	}
	return n
}

func (f *fake) opened() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.opens
}

func (f *fake) written() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.log)
}

func (f *fake) lies(memory string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.stored[memory])
}

// pduOf is an SMS-DELIVER from one number, with a text of one letter.
func pduOf(letter byte) string {
	return fmt.Sprintf("07917283010010F5040BC87238880900F100009930925161958001%02X", letter)
}
