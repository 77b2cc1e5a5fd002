package gateway

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAudience(t *testing.T) {
	a := Only(16, 32)
	for id, want := range map[ID]bool{16: true, 32: true, 48: false, 0: false} {
		if a.Includes(id) != want {
			t.Errorf("%q includes %v: %v", a, id, !want)
		}
	}
	if a.And(32, 48) != Only(16, 32, 48) || Everyone.And(16) != Everyone || !Everyone.Includes(48) || Nobody.Includes(48) || Only() != Nobody {
		t.Error("audiences do not add up")
	}
}

func TestNextToBeOffered(t *testing.T) {
	people := func(words ...string) (all []Candidate) {
		for _, w := range words { // "2!3" is person 2, available, with three conversations
			c := Candidate{ID: ID(w[0]-'0') << 4, Available: strings.Contains(w, "!")}
			if _, owns, ok := strings.Cut(w, "!"); ok && owns != "" {
				c.Owns = int(owns[0] - '0')
			}
			all = append(all, c)
		}
		return all
	}
	first := func(n int) QueueSettings { return QueueSettings{Offer: OfferFirst, OfferCount: n} }
	robin := QueueSettings{Offer: OfferRoundRobin}
	for _, tc := range []struct {
		name     string
		settings QueueSettings
		people   []Candidate
		offered  Audience
		last     ID
		want     []ID
	}{
		{"the first", first(1), people("1!", "2!"), Nobody, 0, []ID{16}},
		{"the first who is there", first(1), people("1", "2!", "3!"), Nobody, 0, []ID{32}},
		{"top three", first(3), people("1!", "2", "3!", "4!", "5!"), Nobody, 0, []ID{16, 48, 64}},
		{"fewer than three", first(3), people("1!", "2"), Nobody, 0, []ID{16}},
		{"nobody there", first(1), people("1", "2"), Nobody, 0, nil},
		{"nobody at all", first(1), nil, Nobody, 0, nil},
		{"offered already", first(1), people("1!", "2!"), Only(16), 0, nil},
		{"offered to who has gone", first(1), people("1", "2!"), Only(16), 0, []ID{32}},
		{"offered to who has left the queue", first(1), people("2!"), Only(16), 0, []ID{32}},
		{"one of two has gone", first(2), people("1!", "2", "3!"), Only(16, 32), 0, []ID{48}},
		{"round robin begins", robin, people("1!", "2!"), Nobody, 0, []ID{16}},
		{"round robin goes on", robin, people("1!", "2!", "3!"), Nobody, 16, []ID{32}},
		{"round robin passes over who is away", robin, people("1!", "2", "3!"), Nobody, 16, []ID{48}},
		{"round robin begins anew", robin, people("1!", "2!"), Nobody, 32, []ID{16}},
		{"round robin after who has left", robin, people("1!", "2!"), Nobody, 64, []ID{16}},
		{"round robin with one", robin, people("1!"), Nobody, 16, []ID{16}},
		{"who has least", QueueSettings{AutoAssign: true}, people("1!2", "2!1", "3!1", "4"), Nobody, 0, []ID{32}},
		{"zero is one", QueueSettings{Offer: OfferFirst}, people("1!", "2!"), Nobody, 0, []ID{16}},
	} {
		before := slices.Clone(tc.people)
		if got := tc.settings.Next(tc.people, tc.offered, tc.last); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
		if !slices.Equal(before, tc.people) {
			t.Errorf("%s: the candidates have changed", tc.name)
		}
	}
}

func TestHours(t *testing.T) {
	h := Hours{Timezone: "Europe/Zurich", Open: []Span{
		{Days: []Weekday{Weekday(time.Monday), Weekday(time.Tuesday)}, From: 8 * 60, To: 12 * 60},
		{Days: []Weekday{Weekday(time.Friday), Weekday(time.Saturday)}, From: 22 * 60, To: 2 * 60},
		{Days: []Weekday{Weekday(time.Wednesday)}, From: 0, To: 24 * 60},
	}}
	if err := h.check(); err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]bool{
		"2026-07-06 06:00": true,  // Monday, 8:00 in summer
		"2026-01-05 06:00": false, // 7:00 in winter
		"2026-01-05 07:00": true,
		"2026-01-05 10:59": true,
		"2026-01-05 11:00": false,
		"2026-01-08 07:00": false, // Thursday
		"2026-01-09 21:00": true,  // Friday, 22:00
		"2026-01-10 00:59": true,  // and past midnight
		"2026-01-10 01:00": false,
		"2026-01-11 00:30": true,  // Saturday's night is Sunday's morning
		"2026-01-11 21:30": false, // Sunday
		"2026-01-09 00:30": false, // Thursday's night
		"2026-01-06 23:00": true,  // Wednesday, all day
		"2026-01-07 22:59": true,
		"2026-01-07 23:00": false,
	} {
		now, err := time.Parse("2006-01-02 15:04", at)
		if err != nil {
			t.Fatal(err)
		}
		if h.OpenAt(now) != want {
			t.Errorf("at %s open is %v", at, !want)
		}
	}
	if !(*Hours)(nil).OpenAt(epoch0) {
		t.Error("without hours it is closed")
	}
}

