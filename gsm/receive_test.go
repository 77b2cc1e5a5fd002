package gsm

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const reportPDU = "07914875215652F006360B914892347527F3817003018104808170030181448000" // of the message 54

func tpduOf(t testing.TB, id string) string {
	for _, row := range rowsOf[tpduRow](t, "tpdu.jsonl", 135) {
		if row.ID == id {
			return strings.ToUpper(row.PDU)
		}
	}
	t.Fatalf("no row %s", id)
	return ""
}

// What was stored while nobody listened is handed over at the start, and nothing
// is deleted before it is committed.
func TestStoredBefore(t *testing.T) {
	inBubble(t, nil, func(f *fake) {
		f.stored["SM"] = map[int]string{1: pduOf('A'), 7: pduOf('B')}
		f.stored["ME"] = map[int]string{0: pduOf('C')}
	}, func(t *testing.T, r *rig) {
		r.wait(5 * time.Minute)
		got := r.got()
		if len(got) != 3 || got[0].Memory != "SM" || got[0].Index != 1 || got[2].Memory != "ME" || got[2].Index != 0 {
			t.Fatalf("%+v", got)
		}
		if string(got[1].Deliver.Data) != "B" || got[1].Deliver.From.Digits == "" || got[1].Err != nil || len(got[1].Raw) == 0 {
			t.Errorf("%+v", got[1].Deliver)
		}
		if r.fake.asked("AT+CMGD") != 0 {
			t.Error("deleted before it was committed")
		}
		if m := r.Info().Memories; m[0] != (Memory{"SM", 2, 10}) || m[1] != (Memory{"ME", 1, 10}) {
			t.Errorf("%v", m)
		}
		got[1].Done(true)
		got[1].Done(false)
		r.wait(time.Second)
		if r.fake.lies("SM") != 1 || r.fake.lies("ME") != 1 || r.fake.stored["SM"][1] == "" {
			t.Errorf("%v", r.fake.stored)
		}
		got[0].Done(true)
		got[2].Done(true)
		r.wait(time.Second)
		if r.fake.lies("SM")+r.fake.lies("ME") != 0 {
			t.Errorf("%v", r.fake.stored)
		}
		r.wait(5 * time.Minute)
		if len(r.got()) != 3 {
			t.Errorf("%d messages", len(r.got()))
		}
	})
}

func (f *fake) store(memory string, index int, pdu string) {
	f.change(func() { f.stored[memory][index] = pdu })
}

func TestAnnounced(t *testing.T) {
	inBubble(t, nil, nil, func(t *testing.T, r *rig) {
		r.commitAll()
		for i := range 5 {
			r.fake.store("ME", i, pduOf(byte('A'+i)))
			r.fake.say(fmt.Sprintf(`+CMTI: "ME",%d`, i))
		}
		r.wait(time.Second)
		var text []byte
		for _, m := range r.got() {
			text = append(text, m.Deliver.Data...)
		}
		if string(text) != "ABCDE" || r.fake.lies("ME") != 0 {
			t.Errorf("%q, %v", text, r.fake.stored)
		}
	})
}

// An announcement that was lost, or names no place, costs the time to the next
// sweep at most.
func TestNotAnnounced(t *testing.T) {
	for _, says := range []string{"", "+CMTI: ,-1", `+CMTI: "MT",3`, `+CMTI: "ME",9`, "^SMMEMFULL: \"SM\"", "+SMS FULL"} {
		inBubble(t, nil, nil, func(t *testing.T, r *rig) {
			r.commitAll()
			r.fake.store("SM", 4, pduOf('A'))
			limit := time.Minute
			if says != "" {
				r.fake.say(says)
				limit = 5 * time.Second
			}
			r.wait(limit)
			if len(r.got()) != 1 || r.fake.lies("SM") != 0 {
				t.Errorf("%q: %d messages", says, len(r.got()))
			}
		})
	}
}

