package gsm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// identity is who a modem and its SIM are.
type identity struct {
	vendor, model, revision, imei string
	iccid, imsi                   string
}

// label names a modem in logs.
func (id identity) label() string { return strings.TrimSpace(id.vendor + " " + id.model) }

// bringUp sets a modem up, from whatever state it was left in. What it refuses
// and can be done without is left out; the rest ends the attempt, with errHeld
// where the state says why.
func (s *session) bringUp(ctx context.Context) error {
	s.announce, s.reading, s.routed, s.ready, s.acks, s.noCESQ = "", "", false, false, nil, false
	s.id, s.circuits, s.packets, s.unanswered = identity{}, NotRegistered, NotRegistered, time.Time{}
	s.m.update(func(i *Info) { // it may take a person until these are known again
		i.Operator, i.Signal, i.Registration, i.Roaming = "", Signal{}, NotRegistered, false
	})
	s.enter(PhaseProbing, "The modem is being asked who it is.")
	steps := []func(context.Context) error{
		s.awake, s.identify, s.prepare, s.radioOn, s.unlock, s.identifySIM, s.recall, s.serviceCentre, s.chooseService, s.chooseMemories,
		s.pduMode, s.chooseAnnouncements, s.extras,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	s.worked = true
	// What was said of the SIM meanwhile answers what was asked, or is no news.
	s.chat.inbox = slices.DeleteFunc(s.chat.inbox, func(n notice) bool { return EventOf(n.line) == EventPIN })
	s.ready, s.suspect, s.handed, s.fetch = true, false, false, nil
	s.ringing, s.offline, s.checked = ringing{}, time.Now(), time.Now()
	s.slots.begin(s.memories)
	s.enter(PhaseRegistering, "The modem looks for its network.")
	s.due = due{}
	s.m.log.Info("modem set up", "modem", s.id.label(), "announcements", s.announce, "memories", s.memories)
	return nil
}

// tolerate is for steps that a modem may refuse: it passes on what ends a
// bring-up.
func (s *session) tolerate(err error) error { return s.fatal(err) }

// try runs a command that may be refused.
func (s *session) try(ctx context.Context, text string, timeout time.Duration) error {
	_, err := s.do(ctx, text, timeout)
	if err != nil {
		s.m.log.Debug("left out", "modem", s.id.label(), "command", mask(text), "err", err)
	}
	return s.tolerate(err)
}

// patient runs a command until the SIM is no longer busy: it is for some seconds
// after the modem started.
func (s *session) patient(ctx context.Context, text string, prefixes ...string) ([]string, error) {
	limit := time.Now().Add(30 * time.Second)
	for {
		lines, err := s.do(ctx, text, simTimeout, prefixes...)
		if err == nil || !isBusy(err) || time.Now().After(limit) {
			return lines, err
		}
		if err := s.pause(ctx, time.Second); err != nil {
			return nil, err
		}
	}
}

// isBusy reports whether a modem asks for patience.
func isBusy(err error) bool {
	e := (*Error)(nil)
	if !errors.As(err, &e) {
		return false
	}
	switch e.Kind {
	case "CMS":
		return e.Code == 314 || e.Code == 515 || e.Code == 500 // 515: it still starts (Huawei, ZTE)
	case "CME":
		return e.Code == 14 || e.Code == 515
	}
	return false
}

// value asks for a line that has no prefix of its own (TS 27.007 §5).
func (s *session) value(ctx context.Context, text, name string) (string, error) {
	lines, err := s.command(ctx, command{text: text, free: true, timeout: simTimeout})
	line, err := firstLine(lines, err)
	return ParseValue(line, name), s.tolerate(err)
}

// awake finds out whether there is a modem, and has it talk in a way that can be
// read: no echo, and errors with numbers (TS 27.007 §9.1).
func (s *session) awake(ctx context.Context) error {
	if err := s.chat.wake(ctx); err != nil {
		return err
	}
	return s.manners(ctx)
}

func (s *session) manners(ctx context.Context) error {
	return errors.Join(s.try(ctx, "ATE0", shortTimeout), s.try(ctx, "AT+CMEE=1", shortTimeout))
}

func (s *session) identify(ctx context.Context) error {
	id := &s.id
	for _, q := range []struct {
		command, name string
		to            *string
	}{{"AT+CGMI", "+CGMI", &id.vendor}, {"AT+CGMM", "+CGMM", &id.model}, {"AT+CGMR", "+CGMR", &id.revision}, {"AT+CGSN", "+CGSN", &id.imei}} {
		v, err := s.value(ctx, q.command, q.name)
		if err != nil {
			return err
		}
		*q.to = v
	}
	if id.vendor == "" || id.model == "" {
		if err := s.introduce(ctx); err != nil {
			return err
		}
	}
	id.imei, _ = ParseIMEI(id.imei)
	if id.imei == "" {
		id.imei = "unknown"
	}
	s.m.update(func(i *Info) {
		i.Vendor, i.Model, i.Revision, i.IMEI = id.vendor, id.model, id.revision, strings.TrimSuffix(id.imei, "unknown")
	})
	if expected := s.m.cfg.IMEI; expected != "" && id.imei != "unknown" && id.imei != expected {
		return &hindrance{fmt.Sprintf("The modem at the port has not the IMEI %s, but %s.", expected, id.imei), errReopen}
	}
	s.quirk = quirkOf(id.vendor, id.model)
	return nil
}

// introduce asks a modem that has not the commands of TS 27.007 §5 who it is.
func (s *session) introduce(ctx context.Context) error {
	lines, err := s.command(ctx, command{text: "ATI", free: true, timeout: simTimeout})
	if err != nil {
		return s.tolerate(err)
	}
	said, id := ParseIdentity(lines), &s.id
	id.vendor, id.model = cmp.Or(id.vendor, said.Manufacturer), cmp.Or(id.model, said.Model)
	id.revision, id.imei = cmp.Or(id.revision, said.Revision), cmp.Or(id.imei, said.IMEI)
	return nil
}

// prepare undoes what keeps a kind of modem from working.
func (s *session) prepare(ctx context.Context) error {
	for _, c := range s.quirk.before {
		if err := s.try(ctx, c, simTimeout); err != nil {
			return err
		}
	}
	if s.quirk.before != nil {
		return s.manners(ctx)
	}
	return nil
}

// radioOn undoes what a reset that was cut short, or another program, left behind
// (TS 27.007 §8.2).
func (s *session) radioOn(ctx context.Context) error {
	line, err := firstLine(s.do(ctx, "AT+CFUN?", shortTimeout, "+CFUN:"))
	if err != nil {
		return s.tolerate(err)
	}
	if fun, ok := ParseFunctionality(line); ok && fun != 1 {
		return s.try(ctx, "AT+CFUN=1", radioTimeout)
	}
	return nil
}

func (s *session) identifySIM(ctx context.Context) error {
	if s.id.iccid == "" {
		if err := s.readICCID(ctx); err != nil {
			return err
		}
	}
	lines, err := s.command(ctx, command{text: "AT+CIMI", free: true, timeout: simTimeout})
	line, err := firstLine(lines, err)
	if err == nil {
		s.id.imsi, _ = ParseIMSI(line)
	}
	s.m.update(func(i *Info) { i.ICCID, i.IMSI = s.id.iccid, maskIMSI(s.id.imsi) })
	return errors.Join(s.tolerate(err), s.ownNumber(ctx))
}

// maskIMSI leaves the network's five digits, and two to tell SIMs apart.
func maskIMSI(imsi string) string {
	if len(imsi) < 8 {
		return ""
	}
	return imsi[:5] + strings.Repeat("*", len(imsi)-7) + imsi[len(imsi)-2:]
}

// readICCID reads EF-ICCID, for which no PIN is needed (TS 31.102 §4.2.2).
func (s *session) readICCID(ctx context.Context) error {
	asked := map[string]bool{"": true}
	for _, c := range []string{s.quirk.iccid, "AT+CCID", "AT+ICCID", "AT^ICCID?"} {
		if asked[c] {
			continue
		}
		asked[c] = true
		lines, err := s.command(ctx, command{text: c, free: true, prefixes: []string{"^ICCID", "^SCID", "#CCID", "!ICCID"}, timeout: simTimeout})
		if err := s.tolerate(err); err != nil {
			return err
		}
		for _, l := range lines {
			if _, rest, ok := strings.Cut(l, ":"); ok {
				l = rest
			}
			if iccid, ok := ParseICCID(strings.TrimSpace(l)); ok && err == nil {
				s.id.iccid = iccid
				return nil
			}
		}
	}
	return nil
}

// serviceCentre sets the one that is configured, or writes back the one there is
// where the modem needs that (TS 27.005 §3.3.1).
func (s *session) serviceCentre(ctx context.Context) error {
	number := s.m.cfg.SMSC
	if number == "" {
		line, err := firstLine(s.patient(ctx, "AT+CSCA?", "+CSCA:"))
		if err != nil {
			return s.tolerate(err)
		}
		number, _ = ParseSMSC(line)
	}
	s.m.update(func(i *Info) { i.SMSC = number })
	if number == "" || s.m.cfg.SMSC == "" && !s.quirk.rewriteSMSC {
		return nil
	}
	return s.writeSMSC(ctx)
}

// writeSMSC writes the service centre that is configured, or was read.
func (s *session) writeSMSC(ctx context.Context) error {
	number, kind := s.m.Info().SMSC, 129
	if number == "" {
		return nil
	}
	if number[0] == '+' {
		kind = 145
	}
	return s.try(ctx, fmt.Sprintf(`AT+CSCA="%s",%d`, number, kind), simTimeout)
}

// chooseService has the modem acknowledge messages by itself (+CSMS=0), but for
// those that are routed to us, which only +CSMS=1 lets us acknowledge (TS 27.005
// §3.2.1).
func (s *session) chooseService(ctx context.Context) error {
	wanted := "AT+CSMS=0"
	if (s.m.opt.Routed || s.m.cfg.Routed) && !s.quirk.noRouting {
		line, err := firstLine(s.do(ctx, "AT+CSMS=?", shortTimeout, "+CSMS"))
		if err := s.tolerate(err); err != nil {
			return err
		}
		if list, ok := ParseService(line); err == nil && ok && slices.Contains(list[0], 1) {
			wanted, s.routed = "AT+CSMS=1", true
		}
	}
	_, err := s.do(ctx, wanted, shortTimeout, "+CSMS")
	if err != nil {
		s.routed = false
	}
	return s.tolerate(err)
}

// pduMode is what everything that follows relies on (TS 27.005 §3.2.3).
func (s *session) pduMode(ctx context.Context) error {
	_, err := s.patient(ctx, "AT+CMGF=0")
	return err
}

// extras are what a modem works without.
func (s *session) extras(ctx context.Context) error {
	line, err := firstLine(s.do(ctx, "AT+CMMS=?", shortTimeout, "+CMMS:"))
	if err == nil {
		rest, _ := payload(line, "+CMMS")
		if slices.Contains(numbers(fields(rest)[0]), 2) {
			// The link stays open between the parts of a message, and the setting after
			// that (TS 27.005 §3.5.6).
			_, err = s.do(ctx, "AT+CMMS=2", shortTimeout)
		}
	}
	if err := s.tolerate(err); err != nil {
		return err
	}
	commands := []string{`AT+CSCS="GSM"`, "AT+CLIP=1", "AT+CREG=1", "AT+CEREG=1"}
	for _, c := range append(commands, s.quirk.after...) {
		if err := s.try(ctx, c, simTimeout); err != nil {
			return err
		}
	}
	return s.configured(ctx)
}

// configured runs the configuration's own commands, of which only its owner knows
// whether the modem works without them.
func (s *session) configured(ctx context.Context) error {
	var refused []string
	for _, c := range s.m.cfg.Init {
		_, err := s.do(ctx, c, simTimeout)
		if err := s.tolerate(err); err != nil {
			return err
		}
		if err != nil {
			s.m.log.Warn("the modem refuses a command of init: correct or remove it", "modem", s.id.label(), "err", err)
			refused = append(refused, err.Error())
		}
	}
	s.m.update(func(i *Info) { i.Refused = refused })
	return nil
}
