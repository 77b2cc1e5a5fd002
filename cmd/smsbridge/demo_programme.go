package main

import (
	"fmt"
	"strings"
)

// programme is what the demo prints first: who there is, and what to paste into
// another terminal.
func (s *stage) programme(url string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `smsbridge demo: a daemon, a simulated carrier, a simulated modem, and their customers, on this machine alone.

  address   %s        (its API: %s/openapi.json)
  numbers   %s, Reception    by SMPP, carrier %s
            %s, Reception    by a SIM in a modem, carrier %s
`, url, url, spaced(demoNumber), demoAccount, spaced(demoSIM), demoModem)
	title := "sign in"
	for _, p := range s.cast {
		fmt.Fprintf(&b, "  %-9s %-4s  %-7s  extension %s  password %s\n", title, p.Name, p.Role, p.Extension, p.Password)
		title = ""
	}
	fmt.Fprintf(&b, "  token     %s\n", s.secret)
	if s.kept {
		fmt.Fprintf(&b, "  data      %s\n", s.dir)
	} else {
		fmt.Fprintf(&b, "  data      %s, removed at the end (--dir FOLDER keeps it)\n", s.dir)
	}
	ana, ben := s.cast[0], s.cast[1]
	jars := "'" + strings.ReplaceAll(s.dir, "'", `'\''`) + "'"
	fmt.Fprintf(&b, `
To paste into another terminal. Ana and Ben sign in, and see who waits:

  API=%s/api/v1 JARS=%s
  ana() { curl -sS -b "$JARS/ana" -c "$JARS/ana" -H 'Content-Type: application/json' "$@"; echo; }
  ben() { curl -sS -b "$JARS/ben" -c "$JARS/ben" -H 'Content-Type: application/json' "$@"; echo; }
  ana $API/session -d '{"extension":"%s","password":"%s"}'
  ben $API/session -d '{"extension":"%s","password":"%s"}'
  ana "$API/conversations?view=waiting&sort=oldest"

They texted different numbers (carrier_kind says whether it is smpp or gsm), and are answered
from the one that they texted. Ana takes the one that has waited longest, and Ben hears who was faster:

  ID=$(ana "$API/conversations?view=waiting&sort=oldest&limit=1" | grep -o '"id":"[^"]*"' | head -n 1 | cut -d '"' -f 4)
  ana -X POST $API/conversations/$ID/take
  ben -X POST $API/conversations/$ID/take

Ana answers; the ticks and what the customer says to it appear below. Then she is done:

  ana $API/conversations/$ID/messages -d '{"text":"Hello! Yes, come by any time before six."}'
  ana $API/conversations/$ID/messages
  ana -X POST $API/conversations/$ID/dealt-with

A program sends:

  curl -sS -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' $API/messages -d '{"from":"%s","to":"+12602058902","text":"Your parcel is ready."}'

Once she has signed in, this is what her inbox would be told, until Ctrl-C:

  curl -sSN -b %s/ana %s/api/v1/events

What happens, one line an event. Ctrl-C stops the demo.

`, url, jars, ana.Extension, ana.Password, ben.Extension, ben.Password, s.secret, demoNumber, jars, url)
	return b.String()
}

// spaced writes a number of North America as people read it.
func spaced(number string) string {
	if len(number) != 12 || number[:2] != "+1" {
		return number
	}
	return "+1 " + number[2:5] + " " + number[5:8] + " " + number[8:]
}
