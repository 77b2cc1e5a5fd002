package gsm

import (
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"github.com/warthog618/sms/encoding/gsm7"
)

func TestRegistrationOddities(t *testing.T) {
	for line, want := range map[string]Registration{
		"+CREG: 0,1":                   {Domain: "CREG", State: RegisteredHome},
		"+CEREG: 0,5":                  {Domain: "CEREG", State: RegisteredRoaming},
		"+CREG:1":                      {Domain: "CREG", State: RegisteredHome},
		"+creg: 2,1,\"1A2B\",\"0001\"": {"CREG", RegisteredHome, 0x1a2b, 1, ""},
		"+CREG: 2,,":                   {Domain: "CREG", State: Searching},
		"+CREG: 1,\"123,\"0100701\",7": {"CREG", RegisteredHome, 0x123, 0x100701, "lte"}, // a quote is missing
		"+CEREG: 1,\"1\",\"2\",9":      {"CEREG", RegisteredHome, 1, 2, "nb-iot"},
	} {
		if got, ok := ParseRegistration(line); !ok || got != want {
			t.Errorf("%q: %+v, %t", line, got, ok)
		}
	}
	for _, line := range []string{"+CREG: ", "+CREG", "+CREG: x", "+CREG: -1", "+CREG: 999", "CREG: 1", "+CMTI: 1"} {
		if got, ok := ParseRegistration(line); ok {
			t.Errorf("%q: %+v", line, got)
		}
	}
	registered := []RegistrationState{1, 5, 6, 7, 9, 10}
	for s := RegistrationState(-1); s < 20; s++ {
		if s.Registered() != slices.Contains(registered, s) || s.Roaming() && !s.Registered() || s.String() == "" {
			t.Errorf("%d %v: registered %t, roaming %t", s, s, s.Registered(), s.Roaming())
		}
	}
}

