package gsmsim

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/warthog618/sms/encoding/tpdu"
)

// States of stored texts, as PDU mode numbers them (TS 27.005 §3.1).
const (
	statUnread = iota
	statRead
	statUnsent
	statSent
	statAll
)

// statNames are those of text mode.
func statNames() []string {
	return []string{"REC UNREAD", "REC READ", "STO UNSENT", "STO SENT", "ALL"}
}

// stored is one text or report.
type stored struct {
	smsc string // empty: none
	tpdu []byte
	stat int
}

// memory is one of the modem's or the SIM's.
type memory struct {
	size  int
	slots map[int]*stored // from 0 on
}

func newMemories(v profile, slots int) map[string]*memory {
	memories := map[string]*memory{}
	for name, size := range v.sizes {
		if name == memSIM && slots > 0 {
			size = slots
		}
		memories[name] = &memory{size: size, slots: map[int]*stored{}}
	}
	return memories
}

// view is a memory, or several that +CPMS shows as one: their slots follow each
// other.
type view struct {
	first    int // index of the first slot
	memories []*memory
}

// view is the memory of a name. mu is held.
func (m *Modem) view(name string) view {
	v := view{first: m.vendor.first}
	if name == memBoth {
		v.memories = []*memory{m.memory[memSIM], m.memory[memPhone]}
	} else {
		v.memories = []*memory{m.memory[name]}
	}
	return v
}

func (v view) used() (n int) {
	for _, m := range v.memories {
		n += len(m.slots)
	}
	return n
}

func (v view) total() (n int) {
	for _, m := range v.memories {
		n += m.size
	}
	return n
}

// slot finds the memory and the slot of an index; nil if there is none.
func (v view) slot(index int) (*memory, int) {
	index -= v.first
	for _, m := range v.memories {
		if index >= 0 && index < m.size {
			return m, index
		}
		index -= m.size
	}
	return nil, 0
}

// add keeps a text in the first free slot.
func (v view) add(s stored, full bool) (index int, ok bool) {
	offset := v.first
	for _, m := range v.memories {
		for i := range m.size {
			if _, taken := m.slots[i]; !taken && !full {
				m.slots[i] = &s
				return offset + i, true
			}
		}
		offset += m.size
	}
	return 0, false
}

// get is the text at an index, nil where there is none.
func (v view) get(index int) *stored {
	if m, i := v.slot(index); m != nil {
		return m.slots[i]
	}
	return nil
}

// indexes are those in use, in order.
func (v view) indexes() (all []int) {
	offset := v.first
	for _, m := range v.memories {
		for _, i := range slices.Sorted(maps.Keys(m.slots)) {
			all = append(all, offset+i)
		}
		offset += m.size
	}
	return all
}

func (v view) remove(index int) {
	if m, i := v.slot(index); m != nil {
		delete(m.slots, i)
	}
}

// Stored is how many texts and reports a memory, such as SM, ME or SR, holds.
func (m *Modem) Stored(name string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if mem := m.memory[name]; mem != nil {
		return len(mem.slots)
	}
	return 0
}

// doMemories is +CPMS (TS 27.005 §3.2.2).
func doMemories(m *Modem, p *port, c command) answer {
	quoted := func(names []string) string { return `("` + strings.Join(names, `","`) + `")` }
	usage := func(name string) string {
		v := m.view(name)
		used := v.used()
		if m.b.StorageFull {
			used = v.total()
		}
		return fmt.Sprintf("%d,%d", used, v.total())
	}
	mem := &m.told.mem
	switch c.op {
	case opTest:
		var sets []string
		for _, names := range m.vendor.memories {
			sets = append(sets, quoted(names))
		}
		return ok("+CPMS: " + strings.Join(sets, ","))
	case opGet:
		var all []string
		for _, name := range mem {
			all = append(all, `"`+name+`",`+usage(name))
		}
		return ok("+CPMS: " + strings.Join(all, ","))
	}
	wanted := c.list()
	if c.op != opSet || len(wanted) > 3 {
		return m.cms(cmsParameter)
	}
	for i, name := range wanted {
		if !slices.Contains(m.vendor.memories[i], m.unquote(name)) {
			return m.cms(cmsNotAllowed)
		}
	}
	for i, name := range wanted {
		mem[i] = m.unquote(name)
	}
	return ok(fmt.Sprintf("+CPMS: %s,%s,%s", usage(mem[0]), usage(mem[1]), usage(mem[2])))
}

