package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"smsbridge/smpp"
)

// rule checks a decoded value. Its error completes the sentence that begins
// with the option's name; that of a secret's rule does not repeat the value.
type rule func(reflect.Value) error

// rules bounds the value of each option, by pattern. Every option has a line.
func rules() map[string]rule {
	return map[string]rule{
		"listen":            text(listenAddress),
		"tls.cert_file":     text(notEmpty),
		"tls.key_file":      text(notEmpty),
		"public_url":        text(publicURL),
		"trusted_proxies[]": text(network),
		"region":            text(region),
		"store":             text(store),
		"node":              text(nodeName),
		"metrics.listen":    text(listenAddress),
		"log.level":         words(LogDebug, LogInfo, LogWarn, LogError),
		"log.format":        words(LogText, LogJSON),
		"log.texts":         words(LogTextsFinal, LogTextsNone),
		"log.numbers":       words(LogNumbersMasked, LogNumbersFull),

		"carriers[].name":         text(carrierName),
		"carriers[].numbers[]":    text(number),
		"carriers[].on_uncertain": words(UncertainHold, UncertainResend),
		"carriers[].allow_to[]":   text(prefix),

		// The longest C-octet strings are those of SMPP 3.4 §4.1.1 and §4.4.1,
		// without their NUL. Carriers do give out system ids and passwords that
		// are longer.
		"carriers[].smpp.hosts[]":          text(hostPort),
		"carriers[].smpp.tls.ca_file":      text(notEmpty),
		"carriers[].smpp.tls.cert_file":    text(notEmpty),
		"carriers[].smpp.tls.key_file":     text(notEmpty),
		"carriers[].smpp.tls.server_name":  text(hostName),
		"carriers[].smpp.bind":             words(smpp.BindTransceiver, smpp.BindPair, smpp.BindTransmitter, smpp.BindReceiver),
		"carriers[].smpp.binds":            ints(1, 8),
		"carriers[].smpp.system_id":        all(text(notEmpty), octets(64)),
		"carriers[].smpp.password":         octets(64),
		"carriers[].smpp.password_file":    text(notEmpty),
		"carriers[].smpp.system_type":      octets(12),
		"carriers[].smpp.addr_ton":         ints(0, 6),  // SMPP 3.4 §5.2.5
		"carriers[].smpp.addr_npi":         ints(0, 18), // SMPP 3.4 §5.2.6
		"carriers[].smpp.address_range":    octets(40),
		"carriers[].smpp.window":           ints(1, 1000),
		"carriers[].smpp.rate":             rates(0.001, 100_000),
		"carriers[].smpp.enquire_link":     durations(time.Millisecond, time.Hour),
		"carriers[].smpp.response_timeout": durations(time.Millisecond, 10*time.Minute),
		"carriers[].smpp.bind_timeout":     durations(time.Millisecond, 10*time.Minute),
		"carriers[].smpp.data_coding_0": words(
			smpp.AlphabetGSM7, smpp.AlphabetGSM7Packed, smpp.AlphabetLatin1, smpp.AlphabetASCII),
		"carriers[].smpp.long_messages": words(
			smpp.LongUDH, smpp.LongUDH16, smpp.LongSAR, smpp.LongPayload),
		"carriers[].smpp.message_id": words(
			smpp.MessageIDAuto, smpp.MessageIDExact, smpp.MessageIDHexToDecimal, smpp.MessageIDDecimalToHex),
		// The longest is that of TS 23.040 §9.2.3.12.1: 63 weeks.
		"carriers[].smpp.validity":      durations(time.Second, 63*7*24*time.Hour),
		"carriers[].smpp.service_type":  octets(5),
		"carriers[].smpp.reconnect.min": durations(time.Millisecond, time.Hour),
		"carriers[].smpp.reconnect.max": durations(time.Millisecond, time.Hour),
		"carriers[].smpp.timezone":      text(timeZone),

		"carriers[].smpp.interface_version":      words(smpp.Version33, smpp.Version34, smpp.Version50),
		"carriers[].smpp.local_addr":             text(localAddr),
		"carriers[].smpp.ton_npi.e164":           text(tonNPI),
		"carriers[].smpp.ton_npi.short":          text(tonNPI),
		"carriers[].smpp.ton_npi.alphanumeric":   text(tonNPI),
		"carriers[].smpp.ton_npi.destination":    text(tonNPI),
		"carriers[].smpp.transliterate":          words(smpp.TransliterateNone, smpp.TransliteratePunctuation, smpp.TransliterateAll),
		"carriers[].smpp.priority":               ints(0, 3), // SMPP 3.4 §5.2.14
		"carriers[].smpp.protocol_id":            ints(0, 255),
		"carriers[].smpp.registered_delivery":    ints(0, 31), // SMPP 3.4 §5.2.17: bits 0 to 4
		"carriers[].smpp.user_message_reference": anything,
		"carriers[].smpp.delivered_means":        words(smpp.DeliveredHandset, smpp.DeliveredNetwork),
		"carriers[].smpp.accepted":               words(smpp.AcceptedSent, smpp.AcceptedDelivered),
		"carriers[].smpp.tlvs{key}":              text(tlvTag),
		"carriers[].smpp.tlvs{}":                 text(tlvValue),
		"carriers[].smpp.err_codes{key}":         text(errCode),
		"carriers[].smpp.err_codes{}":            text(sentence),
		"carriers[].smpp.status_actions{key}":    text(failedStatus),
		"carriers[].smpp.status_actions{}": words(smpp.ActionThrottle, smpp.ActionQueueFull, smpp.ActionRetry,
			smpp.ActionRetryTwice, smpp.ActionReject, smpp.ActionRebind, smpp.ActionHold),

		"routes[].number":         text(number),
		"routes[].to[]":           text(prefix),
		"routes[].carriers[]":     text(carrierName),
		"routes[].weights[]":      ints(1, 1000),
		"routes[].failover_after": durations(0, 24*time.Hour),

		"pools[].name":       text(carrierName),
		"pools[].carriers[]": text(carrierName),

		"limits.agent_per_minute": ints(0, 100_000),
		"limits.token_per_day":    ints(0, 1_000_000_000),

		"opt_out.stop[]":      text(keyword),
		"opt_out.start[]":     text(keyword),
		"opt_out.help[]":      text(keyword),
		"opt_out.stop_reply":  text(reply),
		"opt_out.start_reply": text(reply),
		"opt_out.help_reply":  text(reply),

		"carriers[].gsm.device":            text(device),
		"carriers[].gsm.imei":              text(imei),
		"carriers[].gsm.pin":               text(pin),
		"carriers[].gsm.pin_file":          text(notEmpty),
		"carriers[].gsm.smsc":              text(serviceCentre),
		"carriers[].gsm.init[]":            text(atCommand),
		"carriers[].gsm.limits.per_minute": ints(0, 100_000),
		"carriers[].gsm.limits.per_day":    ints(0, 1_000_000),
		"carriers[].gsm.limits.per_month":  ints(0, 10_000_000),
		"carriers[].gsm.validity":          durations(5*time.Minute, 63*7*24*time.Hour), // 3GPP TS 23.040 §9.2.3.12.1
		"carriers[].gsm.routed":            anything,
		"carriers[].gsm.power[]":           text(notEmpty),
		"carriers[].gsm.balance.ussd":      text(ussd),
		"carriers[].gsm.balance.pattern":   text(regularExpression),
		"carriers[].gsm.balance.every":     durations(time.Minute, 31*24*time.Hour),
		"carriers[].gsm.reject_calls":      anything,
	}
}

