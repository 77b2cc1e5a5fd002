package gsmsim

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
)

// Errors of New and of what is asked of a modem.
var (
	ErrClosed      = errors.New("gsmsim: closed")
	ErrNumberTaken = errors.New("gsmsim: another modem has that number")
	ErrNoNumber    = errors.New("gsmsim: no modem has or had that number")
)

// PortKind is what answers at one of a stick's ports.
type PortKind int

const (
	PortAT     PortKind = iota // answers AT commands
	PortSilent                 // a diagnostics port: reads, and says nothing
)

// Options are what a modem and its SIM are. Every field may be empty.
type Options struct {
	Vendor   string   // one of Vendors; "generic" when empty
	IMEI     string   // 15 digits; made up when empty, as the next two
	ICCID    string   // 19 or 20 digits
	IMSI     string   // 15 digits
	Number   string   // of the SIM, E.164; +1500555 and four digits when empty
	Operator string   // name of the network; "Simulated" when empty
	PLMN     string   // its number, 5 or 6 digits; 00101 when empty
	SMSC     string   // the SIM's service centre; +15005550000 when empty
	PIN      string   // empty: the SIM asks for none
	PUK      string   // 12345678 when empty
	PINTries int      // that are left; 3 when zero
	Slots    int      // texts that the SIM holds; the vendor's when zero
	LastMR   byte     // the SIM's last TP-MR: the next text has the one after it
	CNMI     string   // what +CNMI=? lists, as (0,1),(0-2),(0,2),(0,1),(0); the vendor's when empty
	Network  *Network // that it is in; nil: one of its own, which ends with it

	// Link is a path that is made a symbolic link to the first port that answers AT,
	// whenever the modem is plugged in, and removed otherwise. With several Ports,
	// Link-0, Link-1 and so on are links to each.
	Link  string
	Ports []PortKind // what the stick shows; one PortAT when empty

	Behaviour Behaviour
	Log       *slog.Logger // nil logs nothing; commands and answers at debug level
}

// Validate says what of Options can never be meant.
func (o Options) Validate() error {
	if _, err := findVendor(o.Vendor); err != nil {
		return err
	}
	digits := func(s string, least, most int) bool {
		return s == "" || len(s) >= least && len(s) <= most && strings.Trim(s, "0123456789") == ""
	}
	switch {
	case !digits(o.IMEI, 15, 15):
		return fmt.Errorf("IMEI %q has not 15 digits", o.IMEI)
	case !digits(o.ICCID, 18, 20):
		return fmt.Errorf("ICCID %q has not 18 to 20 digits", o.ICCID)
	case !digits(o.IMSI, 6, 15):
		return fmt.Errorf("IMSI %q has not 6 to 15 digits", o.IMSI)
	case !digits(o.PIN, 4, 8) || !digits(o.PUK, 8, 8):
		return errors.New("a PIN has 4 to 8 digits, and a PUK 8")
	case !digits(o.PLMN, 5, 6):
		return fmt.Errorf("PLMN %q has not 5 or 6 digits", o.PLMN)
	case !digits(strings.TrimPrefix(o.SMSC, "+"), 3, 20):
		return fmt.Errorf("SMSC %q is no number", o.SMSC)
	case o.CNMI != "" && strings.Count(o.CNMI, "),(") != 4:
		return fmt.Errorf("CNMI %q has not five sets", o.CNMI)
	case o.PINTries < 0 || o.Slots < 0:
		return errors.New("negative count")
	}
	return nil
}

// Modem is one with a SIM, plugged in. Its methods may be called from any
// goroutine, also from the functions given to its Network.
type Modem struct {
	log      *slog.Logger
	options  Options
	vendor   profile
	network  *Network
	own      bool // the network is this modem's, and ends with it
	commands map[string]entry
	clock    *clock
	running  sync.WaitGroup // readers and writers of ports

	mu       sync.Mutex
	closed   bool
	booting  bool
	starts   int // counts them, so that what was due in an earlier one is not done
	ports    []*port
	told     settings
	memory   map[string]*memory
	sim      sim
	b        Behaviour
	searches int           // of RegisterTime that are not over
	away     bool          // Flap's half in which there is no network
	changed  chan struct{} // closed by announce: the behaviour, or whether it is plugged in
	awaiting *parcel       // routed, and not yet acknowledged by +CNMA
	acked    *parcel
	fullSaid bool
	held     []string // indications that <mode> 0 keeps
	ussd     bool     // a session waits for the user
	call     *call
}

// settings are what commands set and a start forgets.
type settings struct {
	cmee, creg, cgreg, cereg int
	cfun                     int
	copsFormat, copsMode     int
	cmgf, csms               int
	cnmi                     [5]int
	mem                      [3]string
	clip, crc                bool
	charset                  string
	mute                     bool // until ^PORTSEL=1
	noise                    bool // ^CURC=0 ends it
	urcPort                  int  // which of the ports that answer AT has indications
}