// A memory that is full is reported, and empties as the owner commits.
func TestFull(t *testing.T) {
	inBubble(t, nil, func(f *fake) {
		for i := range 10 {
			f.stored["SM"][i] = pduOf(byte('A' + i))
		}
	}, func(t *testing.T, r *rig) {
		if m := r.Info().Memories[0]; m.Used != 10 || m.Total != 10 {
			t.Errorf("%+v", m)
		}
		for _, m := range r.got() {
			m.Done(true)
		}
		r.wait(time.Second)
		if m := r.Info().Memories[0]; m.Used != 0 || r.fake.lies("SM") != 0 {
			t.Errorf("%+v", m)
		}
	})
}

// Between commit and deletion we may die: the message comes again, the same to
// the octet, and it is for the owner to know it.
func TestKilledBeforeDeletion(t *testing.T) {
	inBubble(t, nil, func(f *fake) { f.stored["SM"][1] = pduOf('A'); f.mute["AT+CMGD=1"] = -1 }, func(t *testing.T, r *rig) {
		r.got()[0].Done(true)
		r.wait(time.Second)
		r.end()
		r.fake.change(func() { r.fake.mute["AT+CMGD=1"] = 0 })
		again := &rig{Modem: New(Defaults(), Options{Open: r.fake.open}), recorder: &recorder{commit: true}, fake: r.fake}
		again.start(t)
		again.wait(20 * time.Second)
		if got := again.got(); len(got) != 1 || !bytes.Equal(got[0].Raw, r.got()[0].Raw) || r.fake.lies("SM") != 0 {
			t.Errorf("%+v", got)
		}
		again.end()
	})
}

// What a restart of the modem leaves where it was is not handed over twice; what
// was committed meanwhile is deleted; and what is another SIM's is not.
func TestModemRestartsBeforeDeletion(t *testing.T) {
	inBubble(t, nil, func(f *fake) { f.stored["SM"] = map[int]string{1: pduOf('A'), 2: pduOf('B'), 3: pduOf('C')} }, func(t *testing.T, r *rig) {
		r.fake.change(func() { r.fake.conn.Close() })
		r.wait(time.Millisecond)
		for _, m := range r.got() {
			m.Done(m.Index != 3)
		}
		r.fake.change(func() { r.fake.stored["SM"][2] = pduOf('X') })
		r.wait(20 * time.Second)
		r.phase(t, PhaseUp)
		var text []string
		for _, m := range r.got() {
			text = append(text, fmt.Sprintf("%d%s", m.Index, m.Deliver.Data))
		}
		// 1 is deleted, X is another message, and C was not committed.
		if want := []string{"1A", "2B", "3C", "2X", "3C"}; !slices.Equal(text, want) || r.fake.lies("SM") != 2 {
			t.Errorf("%q, %v", text, r.fake.stored)
		}
	})
}

// What was not committed is handed over again, and not in a hurry.
func TestNotCommitted(t *testing.T) {
	inBubble(t, nil, func(f *fake) { f.stored["SM"][1] = pduOf('A') }, func(t *testing.T, r *rig) {
		for n := 1; n < 5; n++ {
			if got := r.got(); len(got) != n {
				t.Fatalf("%d messages, want %d", len(got), n)
			}
			r.got()[n-1].Done(false)
			r.wait(time.Second)
			if len(r.got()) != n {
				t.Error("it is in a hurry")
			}
			r.wait(time.Minute)
		}
	})
}

// MMS notices and what cannot be read do not clog the memory: they go the way of
// all messages.
func TestUnreadable(t *testing.T) {
	inBubble(t, nil, func(f *fake) {
		f.stored["SM"] = map[int]string{1: tpduOf(t, "tpdu-069"), 2: "0791", 3: "HELLO", 4: strings.Repeat("FF", 176)}
	}, func(t *testing.T, r *rig) {
		got := r.got()
		if len(got) != 4 {
			t.Fatalf("%+v", got)
		}
		if text, ok := got[0].Deliver.Notice(); !ok || !strings.HasPrefix(text, "An MMS") {
			t.Errorf("%q", text)
		}
		for i, want := range []string{"\x07\x91", "HELLO"} {
			if m := got[i+1]; m.Deliver != nil || m.Err == nil || string(m.Raw) != want {
				t.Errorf("%+v", m)
			}
		}
		for _, m := range got {
			m.Done(true)
		}
		r.wait(time.Second)
		if r.fake.lies("SM") != 0 {
			t.Errorf("%v", r.fake.stored)
		}
	})
}

