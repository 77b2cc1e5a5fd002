package config

import "strings"

// block is carrier for options on lines of their own, from line 8 on.
func block(options string) string {
	return "carriers:\n- name: a\n  numbers: [12345]\n  smpp:\n    hosts: ['a:1']\n    system_id: us\n    password: x\n" + options
}

var badMaps = []badFile{
	{"map with a list", carrier("tlvs: []"),
		"5: carriers[0].smpp.tlvs: must be pairs (key: value)"},
	{"map with a text", carrier("err_codes: absent"),
		"5: carriers[0].smpp.err_codes: must be pairs (key: value)"},
	{"map without a value", carrier("status_actions: "),
		"5: carriers[0].smpp.status_actions: has no value; remove it, or put a value that begins with # in quotes"},
	{"map values", carrier("err_codes: {1: [a], 2: {b: c}, 3: true, 4: , 5: !b c}"),
		`5: carriers[0].smpp.err_codes.1: must be a single value
5: carriers[0].smpp.err_codes.2: must be a single value
5: carriers[0].smpp.err_codes.3: must be text; put it in quotes
5: carriers[0].smpp.err_codes.4: has no value; remove it, or put a value that begins with # in quotes
5: carriers[0].smpp.err_codes.5: tags are not supported: put a value that begins with ! in quotes`},
	{"map keys", carrier(`err_codes: {[a]: b, a b: c, "": d, é: e, "a\nb": f, <<: {a: b}}`),
		`5: carriers[0].smpp.err_codes: this key is no word of up to 40 characters; is it missing ": " after it?
5: carriers[0].smpp.err_codes: this key is no word of up to 40 characters; is it missing ": " after it?
5: carriers[0].smpp.err_codes: this key is no word of up to 40 characters; is it missing ": " after it?
5: carriers[0].smpp.err_codes: this key is no word of up to 40 characters; is it missing ": " after it?
5: carriers[0].smpp.err_codes: this key is no word of up to 40 characters; is it missing ": " after it?
5: carriers[0].smpp.err_codes: merge keys (<<) are not supported: write the options out`},
	{"map keys twice", block(`    err_codes:
      "001": absent
      001: The handset is off.
      1: Unknown subscriber.
    tlvs:
      0x1400: a
      5120: b
      0x1401: c
      "0x1401": d
    status_actions:
      ESME_RSUBMITFAIL: reject
      0x45: hold
`),
		`10: carriers[0].smpp.err_codes.001: is given twice, first on line 9
14: carriers[0].smpp.tlvs.5120: is already given in another form: carriers[0].smpp.tlvs.0x1400 on line 13
16: carriers[0].smpp.tlvs.0x1401: is given twice, first on line 15
19: carriers[0].smpp.status_actions.0x45: is already given in another form: carriers[0].smpp.status_actions.ESME_RSUBMITFAIL on line 18`},
	{"tags", carrier("tlvs: {0: a, 0x0: a, 65536: a, 0x10000: a, 1.5: a, -1: a, 0o17: a, 017: a, 0x: a, dlt: a}"),
		strings.TrimSpace(repeat("5: carriers[0].smpp.tlvs.%: is no tag: must be 0x0001 to 0xFFFF, or a decimal number\n",
			"0", "0x0", "65536", "0x10000", "1.5", "-1", "0o17", "017", "0x", "dlt"))},
	{"tags of the daemon", carrier("tlvs: {0x0204: a, 0x20C: a, 526: a, 0x020f: a, 0x0424: a}"),
		`5: carriers[0].smpp.tlvs.0x0204: is user_message_reference, which the daemon numbers itself: see the option of that name
5: carriers[0].smpp.tlvs.0x20C: is one of the sar_ parameters, which the daemon writes itself where long_messages is sar
5: carriers[0].smpp.tlvs.526: is one of the sar_ parameters, which the daemon writes itself where long_messages is sar
5: carriers[0].smpp.tlvs.0x020f: is one of the sar_ parameters, which the daemon writes itself where long_messages is sar
5: carriers[0].smpp.tlvs.0x0424: is message_payload, which the daemon writes itself where long_messages is payload`},
	{"values of tlvs", carrier(`tlvs: {1: "hex:0", 2: "hex:0g", 3: "hex: 00", 4: "", 5: é, 6: "a\0", 7: ` + strings.Repeat("a", 65536) +
		", 8: hex:" + strings.Repeat("00", 65536) + "}"),
		`5: carriers[0].smpp.tlvs.1: must be hex: and an even number of hexadecimal digits
5: carriers[0].smpp.tlvs.2: must be hex: and an even number of hexadecimal digits
5: carriers[0].smpp.tlvs.3: must be hex: and an even number of hexadecimal digits
5: carriers[0].smpp.tlvs.4: must be printable ASCII characters; other octets, or none, are written as hex:00ff
5: carriers[0].smpp.tlvs.5: must be printable ASCII characters; other octets, or none, are written as hex:00ff
5: carriers[0].smpp.tlvs.6: must be printable ASCII characters; other octets, or none, are written as hex:00ff
5: carriers[0].smpp.tlvs.7: must have at most 65535 octets
5: carriers[0].smpp.tlvs.8: must have at most 65535 octets`},
	{"err codes", carrier(`err_codes: {abcdefghijklmnopq: a, 1: "", 2: " ", 3: "a\nb", 4: ` + strings.Repeat("é", 201) + "}"),
		`5: carriers[0].smpp.err_codes.abcdefghijklmnopq: is no err of a receipt: must have at most 16 characters
5: carriers[0].smpp.err_codes.1: must be a sentence of at most 200 characters, on one line
5: carriers[0].smpp.err_codes.2: must be a sentence of at most 200 characters, on one line
5: carriers[0].smpp.err_codes.3: must be a sentence of at most 200 characters, on one line
5: carriers[0].smpp.err_codes.4: must be a sentence of at most 200 characters, on one line`},
	{"statuses", carrier("status_actions: {ESME_RNONSENSE: hold, esme_rsyserr: hold, 1025: hold, 0x: hold, 0x401z: hold, 0x100000000: hold}"),
		strings.TrimSpace(repeat("5: carriers[0].smpp.status_actions.%: is no command_status: must be a name such as ESME_RSUBMITFAIL, or a number such as 0x401\n",
			"ESME_RNONSENSE", "esme_rsyserr", "1025", "0x", "0x401z", "0x100000000"))},
	{"success", carrier("status_actions: {ESME_ROK: hold}"),
		"5: carriers[0].smpp.status_actions.ESME_ROK: is success, for which no other action is possible"},
	{"success as a number", carrier("status_actions: {0x00000000: hold}"),
		"5: carriers[0].smpp.status_actions.0x00000000: is success, for which no other action is possible"},
	{"action", carrier("status_actions: {0x401: pause}"),
		`5: carriers[0].smpp.status_actions.0x401: must be throttle, queue-full, retry, retry-twice, reject, rebind or hold, not "pause"`},
}

