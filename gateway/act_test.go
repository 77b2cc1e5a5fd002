package gateway

import (
	"errors"
	"strings"
	"testing"
	"time"
)

const (
	testQueue   ID = 100
	numberQueue ID = 200
	otherQueue  ID = 300
	general     ID = 400

	memberM  ID = 1
	managerG ID = 2
	ownerS   ID = 3
	personO  ID = 4 // has the conversation, and left its queue
	personL  ID = 5 // dealt with it, and left its queue
	strangeX ID = 6
	agentB   ID = 7
)

var (
	epoch0 = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	epoch1 = epoch0.Add(time.Hour)
)

// roles are the columns of actTable, by the letters of docs/ARCHITECTURE.md;
// x is a stranger with another queue, p a program, S the daemon itself.
var roles = map[string]Actor{
	"m": {ID: memberM, Queues: map[ID]bool{general: false, testQueue: false}},
	"g": {ID: managerG, Queues: map[ID]bool{general: false, testQueue: true}},
	"s": {ID: ownerS, Queues: map[ID]bool{general: false}, SystemOwner: true},
	"O": {ID: personO, Queues: map[ID]bool{general: false}},
	"L": {ID: personL, Queues: map[ID]bool{general: false}},
	"x": {ID: strangeX, Queues: map[ID]bool{general: false, otherQueue: true}},
	"p": {Kind: ActorProgram, ID: personO},
	"S": {Kind: ActorSystem},
}

// stateIn returns a conversation in one of the states of docs/ARCHITECTURE.md:
// "none", "W", "T", "TA", "C" (dealt with by L), "C0" (by nobody) or "D"; with
// ! a text is unread and unanswered, with z it is snoozed.
func stateIn(t *testing.T, state string) Conversation {
	t.Helper()
	c := NewConversation(16, "+12602058900", Address{AddressE164, "+12602058901"}, testQueue)
	if state == "none" {
		return c
	}
	c.Epoch, c.CreatedAt, c.UpdatedAt = 5, epoch0, epoch0
	name := strings.TrimRight(state, "!z")
	switch name {
	case "W":
		c.Status, c.WaitingSince = StatusWaiting, epoch0
	case "T", "TA":
		c.Status, c.Owner, c.OwnerSince, c.Archived = StatusTaken, personO, epoch0, name == "TA"
	case "C", "C0":
		c.Status, c.Archived = StatusClosed, true
		if name == "C" {
			c.LastOwner = personL
		}
	case "D":
		c.Status, c.Archived = StatusDeleted, true
	default:
		t.Fatalf("state %q", state)
	}
	if strings.Contains(state, "!") {
		c.Unread, c.Unanswered = 2, true
	}
	if strings.Contains(state, "z") {
		c.SnoozedUntil = epoch1.Add(time.Hour)
	}
	return c
}

// shown renders a state for comparison: its letters, whose it is, and its queue
// where that is not testQueue.
func shown(c Conversation, me ID) string {
	who := map[ID]string{0: "", me: "me", personO: "O", personL: "L", agentB: "B"}
	var b strings.Builder
	switch c.Status {
	case StatusWaiting:
		b.WriteString("W")
	case StatusTaken:
		b.WriteString("T")
		if c.Archived {
			b.WriteString("A")
		}
		b.WriteString("(" + who[c.Owner] + ")")
	case StatusClosed:
		b.WriteString("C(" + who[c.LastOwner] + ")")
	case StatusDeleted:
		b.WriteString("D")
	}
	switch c.Queue {
	case numberQueue:
		b.WriteString("@number")
	case otherQueue:
		b.WriteString("@other")
	case general:
		b.WriteString("@general")
	}
	return b.String()
}

func words(events []EventType) string {
	var w []string
	for _, e := range events {
		_, name, _ := strings.Cut(string(e), ".")
		w = append(w, name)
	}
	return strings.Join(w, "+")
}

// answer renders all that Act said.
func answer(before, after Conversation, events []EventType, err error, me ID) string {
	if err != nil {
		var r *Refusal
		if !errors.As(err, &r) {
			return "error " + err.Error()
		}
		if after != before || events != nil {
			return "refused, but changed something"
		}
		return string(r.Code)
	}
	if after == before && events == nil {
		return "same"
	}
	return shown(after, me) + " " + words(events)
}

func TestActTable(t *testing.T) {
	for _, row := range actTable {
		seen := ""
		for _, cell := range strings.Split(row.want, ";") {
			who, want, ok := strings.Cut(strings.TrimSpace(cell), ": ")
			if !ok {
				t.Fatalf("cell %q", cell)
			}
			for _, role := range strings.Split(who, "") {
				seen += role
				before := stateIn(t, row.state)
				by := roles[role]
				me := by.ID
				if by.Kind != ActorPerson {
					me = -1
				}
				after, events, err := before.Act(row.action, by, epoch1)
				if got := answer(before, after, events, err, me); got != want {
					t.Errorf("%s on %s by %s: %q; want %q", row.name, row.state, role, got, want)
				}
				checkStep(t, before, after)
			}
		}
		if len(seen) != len(roles) {
			t.Errorf("%s on %s: tests %q; want each of mgsOLxpS once", row.name, row.state, seen)
		}
	}
}