// A memory that cannot be listed is read slot by slot.
func TestListFails(t *testing.T) {
	for _, fails := range []func(*fake){
		func(f *fake) { f.replies["AT+CMGL=4"] = "+CMS ERROR: 320" },
		func(f *fake) { f.mute["AT+CMGL=4"] = -1 },
	} {
		inBubble(t, nil, func(f *fake) {
			fails(f)
			f.stored["SM"] = map[int]string{2: pduOf('A'), 9: pduOf('B')}
		}, func(t *testing.T, r *rig) {
			r.commitAll()
			r.wait(2 * time.Minute)
			for _, m := range r.got() {
				m.Done(true)
			}
			r.wait(2 * time.Minute)
			if len(r.got()) != 2 || r.fake.lies("SM") != 0 {
				t.Errorf("%d messages, %v", len(r.got()), r.fake.stored)
			}
		})
	}
}

// A deletion that fails is repeated, and the message is not handed over again.
func TestDeletionFails(t *testing.T) {
	inBubble(t, nil, func(f *fake) { f.stored["SM"][1] = pduOf('A'); f.replies["AT+CMGD=1"] = "+CMS ERROR: 320" }, func(t *testing.T, r *rig) {
		r.got()[0].Done(true)
		r.wait(3 * time.Minute)
		n := r.fake.asked("AT+CMGD=1")
		if n < 2 || n > 20 || len(r.got()) != 1 {
			t.Errorf("tried %d times, %d messages", n, len(r.got()))
		}
		r.fake.change(func() { delete(r.fake.replies, "AT+CMGD=1") })
		r.wait(time.Minute)
		if r.fake.lies("SM") != 0 {
			t.Error("not deleted")
		}
	})
}

// More than an owner may hold waits where it lies.
func TestHeldIsBounded(t *testing.T) {
	inBubble(t, nil, func(f *fake) {
		f.size = 500
		for i := range 400 {
			f.stored["ME"][i] = pduOf(byte(i%90) + 32)
		}
	}, func(t *testing.T, r *rig) {
		if n := len(r.got()); n != maxHeld {
			t.Errorf("%d messages", n)
		}
		for _, m := range r.got() {
			m.Done(true)
		}
		r.commitAll()
		r.wait(3 * time.Minute)
		if n := len(r.got()); n != 400 || r.fake.lies("ME") != 0 {
			t.Errorf("%d messages, %d left", n, r.fake.lies("ME"))
		}
	})
}

// Messages of ours that a person stored with a telephone are left alone.
func TestOwnMessages(t *testing.T) {
	inBubble(t, nil, func(f *fake) {
		f.stored["SM"][1] = pduOf('A')
		f.replies["AT+CMGL=4"] = "+CMGL: 1,2,,17\n" + pduOf('A')
	}, func(t *testing.T, r *rig) {
		if len(r.got()) != 0 {
			t.Errorf("%+v", r.got())
		}
	})
}

// A modem that has fallen into text mode is put back.
func TestTextMode(t *testing.T) {
	inBubble(t, nil, nil, func(t *testing.T, r *rig) {
		r.fake.change(func() {
			r.fake.stored["SM"][1] = pduOf('A')
			r.fake.textMode = true
		})
		before := r.fake.asked("AT+CMGF=0")
		r.wait(90 * time.Second)
		if r.fake.asked("AT+CMGF=0") == before || len(r.got()) != 1 || r.got()[0].Deliver == nil {
			t.Errorf("%+v", r.got())
		}
	})
}