// New plugs a modem in. Close must be called.
func New(o Options) (*Modem, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("gsmsim: %w", err)
	}
	vendor, err := findVendor(o.Vendor)
	if err != nil {
		return nil, fmt.Errorf("gsmsim: %w", err)
	}
	m := &Modem{vendor: vendor, network: o.Network, log: o.Log, b: o.Behaviour, commands: commandTable(),
		clock: newClock(), changed: make(chan struct{})}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	if m.network == nil {
		m.network, m.own = NewNetwork(), true
	}
	if o.CNMI != "" {
		copy(m.vendor.cnmi[:], strings.Split(strings.ReplaceAll(o.CNMI, "),", ")\n"), "\n"))
	}
	o.fill(m.network.sequence())
	if len(o.Ports) == 0 {
		o.Ports = []PortKind{PortAT}
	}
	m.options = o
	m.sim = newSIM(o)
	m.memory = newMemories(vendor, o.Slots)
	m.rearm(Behaviour{}) // nobody else has m yet
	err = m.network.attach(o.Number, m)
	if err == nil {
		err = m.Plug()
	}
	if err != nil {
		m.finish()
		return nil, err
	}
	return m, nil
}

// fill makes up what is empty, from a number that no other modem of the network
// has.
func (o *Options) fill(n int) {
	set := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	set(&o.Operator, "Simulated")
	set(&o.PLMN, "00101")
	set(&o.SMSC, "+15005550000")
	set(&o.PUK, "12345678")
	set(&o.Number, fmt.Sprintf("+1500555%04d", n))
	set(&o.IMEI, luhn(fmt.Sprintf("35609204%06d", n)))
	set(&o.ICCID, luhn(fmt.Sprintf("890126020%09d", n)))
	set(&o.IMSI, o.PLMN+fmt.Sprintf("%0*d", 15-len(o.PLMN), n))
	if o.PINTries == 0 {
		o.PINTries = 3
	}
}

// luhn adds the check digit (TS 23.003 §6.2.1, ITU-T E.118).
func luhn(digits string) string {
	sum := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return digits + strconv.Itoa((10-sum%10)%10)
}

// Close unplugs the modem for good and waits for its goroutines. Texts for its
// number wait in the network for another modem that has it.
func (m *Modem) Close() {
	m.mu.Lock()
	m.closed = true
	m.hangUp()
	m.announce()
	m.mu.Unlock()
	m.finish()
}

func (m *Modem) finish() {
	m.clock.stop()
	m.network.detach(m)
	m.running.Wait()
	if m.own {
		m.network.Close()
	}
}

// Path is that of the device that answers AT commands, and empty while the modem
// is unplugged.
func (m *Modem) Path() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.ports {
		if p.kind == PortAT {
			return p.pty.path
		}
	}
	return ""
}

// Paths are those of all ports, in the order of Options.Ports.
func (m *Modem) Paths() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var paths []string
	for _, p := range m.ports {
		paths = append(paths, p.pty.path)
	}
	return paths
}

// Options returns what the modem was made of, with what was empty filled in.
func (m *Modem) Options() Options { return m.options }

// Network is the one the modem is in.
func (m *Modem) Network() *Network { return m.network }

// Set changes how the modem behaves from now on. change must call nothing of the
// modem.
func (m *Modem) Set(change func(*Behaviour)) {
	m.mu.Lock()
	before := m.b
	change(&m.b)
	m.rearm(before)
	m.mu.Unlock()
	m.network.kick()
}

// announce wakes those who wait for a change. mu is held.
func (m *Modem) announce() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// rearm says and starts what follows from a change of behaviour. mu is held.
func (m *Modem) rearm(before Behaviour) {
	m.announce()
	if m.b.NoSMSC && !before.NoSMSC {
		m.sim.smsc = ""
	}
	if m.b.NeedPUK && !before.NeedPUK {
		m.sim.pinTries, m.sim.unlocked = 0, false
	}
	if m.b.StaleSMSC && !before.StaleSMSC {
		m.sim.smscStale = true
	}
	if m.b.NoSIM != before.NoSIM && !m.booting {
		m.urc(map[bool]string{true: "+CPIN: NOT INSERTED", false: "+CPIN: READY"}[m.b.NoSIM])
	}
	if m.b.StorageFull != before.StorageFull {
		m.fullSaid = false
	}
	if m.b.NeedPortSel && !before.NeedPortSel {
		m.told.mute = true
	}
	if m.b.Registration != before.Registration || m.b.NoSIM != before.NoSIM {
		m.sayRegistration()
	}
	if m.b.Flap > 0 && before.Flap == 0 {
		m.clock.after(m.b.Flap, m.flap)
	}
	if m.b.NoiseEvery > 0 && before.NoiseEvery == 0 {
		m.clock.after(m.b.NoiseEvery, m.makeNoise)
	}
}

func (m *Modem) flap() {
	m.mu.Lock()
	m.away = !m.away && m.b.Flap > 0
	m.sayRegistration()
	if m.b.Flap > 0 {
		m.clock.after(m.b.Flap, m.flap)
	}
	m.mu.Unlock()
	m.network.kick()
}

func (m *Modem) makeNoise() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.b.NoiseEvery > 0 {
		m.urcNoise()
		m.clock.after(m.b.NoiseEvery, m.makeNoise)
	}
}