// checkStep checks what holds of every state and every step to it.
func checkStep(t interface{ Errorf(string, ...any) }, before, after Conversation) {
	if (after.Owner != 0) != (after.Status == StatusTaken) {
		t.Errorf("%+v: owner without being taken, or taken without owner", after)
	}
	if after.OwnerSince.IsZero() == (after.Status == StatusTaken) {
		t.Errorf("%+v: OwnerSince and Owner disagree", after)
	}
	if after.Status == StatusClosed && !after.Archived || after.Status == StatusWaiting && after.Archived {
		t.Errorf("%+v: status and Archived disagree", after)
	}
	if after.LastOwner != 0 && after.Status != StatusClosed {
		t.Errorf("%+v: LastOwner of what is not closed", after)
	}
	if !after.SnoozedUntil.IsZero() && after.Status != StatusTaken {
		t.Errorf("%+v: snoozed though not taken", after)
	}
	moved := before.Status != after.Status || before.Owner != after.Owner ||
		before.Queue != after.Queue || before.Archived != after.Archived
	if moved && after.Epoch != before.Epoch+1 || !moved && after.Epoch != before.Epoch {
		t.Errorf("epoch %d -> %d, from %+v to %+v", before.Epoch, after.Epoch, before, after)
	}
}

func TestActNamesTheOwner(t *testing.T) {
	c := stateIn(t, "T")
	for kind, code := range map[ActionKind]RefusalCode{ActTake: AlreadyTaken, ActReply: OwnedByOther, ActStart: OwnedByOther} {
		_, _, err := c.Act(Action{Kind: kind}, roles["m"], epoch1)
		var r *Refusal
		if !errors.As(err, &r) {
			t.Fatalf("action %d: %v", kind, err)
		}
		if r.Code != code || r.Owner != personO || !r.Since.Equal(epoch0) {
			t.Errorf("action %d: %s, owner %d since %v; want %s, %d, %v", kind, r.Code, r.Owner, r.Since, code, personO, epoch0)
		}
	}
}

// What an action does beside moving the conversation.
func TestActKeepsCounts(t *testing.T) {
	until := epoch1.Add(24 * time.Hour)
	for _, tt := range []struct {
		name   string
		state  string
		action Action
		by     string
		check  func(before, after Conversation) bool
	}{
		{"a reply answers, and does not end a snooze", "T!z", Action{Kind: ActReply}, "O", func(b, a Conversation) bool {
			return !a.Unanswered && a.Unread == b.Unread && a.SnoozedUntil.Equal(b.SnoozedUntil) && a.OwnerSince.Equal(b.OwnerSince) && a.UpdatedAt.Equal(epoch1)
		}},
		{"a program's text answers nothing", "T!z", Action{Kind: ActProgramText}, "p", func(b, a Conversation) bool {
			return a.Unanswered && a.SnoozedUntil.Equal(b.SnoozedUntil)
		}},
		{"taking answers nothing", "W!", Action{Kind: ActTake}, "m", func(b, a Conversation) bool {
			return a.Unanswered && a.Unread == 2 && a.OwnerSince.Equal(epoch1) && a.WaitingSince.Equal(epoch0)
		}},
		{"reading clears the count, and is no news", "T!z", Action{Kind: ActRead}, "O", func(b, a Conversation) bool {
			return a.Unread == 0 && a.Unanswered && a.SnoozedUntil.Equal(b.SnoozedUntil) && a.UpdatedAt.Equal(epoch0)
		}},
		{"a snooze is kept", "T", Action{Kind: ActSnooze, Until: until}, "O", func(b, a Conversation) bool {
			return a.SnoozedUntil.Equal(until)
		}},
		{"release makes it wait from now, and ends a snooze", "T!z", Action{Kind: ActRelease}, "O", func(b, a Conversation) bool {
			return a.WaitingSince.Equal(epoch1) && a.Unread == 2 && a.Unanswered && a.SnoozedUntil.IsZero()
		}},
		{"from queue to queue it waits on", "W!", Action{Kind: ActTransfer, Queue: otherQueue}, "m", func(b, a Conversation) bool {
			return a.WaitingSince.Equal(epoch0)
		}},
		{"a new owner has it from now, awake", "T!z", Action{Kind: ActTransfer, Agent: agentB}, "g", func(b, a Conversation) bool {
			return a.OwnerSince.Equal(epoch1) && a.Unanswered && a.SnoozedUntil.IsZero()
		}},
		{"dealing with it leaves nothing unread", "T!z", Action{Kind: ActDealtWith}, "O", func(b, a Conversation) bool {
			return a.Unread == 0 && !a.Unanswered && a.SnoozedUntil.IsZero()
		}},
		{"archiving ends a snooze", "Tz", Action{Kind: ActArchive}, "O", func(b, a Conversation) bool {
			return a.SnoozedUntil.IsZero()
		}},
		{"a person's start has its time", "none", Action{Kind: ActStart}, "m", func(b, a Conversation) bool {
			return a.CreatedAt.Equal(epoch1) && a.OwnerSince.Equal(epoch1) && a.Epoch == 1 && a.ID == b.ID && !a.Unanswered
		}},
		{"what begins after a deleted one is another", "D", Action{Kind: ActStart}, "m", func(b, a Conversation) bool {
			return a.ID == 0 && a.Number == b.Number && a.Peer == b.Peer && a.CreatedAt.Equal(epoch1)
		}},
	} {
		before := stateIn(t, tt.state)
		after, _, err := before.Act(tt.action, roles[tt.by], epoch1)
		if err != nil || !tt.check(before, after) {
			t.Errorf("%s: %v\nbefore %+v\nafter  %+v", tt.name, err, before, after)
		}
	}
}