// parseStat reads <stat> of +CMGL and +CMGW in the mode that is set.
func (m *Modem) parseStat(s string, otherwise int) (int, bool) {
	if s == "" {
		return otherwise, true
	}
	if m.told.cmgf == 1 {
		n := slices.Index(statNames(), m.unquote(s))
		return n, n >= 0
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 0 && n <= statAll
}

// doList is +CMGL (TS 27.005 §3.4.2, §4.1). What it lists is read from then on.
func doList(m *Modem, p *port, c command) answer {
	if c.op == opTest {
		if m.told.cmgf == 1 {
			return ok(`+CMGL: ("` + strings.Join(statNames(), `","`) + `")`)
		}
		return ok("+CMGL: (0-4)")
	}
	stat, valid := m.parseStat(c.arg(0), statUnread)
	if !valid {
		return m.cms(cmsParameter)
	}
	var lines []string
	v := m.view(m.told.mem[0])
	for _, index := range v.indexes() {
		s := v.get(index)
		if stat != statAll && s.stat != stat {
			continue
		}
		lines = append(lines, m.show("+CMGL: "+strconv.Itoa(index)+",", s)...)
		if s.stat == statUnread {
			s.stat = statRead
		}
	}
	return ok(lines...)
}

// doRead is +CMGR.
func doRead(m *Modem, p *port, c command) answer {
	index, valid := c.number(0, -1)
	if c.op == opTest {
		return ok()
	}
	if c.op != opSet || !valid {
		return m.cms(cmsParameter)
	}
	v := m.view(m.told.mem[0])
	s := v.get(index)
	if s == nil {
		if mem, _ := v.slot(index); mem == nil {
			return m.cms(cmsIndex)
		}
		// An empty slot: some modems answer OK alone, others 321.
		if m.options.vendorName() == "sim800" {
			return ok()
		}
		return m.cms(cmsIndex)
	}
	lines := m.show("+CMGR: ", s)
	if s.stat == statUnread {
		s.stat = statRead
	}
	return ok(lines...)
}

// show is a text as +CMGL and +CMGR say it. mu is held.
func (m *Modem) show(prefix string, s *stored) []string {
	if m.told.cmgf == 0 {
		return []string{fmt.Sprintf("%s%d,,%d", prefix, s.stat, len(s.tpdu)), pduHex(s.smsc, s.tpdu)}
	}
	header := prefix + `"` + statNames()[s.stat] + `",`
	direction := tpdu.MT
	if s.stat == statSent || s.stat == statUnsent {
		direction = tpdu.MO
	}
	t := tpdu.TPDU{Direction: direction}
	if err := t.UnmarshalBinary(s.tpdu); err != nil {
		return []string{header + ",,", hex.EncodeToString(s.tpdu)}
	}
	when := func(t tpdu.Timestamp) string {
		_, seconds := t.Zone()
		return `"` + t.Format("06/01/02,15:04:05") + fmt.Sprintf("%+03d", seconds/900) + `"`
	}
	switch t.SmsType() {
	case tpdu.SmsStatusReport:
		return []string{fmt.Sprintf(`%s%d,%d,"%s",%d,%s,%s,%d`, header, t.FirstOctet, t.MR, t.RA.Number(), t.RA.TOA,
			when(t.SCTS), when(t.DT), t.ST)}
	case tpdu.SmsSubmit:
		return []string{header + `"` + t.DA.Number() + `",`, m.showText(&t)}
	}
	return []string{fmt.Sprintf(`%s%s,,%s`, header, m.quote(t.OA.Number()), when(t.SCTS)), m.showText(&t)}
}

// showText writes the text in the set of +CSCS, or in hex where it has not got it.
func (m *Modem) showText(t *tpdu.TPDU) string {
	text := partText(t)
	if alphabet, err := t.Alphabet(); err == nil && (alphabet == tpdu.AlphaUCS2 || alphabet == tpdu.Alpha7Bit && m.told.charset == "UCS2") {
		return ucs2Hex(text)
	}
	return text
}

// doDelete is +CMGD with its <delflag> (TS 27.005 §3.5.4).
func doDelete(m *Modem, p *port, c command) answer {
	v := m.view(m.told.mem[0])
	if c.op == opTest {
		var indexes []string
		for _, index := range v.indexes() {
			indexes = append(indexes, strconv.Itoa(index))
		}
		return ok("+CMGD: (" + strings.Join(indexes, ",") + "),(0-4)")
	}
	index, valid := c.number(0, -1)
	flag, validFlag := c.number(1, 0)
	if c.op != opSet || !valid || !validFlag || flag > 4 {
		return m.cms(cmsParameter)
	}
	if flag == 0 {
		if mem, _ := v.slot(index); mem == nil {
			return m.cms(cmsIndex)
		}
		v.remove(index)
	} else {
		// 1: read; 2: read and sent; 3: read, sent and unsent; 4: all.
		gone := [][]int{1: {statRead}, 2: {statRead, statSent}, 3: {statRead, statSent, statUnsent},
			4: {statUnread, statRead, statSent, statUnsent}}[flag]
		for _, index := range v.indexes() {
			if slices.Contains(gone, v.get(index).stat) {
				v.remove(index)
			}
		}
	}
	m.fullSaid = false
	return ok()
}

// doWrite is +CMGW in PDU mode.
func doWrite(m *Modem, p *port, c command) answer {
	if c.op == opTest {
		return ok()
	}
	length, valid := c.number(0, -1)
	stat, validStat := m.parseStat(c.arg(1), statUnsent)
	switch {
	case m.told.cmgf == 1:
		return m.cms(cmsNotSupported)
	case c.op != opSet || !valid || !validStat || length < 1 || length > 180:
		return m.cms(cmsParameter)
	}
	return m.ask(p, &prompt{command: "+CMGW", length: length, stat: stat})
}