var badSMPP = []badFile{
	{"words of texts", carrier("interface_version: 5, transliterate: yes please, delivered_means: network-or-handset, accepted: true"),
		`5: carriers[0].smpp.interface_version: must be 3.3, 3.4 or 5.0, not "5"
5: carriers[0].smpp.transliterate: must be none, punctuation or all, not "yes please"
5: carriers[0].smpp.delivered_means: must be handset or network, not "network-or-handset"
5: carriers[0].smpp.accepted: must be text; put it in quotes`},
	{"accepted", carrier("accepted: failed, interface_version: 0x34"),
		`5: carriers[0].smpp.accepted: must be sent or delivered, not "failed"
5: carriers[0].smpp.interface_version: must be 3.3, 3.4 or 5.0, not "0x34"`},
	{"local_addr", carrier("local_addr: smpp.example.com"),
		`5: carriers[0].smpp.local_addr: must be an IP address of this machine, such as 192.0.2.7, not "smpp.example.com"`},
	{"local_addr with a port", carrier("local_addr: 192.0.2.7:0"),
		`5: carriers[0].smpp.local_addr: must be an IP address of this machine, such as 192.0.2.7, not "192.0.2.7:0"`},
	{"local_addr of many", carrier("local_addr: 224.0.0.1"),
		`5: carriers[0].smpp.local_addr: must be an IP address of this machine, such as 192.0.2.7, not "224.0.0.1"`},
	{"local_addr in disguise", carrier("local_addr: '::ffff:192.0.2.7'"),
		`5: carriers[0].smpp.local_addr: must be an IP address of this machine, such as 192.0.2.7, not "::ffff:192.0.2.7"`},
	{"local_addr of another family", `carriers:
- name: a
  numbers: [12345]
  smpp:
    hosts: ['smpp.example.com:1', '192.0.2.1:1', '[2001:db8::1]:1']
    local_addr: 2001:db8::7
    system_id: us
    password: x
`,
		"5: carriers[0].smpp.hosts[1]: cannot be reached from local_addr 2001:db8::7, which is of the other version of IP"},
	{"ton_npi", carrier("ton_npi: {e164: 7/1, short: 3, alphanumeric: 5/19, destination: 1-1, network: 1/1}"),
		`5: carriers[0].smpp.ton_npi.e164: must be TON/NPI, 0/0 to 6/18, such as "5/0"
5: carriers[0].smpp.ton_npi.short: must be TON/NPI, 0/0 to 6/18, such as "5/0"
5: carriers[0].smpp.ton_npi.alphanumeric: must be TON/NPI, 0/0 to 6/18, such as "5/0"
5: carriers[0].smpp.ton_npi.destination: must be TON/NPI, 0/0 to 6/18, such as "5/0"
5: carriers[0].smpp.ton_npi.network: unknown option`},
	{"ton_npi for all", carrier("ton_npi: 5/0"),
		"5: carriers[0].smpp.ton_npi: must be a section of options (key: value)"},
	{"parameters of texts", carrier("priority: 4, protocol_id: 256, registered_delivery: 32, user_message_reference: 7"),
		`5: carriers[0].smpp.priority: must be 0 to 3, not 4
5: carriers[0].smpp.protocol_id: is out of range
5: carriers[0].smpp.registered_delivery: must be 0 to 31, not 32
5: carriers[0].smpp.user_message_reference: must be true or false`},
	{"SAR in 3.3", block(`    interface_version: 3.3
    long_messages: sar
    tlvs: {0x1400: a}
`),
		`9: carriers[0].smpp.long_messages: sar cannot work with interface_version 3.3, which has no optional parameters
10: carriers[0].smpp.tlvs: cannot work with interface_version 3.3, which has no optional parameters`},
	{"message_payload in 3.3", carrier("interface_version: '3.3', long_messages: payload"),
		"5: carriers[0].smpp.long_messages: payload cannot work with interface_version 3.3, which has no optional parameters"},
}

// repeat writes a line once with each word in place of its %.
func repeat(line string, words ...string) string {
	all := ""
	for _, w := range words {
		all += strings.ReplaceAll(line, "%", w)
	}
	return all
}