// required returns the options that a section must have.
func required(pattern string) []string {
	switch pattern {
	case "tls":
		return []string{"cert_file", "key_file"}
	case "metrics":
		return []string{"listen"}
	case "carriers[]":
		return []string{"name", "numbers"}
	case "routes[]":
		return []string{"number", "carriers"}
	case "carriers[].gsm.balance":
		return []string{"ussd"}
	case "pools[]":
		return []string{"name", "carriers"}
	case "carriers[].smpp":
		return []string{"hosts", "system_id"}
	}
	return nil
}

// anything is the rule of options that are true or false.
func anything(reflect.Value) error { return nil }

func all(rules ...rule) rule {
	return func(v reflect.Value) error {
		for _, r := range rules {
			if err := r(v); err != nil {
				return err
			}
		}
		return nil
	}
}

func text(check func(string) error) rule {
	return func(v reflect.Value) error { return check(v.String()) }
}

func words[T ~string](of ...T) rule {
	return func(v reflect.Value) error {
		list := make([]string, len(of))
		for i, w := range of {
			if v.String() == string(w) {
				return nil
			}
			list[i] = string(w)
		}
		last := len(list) - 1
		return fmt.Errorf("must be %s or %s, not %s", strings.Join(list[:last], ", "), list[last], quote(v.String()))
	}
}

func ints(lowest, highest int64) rule {
	return func(v reflect.Value) error {
		i := int64(0)
		if v.CanUint() {
			i = int64(v.Uint())
		} else {
			i = v.Int()
		}
		if i < lowest || i > highest {
			return fmt.Errorf("must be %d to %d, not %d", lowest, highest, i)
		}
		return nil
	}
}

func durations(shortest, longest time.Duration) rule {
	return func(v reflect.Value) error {
		if x := time.Duration(v.Int()); x < shortest || x > longest {
			return fmt.Errorf("must be %s to %s, not %s", short(shortest), short(longest), short(x))
		}
		return nil
	}
}

// short writes a duration without the parts that are zero: 1h, not 1h0m0s.
func short(x time.Duration) string {
	s := x.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func rates(lowest, highest float64) rule {
	return func(v reflect.Value) error {
		if f := v.Float(); f < lowest || f > highest {
			return fmt.Errorf("must be %g/s to %g/s", lowest, highest)
		}
		return nil
	}
}

// octets accepts what fits a C-octet string (SMPP 3.4 §3.1) of up to n
// characters. Its errors do not repeat the value, which may be a secret.
func octets(n int) rule {
	return text(func(s string) error {
		if len(s) > n {
			return fmt.Errorf("must have at most %d characters", n)
		}
		for _, c := range []byte(s) {
			if c < ' ' || c > '~' {
				return errors.New("must be of printable ASCII characters, on one line")
			}
		}
		return nil
	})
}

// quote shows a value in a message, cut where it is long.
func quote(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return fmt.Sprintf("%q", s)
}
