package gsm

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// announcePeriod is how often +CNMI is looked at, and set again where messages are
// routed: a modem that waited in vain for an acknowledgement turns that off.
const announcePeriod = time.Minute

// sweepable are the memories that are looked into, of those that a modem has.
// "MT" is ME and SM together and stands for both where they are not offered
// (TS 27.005 §3.1). Broadcasts (BM) are not for us.
var sweepable = []string{"SM", "ME", "SR", "MT"}

// chooseMemories finds out where messages can lie, and has new ones go where they
// can be read (TS 27.005 §3.2.2).
func (s *session) chooseMemories(ctx context.Context) error {
	s.memories = nil
	line, err := firstLine(s.patient(ctx, "AT+CPMS=?", "+CPMS:"))
	if err != nil {
		return s.tolerate(err)
	}
	offered, _ := ParseMemories(line)
	line, err = firstLine(s.patient(ctx, "AT+CPMS?", "+CPMS:"))
	if err != nil {
		return s.tolerate(err)
	}
	current, _ := ParseMemory(line)
	usable := func(name string) bool {
		return slices.Contains(offered[0], name) && !slices.Contains(s.quirk.avoid, name)
	}
	for _, name := range sweepable {
		if usable(name) && (name != "MT" || !slices.Contains(s.memories, "SM") || !slices.Contains(s.memories, "ME")) {
			s.memories = append(s.memories, name)
		}
	}
	if slices.Contains(s.memories, "MT") {
		s.memories = slices.DeleteFunc(s.memories, func(n string) bool { return n == "SM" || n == "ME" })
	}
	receive := ""
	if len(current) == 3 && slices.Contains(s.memories, current[2].Name) {
		receive = current[2].Name // the modem's own choice works
	}
	for _, name := range []string{"SM", "ME", "MT"} {
		if receive == "" && usable(name) && slices.Contains(offered[2], name) {
			receive = name
		}
	}
	return s.setMemories(ctx, receive, offered)
}

func (s *session) setMemories(ctx context.Context, receive string, offered [3][]string) error {
	s.m.update(func(i *Info) { i.Receives, i.Memories = receive, nil })
	if receive == "" || len(offered[2]) == 0 {
		return nil
	}
	write := receive
	if !slices.Contains(offered[1], write) && len(offered[1]) > 0 {
		write = offered[1][0]
	}
	_, err := s.do(ctx, fmt.Sprintf(`AT+CPMS="%s","%s","%s"`, receive, write, receive), simTimeout, "+CPMS:")
	if err == nil {
		s.reading = receive
	}
	return s.tolerate(err)
}

// indication is a setting of +CNMI.
type indication [5]int

func (n indication) String() string {
	text := make([]string, len(n))
	for i, v := range n {
		text[i] = strconv.Itoa(v)
	}
	return strings.Join(text, ",")
}

// chooseAnnouncements has the modem say when something comes. What it claims to
// support it may refuse, or take and not keep, as many do with ds 1 on Qualcomm's
// chips (ModemManager): it is asked afterwards, and the next best is tried. Where
// nothing works the sweeps find everything.
func (s *session) chooseAnnouncements(ctx context.Context) error {
	line, err := firstLine(s.do(ctx, "AT+CNMI=?", shortTimeout, "+CNMI:"))
	if err := s.tolerate(err); err != nil {
		return err
	}
	offered, ok := ParseIndications(line)
	if !ok {
		offered = Indications{}
	}
	for _, n := range candidates(offered, s.routed, s.quirk.modes) {
		set, err := s.announceBy(ctx, n)
		if err != nil {
			return err
		}
		if set {
			s.announce = n.String()
			break
		}
	}
	s.m.update(func(i *Info) { i.CNMI = s.announce })
	return nil
}

// announceBy sets +CNMI and reports whether that took.
func (s *session) announceBy(ctx context.Context, n indication) (bool, error) {
	if _, err := s.do(ctx, "AT+CNMI="+n.String(), shortTimeout); err != nil {
		return false, s.tolerate(err)
	}
	return s.announces(ctx, n.String())
}

// announces reports whether +CNMI is set as it should be. What a modem does not
// say is believed. Of what is buffered (bfr) it may say anything.
func (s *session) announces(ctx context.Context, wanted string) (bool, error) {
	line, err := firstLine(s.do(ctx, "AT+CNMI?", shortTimeout, "+CNMI:"))
	if err != nil {
		return true, s.tolerate(err)
	}
	rest, _ := payload(line, "+CNMI")
	is, want := fields(rest), fields(wanted)
	for i := range 4 {
		if i != 2 && at(is, i).text != at(want, i).text {
			return false, nil
		}
	}
	return true, nil
}

// candidates are the settings of +CNMI to try, the best first (TS 27.005 §3.4.1).
// Mode 2 keeps what comes while the line is busy, and 1 discards it. mt 1
// announces what was stored, and 2 routes it. ds 1 hands reports over and 2 stores
// them. Without a list of what there is, all are tried.
func candidates(offered Indications, routed bool, modes []int) []indication {
	if modes == nil {
		modes = []int{2, 1, 3}
	}
	mts, reports := []int{1}, []int{1, 2, 0}
	if routed {
		mts = []int{2, 1}
	}
	least := func(list []int) int {
		if len(list) == 0 {
			return 0
		}
		return slices.Min(list)
	}
	var all []indication
	for _, mode := range among(modes, offered.Mode) {
		for _, mt := range among(mts, offered.Message) {
			for _, ds := range among(reports, offered.Report) {
				all = append(all, indication{mode, mt, least(offered.Broadcast), ds, least(offered.Buffer)})
			}
		}
	}
	return all
}

// among returns what of the wanted is offered, and all where nobody says what is.
func among(wanted, offered []int) []int {
	if len(offered) == 0 {
		return wanted
	}
	return slices.DeleteFunc(slices.Clone(wanted), func(n int) bool { return !slices.Contains(offered, n) })
}