func TestNetworksWithParentheses(t *testing.T) {
	got := ParseNetworks(`+COPS: (2,"Test (west)","T (w)","00101",7),(3,"x","y","00102"),,(0-4),(0-2)`)
	want := []FoundNetwork{{2, "Test (west)", "T (w)", "00101", "lte"}, {3, "x", "y", "00102", "gsm"}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}

func TestOperators(t *testing.T) {
	for line, want := range map[string]string{
		`+COPS: 0,0,"4E2D56FD79FB52A8",7`:       "中国移动",
		`+COPS: 0,0,"041C04350433043004240043"`: "МегаФC",
		`+COPS: 0,2,"31026000"`:                 "31026000",
		`+COPS: 0,0,"CAFE BABE"`:                "CAFE BABE",
		`+COPS: 0,0,"DEADBEEF"`:                 "DEADBEEF",
		`+COPS: 1,2,"26201",7`:                  "26201",
		`+COPS: 2`:                              "",
		`+COPS: 0,0,"A, B & C"`:                 "A, B & C",
		"+COPS: 0,0,\"\\Telef|nica\"":           "ÖTelefönica",
	} {
		if o, ok := ParseOperator(line); !ok || o.Name != want {
			t.Errorf("%q: %q, %t", line, o.Name, ok)
		}
	}
}

func TestSignals(t *testing.T) {
	for line, want := range map[string]string{
		"+CSQ: 199,99":                         "unknown",
		"+CSQ: 116,99":                         "-100 dBm",
		"+CSQ: 32,99":                          "unknown",
		"+CESQ: 99,99,255,255,255,255":         "unknown",
		"+CESQ: 99,99,255,255,20,80,255,255":   "-61 dBm",
		"+CESQ: 99,99,255,255,255,255,60,57,9": "-100 dBm",
	} {
		if s, ok := ParseSignal(line); !ok || s.String() != want {
			t.Errorf("%q: %+v, %t", line, s, ok)
		}
	}
	for _, line := range []string{"+CSQ: ", "+CESQ: 1", "+CREG: 1"} {
		if s, ok := ParseSignal(line); ok {
			t.Errorf("%q: %+v", line, s)
		}
	}
}

func TestStorageOddities(t *testing.T) {
	for line, want := range map[string]NewMessage{
		`+CMTI: ,-1`:      {"", -1, false},
		`+CMTI: "sm", 3`:  {"SM", 3, false},
		`+CMTI:"ME"`:      {"ME", -1, false},
		`+CDSI: "SR",-1`:  {"SR", -1, true},
		`+CMTI: "SM",-17`: {"SM", -1, false},
	} {
		if got, ok := ParseNewMessage(line); !ok || got != want {
			t.Errorf("%q: %+v, %t", line, got, ok)
		}
	}
	for line, want := range map[string]Routed{
		`+CDS: 25`:          {true, false, 25},
		`+CDS:25`:           {true, false, 25},
		`+CMT: ,30`:         {false, false, 30},
		`+CMT: "alpha",30`:  {false, false, 30},
		`+CMT: "a,b", 30`:   {false, false, 30},
		`+CMT: "alpha",,30`: {false, false, 30},
		`+CMT: 30`:          {false, false, 30},
		`+CBM: 88`:          {false, true, 88},
	} {
		if got, ok := ParseRouted(line); !ok || got != want {
			t.Errorf("%q: %+v, %t", line, got, ok)
		}
	}
	for _, line := range []string{`+CMT: "+123",,"24/01/01,10:00:00+04"`, "+CDS: ", "+CMT: ,-3", "+CMTI: \"SM\",1"} {
		if got, ok := ParseRouted(line); ok {
			t.Errorf("%q: %+v", line, got)
		}
	}
	for line, want := range map[string]int{"+CMGS: 42": 42, "+CMGS:0": 0, "+CMGS: 255,\"07AA\"": 255, "+CMSS: 7": 7} {
		if got, ok := ParseSent(line); !ok || int(got) != want {
			t.Errorf("%q: %d, %t", line, got, ok)
		}
	}
	for _, line := range []string{"+CMGS: 256", "+CMGS: ", "+CMGS: -1", "+CMGL: 1"} {
		if got, ok := ParseSent(line); ok {
			t.Errorf("%q: %d", line, got)
		}
	}
	if got, ok := ParseListed(`+CMGL: 3,"REC UNREAD","+4917012345",,"24/01/01,10:00:00+04"`); !ok || got.Index != 3 || got.Text == nil ||
		got.Text.Number != "+4917012345" || got.Text.At.IsZero() {
		t.Errorf("%+v, %t", got, ok)
	}
	if got, ok := ParseService("+CSMS: 1,1,1,1"); !ok || fmt.Sprint(got) != "[[1] [1] [1] [1]]" {
		t.Error(got, ok)
	}
	if got, ok := ParseIndications("+CNMI: 2,1,0,1,0"); !ok || got.Mode[0] != 2 || got.Report[0] != 1 {
		t.Error(got, ok)
	}
	if got, ok := ParseIndications("+CNMI: (0-9999999),(3-1),(-1),(),x"); !ok || len(got.Mode) != maxRange || got.Message != nil ||
		got.Broadcast != nil || got.Report != nil || got.Buffer != nil {
		t.Errorf("%+v", got)
	}
}

func TestUSSD(t *testing.T) {
	packed := func(text string) string {
		septets, ok := encodeSeptets(text)
		if !ok {
			t.Fatal(text)
		}
		return hex.EncodeToString(gsm7.Pack7BitUSSD(septets, 0))
	}
	for _, row := range []struct {
		line string
		want USSD
	}{
		{`+CUSD: 0,"Your balance is 5.20",15`, USSD{0, "Your balance is 5.20", 15}},
		{`+CUSD: 1,"` + packed("Your balance is £5.20") + `",15`, USSD{1, "Your balance is £5.20", 15}},
		{`+CUSD: 0,"` + packed("1234567") + `",15`, USSD{0, "1234567", 15}}, // seven septets and a CR
		{`+CUSD: 0,"0059006F00750072",15`, USSD{0, "Your", 15}},             // UCS-2, whatever the scheme says
		{`+CUSD: 0,"00480069",72`, USSD{0, "Hi", 72}},
		{`+CUSD: 0,"0048",72`, USSD{0, "H", 72}},
		{`+CUSD: 0,"00480069",17`, USSD{0, "Hi", 17}},
		{`+CUSD: 0,"653700480069",17`, USSD{0, "Hi", 17}}, // "en" before it
		{`+CUSD: 0,"48656C6C6F",68`, USSD{0, "Hello", 68}},
		{`+CUSD: 0,"C2A300",68`, USSD{0, "C2A300", 68}},
		{`+CUSD: 0,"1234",15`, USSD{0, "1234", 15}},
		{`+CUSD: 0,"0700900123",15`, USSD{0, "0700900123", 15}},
		{`+CUSD: 0,"041F04400438",15`, USSD{0, "При", 15}},
		{`+CUSD: 0,"4E2D56FD79FB52A8",72`, USSD{0, "中国移动", 72}},
		{`+CUSD: 0,"4E2D",72`, USSD{0, "中", 72}},
		{`+CUSD: 0,"` + packed("Ok") + `",15`, USSD{0, "Ok", 15}},
		{`+CUSD: 0,"` + packed("Balance: 12 MB") + `"`, USSD{0, "Balance: 12 MB", -1}},
		{`+CUSD: 0,"DEAD",15`, USSD{0, "DEAD", 15}},
		{`+CUSD: 0,"say "hi", then, go",15`, USSD{0, `say "hi", then, go`, 15}},
		{"+CUSD: 1,\"1. Balance\n2. Data\",15", USSD{1, "1. Balance\n2. Data", 15}},
		{`+CUSD: 0,plain,15`, USSD{0, "plain", 15}},
		{`+CUSD: 0,"cut`, USSD{0, "cut", -1}},
		{`+CUSD: 2`, USSD{2, "", -1}},
		{`+CUSD:4`, USSD{4, "", -1}},
		{`+CUSD: 0,"",15`, USSD{0, "", 15}},
	} {
		if got, ok := ParseUSSD(row.line); !ok || got != row.want {
			t.Errorf("%q: %+v, %t, want %+v", row.line, got, ok, row.want)
		}
	}
	for _, line := range []string{"+CUSD: ", "+CUSD: x", "+CUS: 1"} {
		if got, ok := ParseUSSD(line); ok {
			t.Errorf("%q: %+v", line, got)
		}
	}
}

func TestIdentities(t *testing.T) {
	type parser = func(string) (string, bool)
	for _, row := range []struct {
		name  string
		parse parser
		line  string
		want  string
	}{
		{"IMEI", ParseIMEI, "356938035643809", "356938035643809"},
		{"IMEI", ParseIMEI, `+CGSN: "356938035643809"`, "356938035643809"},
		{"IMEI", ParseIMEI, "+GSN:3569380356438012", "356938035643809"},
		{"IMEI", ParseIMEI, "35693803564380", "356938035643809"},
		{"IMEI", ParseIMEI, "129512359199159,SE393939TS", "129512359199159"},
		{"IMEI", ParseIMEI, "0x80B886F3", ""},
		{"IMEI", ParseIMEI, "OK", ""},
		{"IMSI", ParseIMSI, "234150999999999", "234150999999999"},
		{"IMSI", ParseIMSI, `+CIMI: "234150999999999"`, "234150999999999"},
		{"IMSI", ParseIMSI, "ERROR", ""},
		{"ICCID", ParseICCID, "+CCID: 89441000301234567890", "89441000301234567890"},
		{"ICCID", ParseICCID, `+CCID: "8944100030123456789F"`, "8944100030123456789"},
		{"ICCID", ParseICCID, "^ICCID: 98440100031032547698", "89441000300123456789"},
		{"ICCID", ParseICCID, "^ICCID: 981062200000000001F0", "8901260200000000100"},
		{"ICCID", ParseICCID, "+ICCID:8944100030123456789", "8944100030123456789"},
		{"ICCID", ParseICCID, "+QCCID: 89860318740091234567", "89860318740091234567"},
		{"ICCID", ParseICCID, "8944100030123456789f", "8944100030123456789"},
		{"ICCID", ParseICCID, "8944F100030123456789", ""},
		{"ICCID", ParseICCID, "^ICCID: 984401000310325476F9", "8944100030012345679"},
		{"ICCID", ParseICCID, "^ICCID: 9844010003103254F698", ""},
		{"ICCID", ParseICCID, "12345", ""},
		{"SMSC", ParseSMSC, `+CSCA: "",129`, ""},
		{"SMSC", ParseSMSC, `+CSCA: "447785016005",129`, "447785016005"},
		{"caller", ParseCaller, `+CLIP: "447700900123",145,,,,0`, "+447700900123"},
		{"caller", ParseCaller, `+CLIP: "",128`, ""},
		{"own number", ParseOwnNumber, `+CNUM: "","",255`, ""},
		{"own number", ParseOwnNumber, "+CME ERROR: 25+CNUM: \"\",\"+33671651906\",145", "+33671651906"},
	} {
		if got, ok := row.parse(row.line); got != row.want && ok || !ok && row.want != "" {
			t.Errorf("%s of %q: %q, %t", row.name, row.line, got, ok)
		}
	}
	if got, ok := ParseCapabilities("+GCAP: +CGSM, +FCLASS,+DS"); !ok || !slices.Equal(got, []string{"+CGSM", "+FCLASS", "+DS"}) {
		t.Error(got, ok)
	}
	if n, ok := ParseFunctionality("+CFUN: (0,1,4),(0,1)"); ok {
		t.Error(n)
	}
}

func TestPIN(t *testing.T) {
	for line, want := range map[string]PINState{
		"+CPIN: READY": PINReady, "+CPIN:SIM PIN": PINWanted, "+cpin: \"sim puk\"": PUKWanted,
		"+CPIN: NOT INSERTED": PINNotInserted, "+CPIN: NOT READY": PINNotReady, "READY": PINReady,
		"^CPIN: SIM PIN,3,10,3,10,3": PINWanted,
	} {
		if got, ok := ParsePIN(line); !ok || got != want {
			t.Errorf("%q: %q, %t", line, got, ok)
		}
	}
	for _, line := range []string{"OK", "+CPIN:", "", "SIM"} {
		if got, ok := ParsePIN(line); ok {
			t.Errorf("%q: %q", line, got)
		}
	}
	for line, want := range map[string]int{
		"^CPIN: SIM PIN,3,10,2,10,3": 2, "^CPIN: READY,,10,3,10,3": 3, "^CPIN: SIM PUK,10,10,0,10,3": 0,
		"+SPIC: 1,10,3,10": 1, `+QPINC: "SC",3,10`: 3, "#PCT: 2": 2,
	} {
		if got, ok := ParsePINTries(line); !ok || got != want {
			t.Errorf("%q: %d, %t", line, got, ok)
		}
	}
	for _, line := range []string{`+QPINC: "P2",3,10`, "+CPIN: SIM PIN", "+SPIC: ", "^CPIN: READY"} {
		if got, ok := ParsePINTries(line); ok {
			t.Errorf("%q: %d", line, got)
		}
	}
}

func FuzzReplies(f *testing.F) {
	for _, row := range rowsOf[replyRow](f, "replies.jsonl", 264) {
		f.Add(row.Reply)
	}
	for _, row := range rowsOf[replyRow](f, "urcs.jsonl", 96) {
		f.Add(row.URC)
	}
	f.Fuzz(func(t *testing.T, text string) { everyParser(text) })
}

// An IMEI is printed with its check digit, and modems may say 0 instead.
func TestValidIMEI(t *testing.T) {
	for _, s := range []string{"356938035643809", "350000000000006", "350000000000014", "000000000000000", "356938035643800"} {
		if !ValidIMEI(s) {
			t.Errorf("%s is not valid", s)
		}
	}
	for _, s := range []string{"356938035643808", "356938035634809", "356938035643819", "35693803564380", "3569380356438097", "35693803564380x", ""} {
		if ValidIMEI(s) {
			t.Errorf("%q is valid", s)
		}
	}
}
