package gsmsim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Memories of texts (TS 27.005 §3.1).
const (
	memSIM     = "SM"
	memPhone   = "ME"
	memReports = "SR"
	memBoth    = "MT" // those of SM and ME together
)

// profile is what modems of a vendor have in common.
type profile struct {
	manufacturer, model, revision string
	lte                           bool // has +CEREG and +CESQ, and reports access technology 7

	cnmi      [5]string      // sets of <mode>, <mt>, <bm>, <ds>, <bfr> as +CNMI=? lists them
	csms      []int          // services of +CSMS
	sizes     map[string]int // of the memories
	memories  [3][]string    // that <mem1>, <mem2> and <mem3> of +CPMS may be
	preferred string         // after a start
	first     int            // index of a memory's first slot
	reports   string         // where stored reports are kept
	announced string         // the memory that +CDSI names for them

	iccid string // command that reads it
	tries string // command that reads how often the PIN may still be tried

	full  string   // said when a text comes for which there is no room; %s is the memory
	boot  []string // lines after a start
	noise []string // lines that come by themselves
}

// vendors are the profiles, from logs of such modems and their manuals.
func vendors() map[string]profile {
	both := []string{memSIM, memPhone}
	all := []string{memSIM, memPhone, memBoth}
	return map[string]profile{
		"generic": {
			manufacturer: "smsbridge", model: "Simulated modem", revision: "1.0",
			cnmi: [5]string{"(0-2)", "(0-3)", "(0,2)", "(0-2)", "(0,1)"}, csms: []int{0, 1},
			sizes:    map[string]int{memSIM: 30, memPhone: 100, memReports: 20},
			memories: [3][]string{append(slices.Clone(all), memReports), all, all}, preferred: memSIM, first: 1,
			reports: memReports, announced: memReports,
			iccid: "+CCID", tries: "+CPINR",
			noise: []string{"+CIEV: 2,3"},
		},
		"huawei": {
			manufacturer: "huawei", model: "E173", revision: "11.126.85.00.209",
			cnmi: [5]string{"(0,1,2)", "(0,1,2,3)", "(0,2,3)", "(0,1,2)", "(0,1)"}, csms: []int{0, 1},
			sizes:    map[string]int{memSIM: 20, memPhone: 255},
			memories: [3][]string{both, both, both}, preferred: memSIM,
			reports: memSIM, announced: memSIM,
			iccid: "^ICCID", tries: "^CPIN",
			full: `^SMMEMFULL: "%s"`,
			boot: []string{"^BOOT:20952548,0,0,0,72", "^SIMST:1", "^SRVST:2", "^MODE:5,4"},
			noise: []string{"^RSSI:19", "^HCSQ:\"WCDMA\",39,29,45", "^CSNR:-93,-23",
				"^DSFLOWRPT:00000124,00000082,00000EA6,0000000000012325,000000000022771D,0000BB80,0001F400",
				"^BOOT:20952548,0,0,0,72", "^STIN: 7, 0, 0"},
		},
		"quectel": {
			manufacturer: "Quectel", model: "EC25", revision: "EC25EFAR06A09M4G", lte: true,
			cnmi: [5]string{"(0-2)", "(0-3)", "(0,2)", "(0-2)", "(0,1)"}, csms: []int{0, 1},
			sizes:    map[string]int{memSIM: 50, memPhone: 23, memReports: 10},
			memories: [3][]string{append(slices.Clone(all), memReports), all, all}, preferred: memPhone,
			reports: memReports, announced: memSIM, // it says +CDSI: "SM",0 of what is in SR
			iccid: "+QCCID", tries: "+QPINC",
			full:  `+CIEV: "SMSFULL",1`,
			boot:  []string{"RDY", "+CFUN: 1", "+CPIN: READY", "+QUSIM: 1", "+QIND: SMS DONE", "+QIND: PB DONE"},
			noise: []string{"+QIND: \"csq\",20,99", "+QUSIM: 1", "+QLWURC: \"report\""},
		},
		"sim800": {
			manufacturer: "SIMCOM_Ltd", model: "SIMCOM_SIM800L", revision: "Revision:1418B05SIM800L24",
			cnmi: [5]string{"(0-3)", "(0-3)", "(0,2)", "(0,1)", "(0,1)"}, csms: []int{0, 1},
			sizes:    map[string]int{memSIM: 40, memPhone: 20},
			memories: [3][]string{all, all, all}, preferred: memSIM, first: 1,
			reports: memSIM, announced: memSIM,
			iccid: "+CCID", tries: "+SPIC",
			full:  "+SMS FULL",
			boot:  []string{"RDY", "+CFUN: 1", "+CPIN: READY", "Call Ready", "SMS Ready"},
			noise: []string{"*PSUTTZ: 2016,5,10,8,33,31,\"+8\",1", "DST: 1", "+CIEV: 10,\"26201\",\"D1\",\"D1\", 0, 0"},
		},
		"simcom7600": {
			manufacturer: "SIMCOM INCORPORATED", model: "SIMCOM_SIM7600E-H", revision: "+CGMR: LE20B04SIM7600M22", lte: true,
			cnmi: [5]string{"(0,1,2)", "(0,1,2,3)", "(0,2)", "(0,1,2)", "(0,1)"}, csms: []int{0, 1},
			sizes:    map[string]int{memSIM: 50, memPhone: 23, memReports: 10},
			memories: [3][]string{append(slices.Clone(all), memReports), all, all}, preferred: memSIM,
			reports: memReports, announced: memReports,
			iccid: "+CICCID", tries: "+SPIC",
			full:  "+SMS FULL",
			boot:  []string{"RDY", "+CPIN: READY", "SMS DONE", "PB DONE"},
			noise: []string{"+CNSMOD: 8", "+CSQ: 20,99", "+NITZ: 20/01/02,03:04:05+08,0"},
		},
		"zte": {
			manufacturer: "ZTE CORPORATION", model: "MF190", revision: "BD_P673A2V1.0.0B09",
			cnmi: [5]string{"(0,1,2)", "(0,1,2,3)", "(0,2)", "(0,1,2)", "(0,1)"}, csms: []int{0, 1},
			sizes:    map[string]int{memSIM: 25, memPhone: 100, memReports: 10},
			memories: [3][]string{append(slices.Clone(both), memReports), both, both}, preferred: memSIM,
			reports: memReports, announced: memReports,
			iccid: "+ZGETICCID", tries: "+ZPINPUK",
			boot:  []string{"+ZUSIMR:2", "+ZPASR: \"UMTS\""},
			noise: []string{"+ZUSIMR:2", "+ZDONR: \"D1\",262,1,\"CS_PS\",\"ROAM_OFF\"", "+ZPASR: \"UMTS\""},
		},
	}
}

// Vendors returns what Options.Vendor may be, sorted.
func Vendors() []string { return slices.Sorted(maps.Keys(vendors())) }

func findVendor(name string) (profile, error) {
	if name == "" {
		name = "generic"
	}
	v, ok := vendors()[name]
	if !ok {
		return profile{}, fmt.Errorf("no vendor %q: %s", name, strings.Join(Vendors(), ", "))
	}
	return v, nil
}