func TestReceiveTable(t *testing.T) {
	for _, tt := range []struct {
		kind  Arrival
		state string
		want  string
	}{
		{ArrivalText, "none", "W@number received+created"},
		{ArrivalText, "W", "W received"},
		{ArrivalText, "T", "T(O) received"},
		{ArrivalText, "Tz", "T(O) received+unsnoozed"},
		{ArrivalText, "TA", "T(O) received+unarchived"},
		{ArrivalText, "TAz", "T(O) received+unarchived+unsnoozed"},
		{ArrivalText, "C", "W@number received+reopened"},
		{ArrivalText, "C0", "W@number received+reopened"},
		{ArrivalText, "D", "W@number received+created"},
		{ArrivalKeyword, "none", "C()@number received"},
		{ArrivalKeyword, "W", "W received"},
		{ArrivalKeyword, "T", "T(O) received"},
		{ArrivalKeyword, "TA", "TA(O) received"},
		{ArrivalKeyword, "C", "C(L) received"},
		{ArrivalKeyword, "D", "C()@number received"},
		{ArrivalBlocked, "none", "C()@number "},
		{ArrivalBlocked, "W", "same"},
		{ArrivalBlocked, "T", "same"},
		{ArrivalBlocked, "TA", "same"},
		{ArrivalBlocked, "C", "same"},
		{ArrivalBlocked, "D", "C()@number "},
	} {
		before := stateIn(t, tt.state)
		after, events := before.Receive(tt.kind, numberQueue, epoch1)
		if got := answer(before, after, events, nil, -1); got != tt.want {
			t.Errorf("arrival %d on %s: %q; want %q", tt.kind, tt.state, got, tt.want)
		}
		from := before
		if before.Status == StatusDeleted {
			from = Conversation{}
			if after.ID != 0 {
				t.Errorf("arrival %d on %s: kept the ID of the deleted one", tt.kind, tt.state)
			}
		}
		if tt.state != "none" && tt.state != "D" {
			checkStep(t, from, after)
		} else if after.Epoch != before.Epoch+1 && after.Epoch != 1 {
			t.Errorf("arrival %d on %s: epoch %d", tt.kind, tt.state, after.Epoch)
		}
		wantUnread, wantUnanswered := before.Unread, before.Unanswered
		if tt.kind == ArrivalText {
			wantUnread, wantUnanswered = wantUnread+1, true
		}
		if after.Unread != wantUnread || after.Unanswered != wantUnanswered {
			t.Errorf("arrival %d on %s: unread %d, unanswered %v", tt.kind, tt.state, after.Unread, after.Unanswered)
		}
		if waits := before.Status != StatusWaiting && after.Status == StatusWaiting; waits && !after.WaitingSince.Equal(epoch1) {
			t.Errorf("arrival %d on %s: waiting since %v", tt.kind, tt.state, after.WaitingSince)
		}
	}
}

func TestVisibleTo(t *testing.T) {
	for state, want := range map[string]string{
		"none": "", "W": "mgspS", "T": "gsOpS", "TA": "gsOpS", "C": "gsLpS", "C0": "gspS", "D": "",
	} {
		view := stateIn(t, state).View()
		for role, actor := range roles {
			if got := view.VisibleTo(actor); got != strings.Contains(want, role) {
				t.Errorf("%s visible to %s: %v", state, role, got)
			}
		}
	}
	if (View{}).VisibleTo(roles["s"]) {
		t.Error("the zero view is visible")
	}
	if stateIn(t, "C0").View().VisibleTo(Actor{}) {
		t.Error("what nobody dealt with is visible to somebody without an ID")
	}
}
