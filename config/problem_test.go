package config

import (
	"slices"
	"strings"
	"testing"
)

// carrier puts options under the smpp section of a carrier; they stand on line
// 5, from which on everything else is right.
func carrier(options string) string {
	return "carriers:\n- name: a\n  numbers: [12345]\n  smpp:\n    {" + options + ", hosts: ['a:1'], system_id: us, password: x}"
}

// modem is carrier for gsm.
func modem(options string) string {
	return "carriers:\n- name: a\n  numbers: [12345]\n  gsm:\n    {" + options + "}"
}

// numbered is a carrier with these numbers, which stand on line 3.
func numbered(numbers string) string {
	return "carriers:\n- name: a\n  numbers: " + numbers + "\n  smpp: {hosts: ['a:1'], system_id: us, password: x}"
}

type badFile struct{ name, yaml, want string }

var badFiles = slices.Concat(badGeneral, badMaps, badSMPP, badRoutes)

var badGeneral = []badFile{
	{"empty", "",
		"1: the file is empty"},
	{"only comments", "# nothing\n",
		"1: the file is empty"},
	{"null document", "---\n",
		"1: the file is empty"},
	{"no mapping", "- a\n",
		"1: must be a section of options (key: value)"},
	{"scalar", "hello\n",
		"1: must be a section of options (key: value)"},
	{"second document", `listen: ':80'
---
listen: ':81'
`,
		"2: a second document begins here; only one is read"},
	{"empty second document", `listen: ':80'
---
`,
		"2: a second document begins here; only one is read"},
	{"broken second document", `listen: ':80'
---
a: [
`,
		"3: did not find expected node content"},
	{"indentation", `listen: ':80'
log:
  level: info
   format: text
region: US
`,
		"4: mapping values are not allowed in this context"},
	{"no colon", `listen: ':80'
region US
node: a
`,
		"2: could not find expected ':'"},
	{"open quote", `listen: ':80'
node: "a
region: US
`,
		"2: found unexpected end of stream"},
	{"open list", `log:
  level: info
carriers: [
  a,
  b
region: US
`,
		"5: did not find expected ',' or ']'"},
	{"tab", "log:\n\tlevel: info\n",
		"2: found character that cannot start any token"},
	{"dash in mapping", `carriers:
  - name: a
  numbers: [12345]
region: US
`,
		"3: did not find expected '-' indicator"},
	{"colon in value", `node: a
region: US: b
`,
		"2: mapping values are not allowed in this context"},
	{"at sign", `node: a
carriers:
- name: a
  smpp:
    password: @hunter2
`,
		"5: found character that cannot start any token"},
	{"password like an alias", `node: a
carriers:
- name: a
  smpp:
    password: *hunter2
`,
		"5: a value that begins with * must be in quotes"},
	{"not UTF-8", "node: a\nregion: \xff\xfe\n",
		"2: invalid leading UTF-8 octet"},
	{"unknown key", "lisen: ':80'\n",
		"1: lisen: unknown option; did you mean listen?"},
	{"unknown without neighbour", "banana: 1\n",
		"1: banana: unknown option"},
	{"unknown in upper case", "Listen: ':80'\n",
		"1: Listen: unknown option; did you mean listen?"},
	{"unknown nested", `log:
  levle: info
`,
		"2: log.levle: unknown option; did you mean level?"},
	{"later section", "webhooks: []\n",
		"1: webhooks: unknown option"},
	{"duplicate key", `listen: ':80'
node: a
listen: ':81'
`,
		"3: listen: is given twice, first on line 1"},
	{"duplicate unknown key", `nod: a
nod: b
`,
		`1: nod: unknown option; did you mean node?
2: nod: is given twice, first on line 1`},
	{"duplicate nested", carrier("window: 1, window: 2"),
		"5: carriers[0].smpp.window: is given twice, first on line 5"},
	{"key without colon", carrier("password hunter2"),
		`5: carriers[0].smpp: this key is no name of an option; is it missing ": " after its name?`},
	{"key that is a list", "[a, b]: c\n",
		`1: this key is no name of an option; is it missing ": " after its name?`},
	{"merge key", `log: &l {level: info}
metrics:
  <<: *l
  listen: ':9'
`,
		"3: metrics: merge keys (<<) are not supported: write the options out"},
	{"alias", `node: &n a
region: *n
`,
		"2: region: aliases are not supported: write the value out, or put it in quotes if it begins with *"},
	{"tag", "node: !env NODE\n",
		"1: node: tags are not supported: put a value that begins with ! in quotes"},
	{"section with a text", "log: info\n",
		"1: log: must be a section of options (key: value)"},
	{"list with a text", `carriers:
- name: a
  numbers: '+12602058900'
  hosts: a:1`,
		`2: carriers[0]: has neither smpp nor gsm: it must have one of them
3: carriers[0].numbers: must be a list, also if it has only one element: [...]
4: carriers[0].hosts: unknown option`},
	{"carriers a section", `carriers:
  acme: {}
`,
		"1: carriers: must be a list, also if it has only one element: [...]"},
	{"carrier a text", "carriers: [acme]\n",
		"1: carriers[0]: must be a section of options (key: value)"},
	{"text with a list", "node: [a]\n",
		"1: node: must be a single value"},
	{"text with a boolean", "node: true\n",
		"1: node: must be text; put it in quotes"},
	{"no value", `node:
region: ~
`,
		`1: node: has no value; remove it, or put a value that begins with # in quotes
2: region: has no value; remove it, or put a value that begins with # in quotes`},
	{"tls without a value", "tls:\n",
		"1: tls: has no value; remove it, or put a value that begins with # in quotes"},
	{"whole number with a fraction", carrier("window: 1.5"),
		"5: carriers[0].smpp.window: must be a whole number in decimal, without quotes or leading zeros"},
	{"octal", carrier("window: 0777"),
		"5: carriers[0].smpp.window: must be a whole number in decimal, without quotes or leading zeros"},
	{"hexadecimal", carrier("window: 0x1F"),
		"5: carriers[0].smpp.window: must be a whole number in decimal, without quotes or leading zeros"},
	{"underscore", carrier("window: 1_000"),
		"5: carriers[0].smpp.window: must be a whole number in decimal, without quotes or leading zeros"},
	{"quoted number", carrier(`window: "10"`),
		"5: carriers[0].smpp.window: must be a whole number in decimal, without quotes or leading zeros"},
	{"exponent", carrier("window: 1e2"),
		"5: carriers[0].smpp.window: must be a whole number in decimal, without quotes or leading zeros"},
	{"text for a number", carrier("window: ten"),
		"5: carriers[0].smpp.window: must be a whole number in decimal, without quotes or leading zeros"},
	{"huge number", carrier("window: 99999999999999999999"),
		"5: carriers[0].smpp.window: is out of range"},
	{"octet of 256", carrier("addr_ton: 256"),
		"5: carriers[0].smpp.addr_ton: is out of range"},
	{"boolean", modem("device: auto, reject_calls: yes"),
		"5: carriers[0].gsm.reject_calls: must be true or false"},
	{"duration without unit", carrier("enquire_link: 30"),
		"5: carriers[0].smpp.enquire_link: must be a duration with its unit, such as 30s, 500ms or 48h"},
	{"zero duration", carrier("enquire_link: 0s"),
		"5: carriers[0].smpp.enquire_link: must be 1ms to 1h, not 0s"},
	{"negative duration", carrier("enquire_link: -5s"),
		"5: carriers[0].smpp.enquire_link: must be 1ms to 1h, not -5s"},
	{"bad duration", carrier("validity: 2d"),
		"5: carriers[0].smpp.validity: must be a duration with its unit, such as 30s, 500ms or 48h"},
	{"rate a minute", carrier("rate: 600/m"),
		"5: carriers[0].smpp.rate: must be a rate a second, such as 10/s or 0.5/s"},
	{"rate without unit", carrier("rate: 10"),
		"5: carriers[0].smpp.rate: must be a rate a second, such as 10/s or 0.5/s"},
	{"no rate", carrier("rate: 0/s"),
		"5: carriers[0].smpp.rate: must be 0.001/s to 100000/s"},
	{"negative rate", carrier("rate: -1/s"),
		"5: carriers[0].smpp.rate: must be a rate a second, such as 10/s or 0.5/s"},
	{"fast rate", carrier("rate: 200000/s"),
		"5: carriers[0].smpp.rate: must be 0.001/s to 100000/s"},
	{"listen without port", "listen: localhost\n",
		`1: listen: must be host:port (an IPv6 address in [ ]), not "localhost"`},
	{"listen with a named port", "listen: localhost:http\n",
		`1: listen: must have a port from 0 to 65535, not "http"`},
	{"listen with a large port", "listen: localhost:65536\n",
		`1: listen: must have a port from 0 to 65535, not "65536"`},
	{"listen with a bad address", "listen: 10.0.0.256:80\n",
		`1: listen: must be a host name or an IP address, not "10.0.0.256"`},
	{"listen on IPv6 without brackets", "listen: ::1:80\n",
		`1: listen: must be host:port (an IPv6 address in [ ]), not "::1:80"`},
	{"listen empty", "listen: ''\n",
		`1: listen: must be host:port (an IPv6 address in [ ]), not ""`},
	{"tls without key", "tls: {cert_file: a}\n",
		"1: tls.key_file: is missing"},
	{"tls empty", "tls: {}\n",
		`1: tls.cert_file: is missing
1: tls.key_file: is missing`},
	{"tls with empty names", "tls: {cert_file: '', key_file: ''}\n",
		`1: tls.cert_file: must not be empty
1: tls.key_file: must not be empty`},
	{"public URL", "public_url: sms.example.com\n",
		"1: public_url: must be a URL such as https://sms.example.com"},
	{"proxies", "trusted_proxies: [10.0.0.7, 0.0.0.0/0]\n",
		`1: trusted_proxies[0]: must be a network such as 172.16.0.0/12, or an address such as 10.0.0.7/32
1: trusted_proxies[1]: is everybody: name the networks that only proxies are in`},
	{"public URL with a password", "public_url: https://a:hunter2@sms.example.com\n",
		"1: public_url: must be a URL without user, query and fragment"},
	{"public URL of mail", "public_url: mailto:a@b.example\n",
		"1: public_url: must be a URL such as https://sms.example.com"},
	{"region", "region: us\n",
		"1: region: must be two capital letters (ISO 3166), such as US"},
	{"region of three", "region: USA\n",
		"1: region: must be two capital letters (ISO 3166), such as US"},
	{"store", "store: mysql://u:hunter2@h/d\n",
		"1: store: must be sqlite:PATH or postgres://USER@HOST/DATABASE"},
	{"store without path", "store: 'sqlite:'\n",
		"1: store: must be sqlite:PATH or postgres://USER@HOST/DATABASE; PATH is a file's"},
	{"store in memory", "store: 'sqlite::memory:'\n",
		"1: store: must be sqlite:PATH or postgres://USER@HOST/DATABASE; PATH is a file's"},
	{"store with a host", "store: sqlite://data/a.db\n",
		"1: store: must be sqlite:PATH or postgres://USER@HOST/DATABASE; PATH is a file's"},
	{"store with parameters", "store: sqlite:/a.db?mode=ro\n",
		"1: store: takes one parameter after the path: ?fsync_delay=5ms, to measure how a slower disk would do"},
	{"store URL", "store: 'postgres://u:hunter2%@h/d'\n",
		"1: store: must be sqlite:PATH or postgres://USER@HOST/DATABASE; a % or # in a password is written %25 or %23"},
	{"store URL with #", "store: 'postgres://u@h/d#hunter2'\n",
		"1: store: holds a #, which is written %23 in a URL"},
	{"store keywords", "store: host=db password=hunter2\n",
		"1: store: must be sqlite:PATH or postgres://USER@HOST/DATABASE"},
	{"node", "node: a b\n",
		"1: node: must be 1 to 64 letters, digits, dots, - and _"},
	{"metrics without listen", "metrics: {}\n",
		"1: metrics.listen: is missing"},
	{"metrics on listen", "metrics: {listen: 127.0.0.1:8080}\n",
		"1: metrics.listen: must differ from listen; without it, /metrics is on listen"},
	{"log words", "log: {level: trace, format: JSON, texts: all, numbers: hidden}\n",
		`1: log.level: must be debug, info, warn or error, not "trace"
1: log.format: must be text or json, not "JSON"
1: log.texts: must be final or none, not "all"
1: log.numbers: must be masked or full, not "hidden"`},
	{"limits", "limits: {agent_per_minute: -1, token_per_day: 1000000001}\n",
		`1: limits.agent_per_minute: must be 0 to 100000, not -1
1: limits.token_per_day: must be 0 to 1000000000, not 1000000001`},
	{"limits that are many", "limits: {agent_per_minute: 100001, token_per_day: none, token_per_hour: 1}\n",
		`1: limits.agent_per_minute: must be 0 to 100000, not 100001
1: limits.token_per_day: must be a whole number in decimal, without quotes or leading zeros
1: limits.token_per_hour: unknown option`},
	{"words of opt-outs", "opt_out: {stop: ['', ' ARRET'], start: DEPART, no: x}\n",
		`1: opt_out.stop[0]: must have 1 to 64 octets, without spaces around it
1: opt_out.stop[1]: must have 1 to 64 octets, without spaces around it
1: opt_out.start: must be a list, also if it has only one element: [...]
1: opt_out.no: unknown option`},
	{"carrier without anything", `carriers:
- {}
`,
		`2: carriers[0].name: is missing
2: carriers[0].numbers: is missing
2: carriers[0]: has neither smpp nor gsm: it must have one of them`},
	{"carrier names", `carriers:
- {name: Acme, numbers: [12345], smpp: {hosts: ['a:1'], system_id: us, password: x}}
- {name: -a, numbers: [12346], smpp: {hosts: ['a:1'], system_id: us, password: x}}
- {name: '', numbers: [12347], smpp: {hosts: ['a:1'], system_id: us, password: x}}
- {name: aaaaaaaaaabbbbbbbbbbccccccccccddd, numbers: [12348], smpp: {hosts: ['a:1'], system_id: us, password: x}}
`,
		`2: carriers[0].name: must be 1 to 32 lower-case letters, digits, - and _, and begin with a letter or digit
3: carriers[1].name: must be 1 to 32 lower-case letters, digits, - and _, and begin with a letter or digit
4: carriers[2].name: must be 1 to 32 lower-case letters, digits, - and _, and begin with a letter or digit
5: carriers[3].name: must be 1 to 32 lower-case letters, digits, - and _, and begin with a letter or digit`},
	{"same name", `carriers:
- {name: a, numbers: [12345], smpp: {hosts: ['a:1'], system_id: us, password: x}}
- {name: a, numbers: [12346], smpp: {hosts: ['a:1'], system_id: us, password: x}}
`,
		"3: carriers[1].name: is already the name of another carrier: carriers[0].name on line 2"},
	{"same number", `carriers:
- name: a
  numbers: [12345, "+12602058900"]
  smpp: {hosts: ['a:1'], system_id: us, password: x}
- name: b
  numbers:
  - 12346
  - "+12602058900"
  smpp: {hosts: ['a:1'], system_id: us, password: x}
`,
		`8: carriers[1].numbers[1]: is already listed as +12602058900: carriers[0].numbers[1] on line 3; to share it, write routes: [{number: "+12602058900", carriers: [a, b]}]`},
	{"same number in one carrier", numbered("[12345, 12345]"),
		"3: carriers[0].numbers[1]: is already listed as 12345: carriers[0].numbers[0] on line 3"},
	{"numbers", numbered("[12602058900, +1 260 205 8900, 12, Acme Incorporated, čaj, '']"),
		`3: carriers[0].numbers[0]: must have 3 to 8 digits as a short code, and begin with + as any other number, not "12602058900"
3: carriers[0].numbers[1]: must be + and 7 to 15 digits without spaces, not "+1 260 205 8900"
3: carriers[0].numbers[2]: must have 3 to 8 digits as a short code, and begin with + as any other number, not "12"
3: carriers[0].numbers[3]: must be E.164 (+12602058900), a short code (3 to 8 digits) or a name of at most 11 GSM characters with a letter among them, not "Acme Incorporated"
3: carriers[0].numbers[4]: must be E.164 (+12602058900), a short code (3 to 8 digits) or a name of at most 11 GSM characters with a letter among them, not "čaj"
3: carriers[0].numbers[5]: must have 3 to 8 digits as a short code, and begin with + as any other number, not ""`},
	{"numbers of other types", numbered("[true, [12345], null, {a: b}]"),
		`3: carriers[0].numbers[0]: must be text; put it in quotes
3: carriers[0].numbers[1]: must be a single value
3: carriers[0].numbers[2]: has no value; remove it, or put a value that begins with # in quotes
3: carriers[0].numbers[3]: must be a single value`},
	{"no numbers", numbered("[]"),
		"3: carriers[0].numbers: must have at least one number"},
	{"on_uncertain", `carriers:
- {name: a, numbers: [12345], on_uncertain: retry, smpp: {hosts: ['a:1'], system_id: us, password: x}}
`,
		`2: carriers[0].on_uncertain: must be hold or resend, not "retry"`},
	{"allow_to", `carriers:
- {name: a, numbers: [12345], allow_to: ["1", "+0", "+44"], smpp: {hosts: ['a:1'], system_id: us, password: x}}
`,
		`2: carriers[0].allow_to[0]: must be the beginning of an E.164 number, such as "+1" or "+44"
2: carriers[0].allow_to[1]: must be the beginning of an E.164 number, such as "+1" or "+44"`},
	{"neither", `carriers:
- {name: a, numbers: [12345]}
`,
		"2: carriers[0]: has neither smpp nor gsm: it must have one of them"},
	{"both", `carriers:
- {name: a, numbers: [12345], smpp: {hosts: ['a:1'], system_id: us, password: x}, gsm: {device: auto}}
`,
		"2: carriers[0]: has both smpp and gsm: it must have one of them"},
	{"smpp empty", `carriers:
- name: a
  numbers: [12345]
  smpp: {}
`,
		`4: carriers[0].smpp.hosts: is missing
4: carriers[0].smpp.system_id: is missing
4: carriers[0].smpp.password: is missing, and so is password_file; an account without one has password: ""`},
	{"smpp without value", `carriers:
- name: a
  numbers: [12345]
  smpp:
`,
		"4: carriers[0].smpp: has no value; remove it, or put a value that begins with # in quotes"},
	{"hosts", `carriers:
- name: a
  numbers: [12345]
  smpp: {hosts: [a, ':1', 'a:0', 'a b:1', 'a:1', 'a:1'], system_id: us, password: x}
`,
		`4: carriers[0].smpp.hosts[0]: must be host:port (an IPv6 address in [ ]), not "a"
4: carriers[0].smpp.hosts[1]: must name a host before the port, not ":1"
4: carriers[0].smpp.hosts[2]: must have a port from 1 to 65535, not "0"
4: carriers[0].smpp.hosts[3]: must be a host name or an IP address, not "a b"
4: carriers[0].smpp.hosts[5]: is already in the list: carriers[0].smpp.hosts[4] on line 4`},
	{"no hosts", `carriers:
- name: a
  numbers: [12345]
  smpp: {hosts: [], system_id: us, password: x}
`,
		"4: carriers[0].smpp.hosts: must have at least one host"},
	{"words of smpp", carrier("bind: both, data_coding_0: utf8, long_messages: split, message_id: hex"),
		`5: carriers[0].smpp.bind: must be transceiver, transmitter+receiver, transmitter or receiver, not "both"
5: carriers[0].smpp.data_coding_0: must be gsm7, gsm7-packed, latin1 or ascii, not "utf8"
5: carriers[0].smpp.long_messages: must be udh, udh16, sar or payload, not "split"
5: carriers[0].smpp.message_id: must be auto, exact, hex-to-decimal or decimal-to-hex, not "hex"`},
	{"numbers out of range", carrier("binds: 0, window: 1001, addr_ton: 7, addr_npi: 19"),
		`5: carriers[0].smpp.binds: must be 1 to 8, not 0
5: carriers[0].smpp.window: must be 1 to 1000, not 1001
5: carriers[0].smpp.addr_ton: must be 0 to 6, not 7
5: carriers[0].smpp.addr_npi: must be 0 to 18, not 19`},
	{"more binds", carrier("binds: 9, window: 0, addr_ton: -1"),
		`5: carriers[0].smpp.binds: must be 1 to 8, not 9
5: carriers[0].smpp.window: must be 1 to 1000, not 0
5: carriers[0].smpp.addr_ton: is out of range`},
	{"durations out of range", carrier("enquire_link: 2h, response_timeout: 11m, bind_timeout: 1us, validity: 20000h"),
		`5: carriers[0].smpp.enquire_link: must be 1ms to 1h, not 2h
5: carriers[0].smpp.response_timeout: must be 1ms to 10m, not 11m
5: carriers[0].smpp.bind_timeout: must be 1ms to 10m, not 1µs
5: carriers[0].smpp.validity: must be 1s to 10584h, not 20000h`},
	{"long strings", carrier(`system_type: aaaaaaaaaaaaa, address_range: "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddx", service_type: aaaaaa`),
		`5: carriers[0].smpp.system_type: must have at most 12 characters
5: carriers[0].smpp.address_range: must have at most 40 characters
5: carriers[0].smpp.service_type: must have at most 5 characters`},
	{"odd strings", carrier(`system_type: é, service_type: "a\0b"`),
		`5: carriers[0].smpp.system_type: must be of printable ASCII characters, on one line
5: carriers[0].smpp.service_type: must be of printable ASCII characters, on one line`},
	{"secrets of wrong types", `carriers:
- name: a
  numbers: [12345]
  smpp: {hosts: ['a:1'], system_id: us, password: [hunter2]}
- name: b
  numbers: [12346]
  gsm: {device: auto, pin: hunter2}
`,
		`4: carriers[0].smpp.password: must be a single value
7: carriers[1].gsm.pin: must be 4 to 8 digits`},
	{"secret too long", `carriers:
- name: a
  numbers: [12345]
  smpp:
    hosts: ['a:1']
    system_id: us
    password: hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2
`,
		"7: carriers[0].smpp.password: must have at most 64 characters"},
	{"secret that is a comment", `carriers:
- name: a
  numbers: [12345]
  smpp:
    hosts: ['a:1']
    system_id: us
    password: #hunter2
`,
		"7: carriers[0].smpp.password: has no value; remove it, or put a value that begins with # in quotes"},
	{"time zone", carrier("timezone: Europe/Lodnon"),
		`5: carriers[0].smpp.timezone: must be a time zone such as UTC or Europe/London, not "Europe/Lodnon"`},
	{"time zone of the machine", carrier("timezone: Local"),
		`5: carriers[0].smpp.timezone: must be a time zone such as UTC or Europe/London, not "Local"`},
	{"reconnect", carrier("reconnect: {min: 20s, max: 10s}"),
		"5: carriers[0].smpp.reconnect.min: leaves min 20s above max 10s"},
	{"reconnect above the default", carrier("reconnect: {min: 20s}"),
		"5: carriers[0].smpp.reconnect.min: leaves min 20s above max 10s"},
	{"reconnect below the default", carrier("reconnect: {max: 100ms}"),
		"5: carriers[0].smpp.reconnect.max: leaves min 500ms above max 100ms"},
	{"server name", carrier(`tls: {server_name: "a b"}`),
		`5: carriers[0].smpp.tls.server_name: must be a host name or an IP address, not "a b"`},
	{"modem without device", modem("smsc: ''"),
		"4: carriers[0].gsm.device: is missing, and so is imei"},
	{"modem with both", modem("device: auto, imei: 356938035643809"),
		"5: carriers[0].gsm.imei: stands beside device: give one of them"},
	{"modem values", modem(`device: ttyUSB0, pin: 123, smsc: 12345, init: [reset, "AT\nATD112;"], limits: {per_minute: -1, per_day: 1.5}`),
		`5: carriers[0].gsm.device: must be the absolute path of a device, or auto, not "ttyUSB0"
5: carriers[0].gsm.pin: must be 4 to 8 digits
5: carriers[0].gsm.smsc: must be an E.164 number, such as "+12602058900", or empty
5: carriers[0].gsm.init[0]: must be an AT command on one line, such as AT+CSCS="GSM"
5: carriers[0].gsm.init[1]: must be an AT command on one line, such as AT+CSCS="GSM"
5: carriers[0].gsm.limits.per_minute: must be 0 to 100000, not -1
5: carriers[0].gsm.limits.per_day: must be a whole number in decimal, without quotes or leading zeros`},
	{"IMEI", modem("imei: 35693803564380"),
		"5: carriers[0].gsm.imei: must be 15 digits"},
	{"IMEI with a slip", modem("imei: 356938035643808"),
		"5: carriers[0].gsm.imei: must be 15 digits, of which the last checks the others: one of these is wrong"},
	{"modem commands that the driver must know of", modem(`device: auto, init: ["AT+CPIN=\"1234\"", "ate0; ^cpin = 1234", "AT+CMGF=1", "AT+CMEE=1;+CMGF = 1"]`),
		`5: carriers[0].gsm.init[0]: must not enter a PIN, which pin and pin_file do once, as a wrong one locks the SIM
5: carriers[0].gsm.init[1]: must not enter a PIN, which pin and pin_file do once, as a wrong one locks the SIM
5: carriers[0].gsm.init[2]: must leave +CMGF as it is: texts are exchanged as PDUs
5: carriers[0].gsm.init[3]: must leave +CMGF as it is: texts are exchanged as PDUs`},
	{"modem with two numbers", `carriers:
- {name: a, numbers: [12345, 12346], gsm: {device: auto}}
`,
		"2: carriers[0].numbers: must have exactly one number, that of the modem's SIM, not 2"},
	{"modem without number", `carriers:
- {name: a, numbers: [], gsm: {device: auto}}
`,
		"2: carriers[0].numbers: must have exactly one number, that of the modem's SIM, not 0"},
	{"modem with a name", `carriers:
- {name: a, numbers: [Acme], gsm: {device: auto}}
`,
		"2: carriers[0].numbers[0]: must be a number: a SIM has no alphanumeric one"},
	{"same device", `carriers:
- {name: a, numbers: [12345], gsm: {device: auto}}
- {name: b, numbers: [12346], gsm: {device: auto}}
`,
		"3: carriers[1].gsm.device: is already the device of another modem: carriers[0].gsm.device on line 2"},
	{"same IMEI", `carriers:
- {name: a, numbers: [12345], gsm: {imei: 356938035643809}}
- {name: b, numbers: [12346], gsm: {imei: "356938035643809"}}
`,
		"3: carriers[1].gsm.imei: is already the IMEI of another modem: carriers[0].gsm.imei on line 2"},
	{"everything at once", `listen: nowhere
lsten: ":80"
region: usa
log: {level: loud}
carriers:
  - name: acme
    numbers: ["+12602058900"]
    smpp:
      hosts: [smpp.acme.example]
      system_id: us
      password: x
      window: 0
      rate: fast
      enquire_link: 30
  - name: acme
    numbers: ["+12602058900", "2"]
    gsm: {device: auto, pins: "1234"}
region: US
`,
		`1: listen: must be host:port (an IPv6 address in [ ]), not "nowhere"
2: lsten: unknown option; did you mean listen?
3: region: must be two capital letters (ISO 3166), such as US
4: log.level: must be debug, info, warn or error, not "loud"
9: carriers[0].smpp.hosts[0]: must be host:port (an IPv6 address in [ ]), not "smpp.acme.example"
12: carriers[0].smpp.window: must be 1 to 1000, not 0
13: carriers[0].smpp.rate: must be a rate a second, such as 10/s or 0.5/s
14: carriers[0].smpp.enquire_link: must be a duration with its unit, such as 30s, 500ms or 48h
15: carriers[1].name: is already the name of another carrier: carriers[0].name on line 6
16: carriers[1].numbers: must have exactly one number, that of the modem's SIM, not 2
16: carriers[1].numbers[0]: is already listed as +12602058900: carriers[0].numbers[0] on line 7
16: carriers[1].numbers[1]: must have 3 to 8 digits as a short code, and begin with + as any other number, not "2"
17: carriers[1].gsm.pins: unknown option; did you mean pin?
18: region: is given twice, first on line 3`},
}

func TestProblems(t *testing.T) {
	for _, tt := range badFiles {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("f", []byte(tt.yaml), Options{Getenv: noEnv, SkipFiles: true})
			if err == nil {
				t.Fatal("no problem was found")
			}
			if got := strings.ReplaceAll("\n"+err.Error(), "\nf:", "\n")[1:]; got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestProblemPosition(t *testing.T) {
	_, err := Parse("dir/f.yaml", []byte("log:\n  level: loud\n"), Options{})
	ps, ok := err.(Problems)
	want := Problem{
		File: "dir/f.yaml", Line: 2, Column: 3, Key: "log.level",
		Message: `must be debug, info, warn or error, not "loud"`,
	}
	if !ok || len(ps) != 1 || ps[0] != want {
		t.Fatalf("got %#v, want %#v", err, want)
	}
	if got, want := ps.Error(), `dir/f.yaml:2: log.level: must be debug, info, warn or error, not "loud"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
