package gsm

import "strconv"

// Signal is how well the network is heard.
type Signal struct {
	Known bool   // false: not registered, or not measured
	DBm   int    // received strength: of the reference signal where Tech is "lte"
	Tech  string // "gsm", "umts", "lte", "5gnr"; "" of +CSQ, which does not say
	// Quality is Ec/N0 of UMTS or RSRQ of LTE in dB; 0: not said.
	Quality float64
	BER     int // class of the bit error rate, 0 to 7; 99: not said
}

// ParseSignal reads +CSQ (3GPP TS 27.007 §8.5) and +CESQ (§8.69).
func ParseSignal(line string) (Signal, bool) {
	if rest, ok := payload(line, "+CSQ"); ok {
		list := fields(rest)
		rssi, ok := list[0].number()
		if !ok {
			return Signal{}, false
		}
		s := Signal{BER: at(list, 1).or(99)}
		switch {
		case 0 <= rssi && rssi <= 31:
			s.Known, s.DBm = true, 2*rssi-113
		case 100 <= rssi && rssi <= 191: // TD-SCDMA in the way of Huawei and SIMCom
			s.Known, s.DBm = true, rssi-216
		}
		return s, true
	}
	rest, ok := payload(line, "+CESQ")
	if !ok {
		return Signal{}, false
	}
	list := fields(rest)
	if _, ok := list[0].number(); !ok || len(list) < 6 {
		return Signal{}, false
	}
	s := Signal{BER: at(list, 1).or(99)}
	value := func(i, most int) (int, bool) {
		n, ok := at(list, i).number()
		return n, ok && 0 <= n && n <= most
	}
	set := func(tech string, dbm int) { s.Known, s.Tech, s.DBm = true, tech, dbm }
	if n, ok := value(0, 63); ok {
		set("gsm", n-111)
	} else if n, ok := value(2, 96); ok {
		set("umts", n-121)
		if q, ok := value(3, 49); ok {
			s.Quality = float64(q)/2 - 24.5
		}
	} else if n, ok := value(5, 97); ok {
		set("lte", n-141)
		if q, ok := value(4, 34); ok {
			s.Quality = float64(q)/2 - 20
		}
	} else if n, ok := value(7, 126); ok {
		set("5gnr", n-157)
	}
	return s, true
}

// String is the strength for people.
func (s Signal) String() string {
	if !s.Known {
		return "unknown"
	}
	return strconv.Itoa(s.DBm) + " dBm"
}
