package config

import "testing"

// routed is three carriers on lines 2 to 4, of which a and b share a number, and
// these options, which begin on line 5.
func routed(options string) string {
	return `carriers:
- {name: a, numbers: ["+12602058900", 10001], smpp: {hosts: ['a:1'], system_id: us, password: x}}
- {name: b, numbers: [10002, "+12602058900"], allow_to: ["+44"], smpp: {hosts: ['a:1'], system_id: us, password: x}}
- {name: c, numbers: [10003], smpp: {hosts: ['a:1'], system_id: us, password: x, bind: receiver}}
` + options
}

const both = "- {number: '+12602058900', carriers: [a, b]}\n"

var badRoutes = []badFile{
	{"pools", routed("routes:\n" + both + `pools:
- {name: desk, carriers: [a, a, c, d]}
- {name: desk, carriers: []}
- {}
`),
		`8: pools[0].carriers[1]: is already in the list: pools[0].carriers[0] on line 8
8: pools[0].carriers[2]: cannot send: its bind is receiver, on line 4
8: pools[0].carriers[3]: is the name of no carrier
9: pools[1].name: is already the name of another pool: pools[0].name on line 8
9: pools[1].carriers: must have at least one carrier
10: pools[2].name: is missing
10: pools[2].carriers: is missing`},
	{"routes that are a section", routed("routes: {number: 10001}\n"),
		"5: routes: must be a list, also if it has only one element: [...]"},
	{"route without anything", routed("routes:\n" + both + "- {}\n"),
		`7: routes[1].number: is missing
7: routes[1].carriers: is missing`},
	{"values of routes", routed("routes:\n" + both + `- number: 1
  to: [44, "+", "+1 260"]
  carriers: [A, b c]
  weights: [0, 1001]
  failover_after: 25h
`),
		`7: routes[1].number: must have 3 to 8 digits as a short code, and begin with + as any other number, not "1"
8: routes[1].to[0]: must be the beginning of an E.164 number, such as "+1" or "+44"
8: routes[1].to[1]: must be the beginning of an E.164 number, such as "+1" or "+44"
8: routes[1].to[2]: must be the beginning of an E.164 number, such as "+1" or "+44"
9: routes[1].carriers[0]: must be 1 to 32 lower-case letters, digits, - and _, and begin with a letter or digit
9: routes[1].carriers[1]: must be 1 to 32 lower-case letters, digits, - and _, and begin with a letter or digit
10: routes[1].weights[0]: must be 1 to 1000, not 0
10: routes[1].weights[1]: must be 1 to 1000, not 1001
11: routes[1].failover_after: must be 0s to 24h, not 25h`},
	{"carriers of routes", routed("routes:\n" + both + `- number: 10001
  carriers: [a, a, b, cc, nobody]
- {number: 10003, carriers: [c]}
- {number: 10002, carriers: []}
`),
		`8: routes[1].carriers[1]: is already in the list: routes[1].carriers[0] on line 8
8: routes[1].carriers[2]: does not list 10001 among its numbers: carriers[1] on line 3
8: routes[1].carriers[3]: is the name of no carrier
8: routes[1].carriers[4]: is the name of no carrier
9: routes[2].carriers[0]: cannot send: its bind is receiver, on line 4
10: routes[3].carriers: must have at least one carrier`},
	{"carrier of a route misspelt", `carriers:
- {name: acme, numbers: [10001], smpp: {hosts: ['a:1'], system_id: us, password: x}}
routes: [{number: 10001, carriers: [amce]}]
`,
		"3: routes[0].carriers[0]: is the name of no carrier; did you mean acme?"},
	{"weights", routed(`routes:
- number: "+12602058900"
  carriers: [a, b]
  weights: [3, 2, 1]
`),
		"8: routes[0].weights: must have one weight for each of the 2 carriers, not 3"},
	{"destinations twice", routed(`routes:
- {number: "+12602058900", to: ["+44", "+1", "+44"], carriers: [a, b]}
- {number: "+12602058900", to: ["+1260", "+1"], carriers: [a]}
- {number: 10001, to: ["+1"], carriers: [a]}
- {number: 10001, carriers: [a]}
- {number: 10001, to: [], carriers: [a]}
`),
		`6: routes[0].to[2]: is already a destination that +12602058900 has a route for: routes[0].to[0] on line 6
7: routes[1].to[1]: is already a destination that +12602058900 has a route for: routes[0].to[1] on line 6
10: routes[4]: is for all destinations, as is the route of 10001 on line 9: give one of them a to`},
	{"destinations that a carrier may not text", routed("routes: [{number: '+12602058900', to: ['+1', '+49'], carriers: [a, b]}]\n"),
		"5: routes[0].carriers[1]: may text none of the route's destinations: see its allow_to on line 3"},
	{"number without a route", routed(""),
		`3: carriers[1].numbers[1]: is already listed as +12602058900: carriers[0].numbers[0] on line 2; to share it, write routes: [{number: "+12602058900", carriers: [a, b]}]`},
	{"number with a route of one carrier", routed("routes: [{number: '+12602058900', carriers: [b]}]\n"),
		"2: carriers[0].numbers[0]: is shared, but no route of +12602058900 names a: add it to the carriers of one"},
	{"number of a receiver", `carriers:
- {name: in, numbers: [10001], smpp: {hosts: ['a:1'], system_id: us, password: x, bind: receiver}}
- {name: out, numbers: [10001], smpp: {hosts: ['a:1'], system_id: us, password: x, bind: transmitter}}
`,
		`3: carriers[1].numbers[0]: is already listed as 10001: carriers[0].numbers[0] on line 2; to share it, write routes: [{number: "10001", carriers: [out]}]`},
	{"number of carriers without names", `carriers:
- {numbers: [10001], smpp: {hosts: ['a:1'], system_id: us, password: x}}
- {name: b, numbers: [10001], smpp: {hosts: ['a:1'], system_id: us, password: x}}
`,
		`2: carriers[0].name: is missing
3: carriers[1].numbers[0]: is already listed as 10001: carriers[0].numbers[0] on line 2`},
}

func TestRoutesThatAreRight(t *testing.T) {
	for _, routes := range []string{
		both,
		"- {number: '+12602058900', carriers: [b, a], weights: [1, 1000], failover_after: 0s}",
		"- {number: '+12602058900', to: ['+1'], carriers: [a]}\n- {number: '+12602058900', to: ['+1260', '+44'], carriers: [a, b]}",
		"- {number: '+12602058900', to: ['+4', '+1'], carriers: [a, b]}\n- {number: 10001, carriers: [a]}",
		both + "- {number: 10001, to: [], weights: [], carriers: [a]}",
	} {
		if _, err := Parse("f", []byte(routed("routes:\n"+routes)), Options{Getenv: noEnv}); err != nil {
			t.Errorf("%s\n%v", routes, err)
		}
	}
}