func TestQueueSettingsJSON(t *testing.T) {
	const text = `{"offer":"first","offer_count":3,"widen_after":"1m30s","auto_assign":true,"readable":true,"return_after":"15m0s","close_after":"168h0m0s",` +
		`"hours":{"timezone":"Europe/Zurich","open":[{"days":["mon","sun"],"from":"08:05","to":"24:00"}],"reply":"Closed."}}`
	s := DefaultQueueSettings()
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	if got, err := json.Marshal(s); err != nil || string(got) != text {
		t.Errorf("%s, %v", got, err)
	}
	for text, want := range map[string]string{
		`{"offer":"last"}`:              `offer "last": want one of everyone, first, round_robin`,
		`{"widen_after":"soon"}`:        `"soon" is no duration`,
		`{"widen_after":"-1s"}`:         `widen_after: want no negative duration`,
		`{"offer_count":101}`:           `offer_count: want 1 to 100, not 101`,
		`{"hours":{}}`:                  `hours.timezone: say in which`,
		`{"hours":{"timezone":"Mars"}}`: `hours.timezone: there is no "Mars"`,
		`{"hours":{"timezone":"UTC","open":[{"days":["monday"]}]}}`:                          `day "monday"`,
		`{"hours":{"timezone":"UTC","open":[{"days":[],"from":"08:00","to":"09:00"}]}}`:      `hours.open[0].days: say on which days`,
		`{"hours":{"timezone":"UTC","open":[{"days":["mon"],"from":"08:00","to":"08:00"}]}}`: `hours.open[0]: it ends when it begins`,
		`{"hours":{"timezone":"UTC","open":[{"days":["mon"],"from":"8","to":"25:00"}]}}`:     `time "8"`,
		`{"hours":{"timezone":"UTC","reply":"` + strings.Repeat("a", 1001) + `"}}`:           `hours.reply: longer than 1000 characters`,
	} {
		s := DefaultQueueSettings()
		err := json.Unmarshal([]byte(text), &s)
		if err == nil {
			err = s.Check()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// What is taken in a readable queue is its members' to read, and nothing else.
func TestReadableQueue(t *testing.T) {
	reader := Actor{ID: memberM, Queues: map[ID]bool{testQueue: false}, Reads: map[ID]bool{testQueue: true}}
	left := Actor{ID: memberM, Queues: map[ID]bool{general: false}, Reads: map[ID]bool{testQueue: true}}
	for _, state := range []string{"T", "TA", "Tz"} {
		c := stateIn(t, state)
		if !c.View().VisibleTo(reader) || c.View().ChangeableBy(reader) || c.View().VisibleTo(left) {
			t.Errorf("%s: seen %v, changed %v", state, c.View().VisibleTo(reader), c.View().ChangeableBy(reader))
		}
		for kind := ActTake; kind <= ActWake; kind++ {
			a := Action{Kind: kind, Until: epoch1.Add(time.Hour)}
			if kind == ActTransfer {
				a.Agent = memberM
			}
			want := NotOwner
			switch kind {
			case ActTake:
				want = AlreadyTaken
			case ActReply, ActStart:
				want = OwnedByOther
			case ActProgramText:
				want = NotFound
			}
			after, _, err := c.Act(a, reader, epoch1)
			if r, ok := err.(*Refusal); !ok || r.Code != want || after != c {
				t.Errorf("%s, action %d: %v, want %s", state, kind, err, want)
			}
		}
	}
	if c := stateIn(t, "C"); c.View().VisibleTo(reader) {
		t.Error("what is closed is read by the queue")
	}
}

// What waits for some is not there for others.
func TestOfferedToSome(t *testing.T) {
	other := Actor{ID: 9, Queues: map[ID]bool{testQueue: false}}
	c := stateIn(t, "W")
	c.Offered, c.OfferedTill = Only(memberM), epoch1.Add(time.Hour)
	for who, want := range map[string]bool{"m": true, "g": true, "s": true, "x": false} {
		if c.View().VisibleTo(roles[who]) != want {
			t.Errorf("%s sees it: %v", who, !want)
		}
	}
	if _, _, err := c.Act(Action{Kind: ActTake}, other, epoch1); err == nil {
		t.Error("taken by who was not offered it")
	}
	next, events, err := c.Act(Action{Kind: ActOffer}, roles["S"], epoch1)
	if err != nil || words(events) != "offered" || !next.View().VisibleTo(other) || next.Epoch != c.Epoch || !next.OfferedTill.IsZero() || !next.UpdatedAt.Equal(c.UpdatedAt) {
		t.Errorf("%+v, %v, %v", next, events, err)
	}
	if again, events, err := next.Act(Action{Kind: ActOffer}, roles["S"], epoch1); err != nil || events != nil || again != next {
		t.Errorf("again: %+v, %v, %v", again, events, err)
	}
	if _, _, err := c.Act(Action{Kind: ActOffer}, roles["g"], epoch1); err == nil {
		t.Error("a person offers")
	}
	if taken, _, err := c.Act(Action{Kind: ActTake}, roles["m"], epoch1); err != nil || taken.Offered != Everyone {
		t.Errorf("%+v, %v", taken, err)
	}
	if same, events, err := c.Act(Action{Kind: ActTransfer, Queue: testQueue}, roles["g"], epoch1); err != nil || events != nil || same != c {
		t.Errorf("to its own queue: %+v, %v, %v", same, events, err)
	}
}
