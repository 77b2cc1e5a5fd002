package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// tableRow is a row of the table "Conversations: the rules" of
// docs/ARCHITECTURE.md: an action as it is done over HTTP, or a text that a
// customer sends, and what becomes of a conversation by it.
//
// The states are W waiting in Sales; T, TA and Tz taken by O, as it is, archived
// and snoozed; C and C0 closed, dealt with by L and by nobody; D deleted. A cell
// says by whom it may be done, the state that follows, "=" where that is the
// state as it was, and the events. Who is not named is refused by the rule of
// refusal; what a cell refuses otherwise it says with status and code, to v who
// see it or to some.
type tableRow struct {
	name    string
	request func(*stage, *attempted) (method, path string, body any)
	arrives string // a customer's text
	blocked bool   // whose peer is blocked
	status  int    // of success
	cells   string
}

// The people: m and u are members of Sales, g manages it, s owns the system; O and
// L have and had the conversation and are not in Sales; x is in General alone. B
// gets what is transferred, and n is in the queue to which it is. p is a program
// with conversations:write, c the customer. me is who does it.
var tableRows = []tableRow{
	{name: "customer's text", arrives: "hello again",
		cells: "none D: c W received created; W T: c = received; TA: c T(O) received unarchived; Tz: c T(O) received unsnoozed; C C0: c W received reopened"},
	{name: "STOP", arrives: "STOP",
		cells: "none D: c C() received; W T TA Tz C C0: c = received"},
	{name: "text of a blocked customer", arrives: "hello again", blocked: true,
		cells: "none D: c C(); W T TA Tz C C0: c ="},
	{name: "take", request: actRequest("POST", "/take", nil), status: 200,
		cells: "W: mgs T(me) taken; T TA Tz: O =; C: Lgs T(me) taken reopened; C0: gs T(me) taken reopened"},
	{name: "take of what has changed", request: actRequest("POST", "/take", map[string]int{"epoch": 99}), status: 200,
		cells: "W T TA Tz C C0: v 409 stale_epoch"},
	{name: "reply", request: actRequest("POST", "/messages", replyBody{Text: "hi"}), status: 202,
		cells: "W: mgs T(me) sent taken; T Tz: O = sent; TA: O T(O) sent unarchived; C: Lgs T(me) sent taken reopened; C0: gs T(me) sent taken reopened"},
	{name: "start", request: startRequest, status: 201,
		cells: "none D: mgs T(me) sent created; W: mgs T(me) sent taken; T Tz: O = sent; TA: O T(O) sent unarchived; C C0: mgs T(me) sent taken reopened"},
	{name: "program's text", request: programRequest, status: 202,
		cells: "none D: p C() sent created; W T TA Tz C C0: p = sent"},
	{name: "transfer to B", request: transferRequest("B", ""), status: 200,
		cells: "W: mgsp T(B) transferred; T TA Tz: Ogsp T(B) transferred; C: Lgsp T(B) transferred reopened; C0: gsp T(B) transferred reopened"},
	{name: "transfer to oneself", request: transferRequest("me", ""), status: 200, // a manager takes over by it; the note is kept
		cells: "W: mgs T(me) transferred; T Tz: gs T(me) transferred | O = sent; TA: gs T(me) transferred | O T(O) transferred; C: Lgs T(me) transferred reopened; " +
			"C0: gs T(me) transferred reopened; none W T TA Tz C C0 D: p 422 agent_unavailable"},
	{name: "transfer to another queue", request: transferRequest("", "Other"), status: 200,
		cells: "W: mgsp W@other transferred; T TA Tz: Ogsp W@other transferred; C: Lgsp W@other transferred reopened; C0: gsp W@other transferred reopened"},
	{name: "transfer to its queue", request: transferRequest("", "Sales"), status: 200,
		cells: "W: mgsp = sent; T TA Tz: Ogsp W transferred; C: Lgsp W transferred reopened; C0: gsp W transferred reopened"},
	{name: "release", request: actRequest("POST", "/release", nil), status: 200,
		cells: "W: mgsp =; T TA Tz: Ogsp W released"},
	{name: "dealt with", request: actRequest("POST", "/dealt-with", dealtWithBody{Reason: "sold"}), status: 200,
		cells: "W: mgs C(me) dealt_with | p C() dealt_with; T TA Tz: Ogsp C(O) dealt_with; C: Lgsp =; C0: gsp ="},
	{name: "archive", request: actRequest("POST", "/archive", nil), status: 200,
		cells: "T Tz: O TA(O) archived; TA: Ogsp =; C: Lgsp =; C0: gsp ="},
	{name: "unarchive", request: actRequest("POST", "/unarchive", nil), status: 200,
		cells: "W: mgsp =; T Tz: Ogsp =; TA: O T(O) unarchived; C: Lgs T(me) reopened taken | p 403 forbidden; C0: gs T(me) reopened taken | p 403 forbidden"},
	{name: "delete", request: actRequest("DELETE", "", nil), status: 204,
		cells: "W: mgsp 409 not_archived; T Tz: Ogsp 409 not_archived; TA: Ogsp D deleted; C: Lgsp D deleted; C0: gsp D deleted"},
	{name: "read", request: actRequest("POST", "/read", nil), status: 200,
		cells: "W: mgsp =; T TA Tz: O = read; C: Lgsp =; C0: gsp ="},
	{name: "snooze", request: snoozeRequest(time.Hour), status: 200,
		cells: "T TA: O Tz(O) snoozed; Tz: O = snoozed"},
	{name: "end of a snooze", request: snoozeRequest(-time.Hour), status: 200,
		cells: "T TA: O =; Tz: O T(O) unsnoozed"},
	{name: "note", request: actRequest("POST", "/notes", noteBody{Text: "a friend"}), status: 200,
		cells: "W: mgsp = sent; T TA Tz: Ogsp = sent; C: Lgsp = sent; C0: gsp = sent"},
	{name: "block", request: actRequest("POST", "/block", nil), status: 200,
		cells: "W: mgsp = updated; T TA Tz: Ogsp = updated; C: Lgsp = updated; C0: gsp = updated"},
	{name: "opt-out", request: actRequest("POST", "/opt-out", map[string]bool{"opted_out": true}), status: 200, // where there is that route
		cells: "W: mgsp = updated; T TA Tz: Ogsp = updated; C: Lgsp = updated; C0: gsp = updated"},
}

const tableStates = "none W T TA Tz C C0 D"

// sees returns the letters of who sees a conversation that is there.
func (s *stage) sees(p standing) string {
	switch {
	case p.status == "W" && p.other:
		return "nsp"
	case p.status == "W" && s.narrow: // offered to the first of its members
		return "mgsp"
	case p.status == "W":
		return "mugsp"
	case p.taken() && s.readable:
		return "mugsp" + p.who
	case p.taken(), p.status == "C":
		return "gsp" + p.who
	}
	return ""
}

// lists returns the views in which who sees it has it.
func (s *stage) lists(p standing, who string) string {
	switch mine := who == p.who; {
	case !strings.Contains(s.sees(p), who):
		return ""
	case p.status == "W":
		return "default waiting all"
	case p.status == "Tz" && mine:
		return "all snoozed"
	case p.status == "T" && mine:
		return "default mine all"
	case p.status == "TA", p.status == "C":
		return "all archived"
	}
	return "all"
}

// refusal is how somebody is refused whom a cell does not name: to take or answer
// what another has, members of its queue get its owner's name; for other actions,
// who sees it is told that it is not theirs; to all others it is not there.
func (s *stage) refusal(row *tableRow, from standing, by string) (status int, code string) {
	sees, member, take := strings.Contains(s.sees(from), by), strings.Contains("mugs", by), strings.HasPrefix(row.name, "take")
	there := from.status != "none" && from.status != "D"
	switch {
	case row.name == "program's text", row.name == "start" && by == "p", (take || row.name == "reply") && there && by == "p":
		return http.StatusForbidden, "forbidden"
	case row.name == "start" && !member:
		return http.StatusUnprocessableEntity, "number_not_ours"
	case take && from.taken() && member:
		return http.StatusConflict, "already_taken"
	case (row.name == "reply" || row.name == "start") && from.taken() && member:
		return http.StatusConflict, "owned_by_other"
	case sees:
		return http.StatusConflict, "not_owner"
	}
	return http.StatusNotFound, "not_found"
}

// TestTable tries every action on every state by everybody, and looks at what ten
// people see of it then, on their lists and on their open streams.
func TestTable(t *testing.T) {
	playTable(t, gateway.DefaultQueueSettings(), "mugsOLxp")
}

// TestTableWhereMembersRead has Sales let its members read what others have
// taken: they change nothing.
func TestTableWhereMembersRead(t *testing.T) {
	settings := gateway.DefaultQueueSettings()
	settings.Readable = true
	playTable(t, settings, "mugO")
}

// TestTableWhereSomeAreOffered has Sales offer what waits to the first of its
// members: to u, who is second, it is not there.
func TestTableWhereSomeAreOffered(t *testing.T) {
	settings := gateway.DefaultQueueSettings()
	settings.Offer = gateway.OfferFirst
	playTable(t, settings, "mugO")
}

func actRequest(method, path string, body any) func(*stage, *attempted) (string, string, any) {
	return func(_ *stage, c *attempted) (string, string, any) {
		return method, "/conversations/" + c.id + path, body
	}
}

func startRequest(_ *stage, c *attempted) (string, string, any) {
	return "POST", "/conversations", startBody{From: ours, To: c.peer, Text: "hi"}
}

func programRequest(_ *stage, c *attempted) (string, string, any) {
	return "POST", "/messages", SendBody{From: ours, To: c.peer, Text: "hi"}
}

func transferRequest(agent, queue string) func(*stage, *attempted) (string, string, any) {
	return func(s *stage, c *attempted) (string, string, any) {
		body := transferBody{Note: "yours"}
		switch {
		case agent == "me" && c.by == "p":
			body.Agent = gateway.ID(1).String() // it is nobody
		case agent == "me":
			body.Agent = s.people[cast[c.by]].String()
		case agent != "":
			body.Agent = s.people[cast[agent]].String()
		default:
			body.Queue = map[string]gateway.ID{"Sales": s.queue, "Other": s.other}[queue].String()
		}
		return "POST", "/conversations/" + c.id + "/transfer", body
	}
}

func snoozeRequest(in time.Duration) func(*stage, *attempted) (string, string, any) {
	return func(_ *stage, c *attempted) (string, string, any) {
		until := time.Now().Add(in)
		return "POST", "/conversations/" + c.id + "/snooze", snoozeBody{Until: &until}
	}
}

// TestOfferReachesMore has what waits offered to one, and then to more: because
// the one has left, because its time is over, and because the queue's settings
// say so. Whom it reaches then gets it whole.
func TestOfferReachesMore(t *testing.T) {
	t.Parallel()
	settings := gateway.DefaultQueueSettings()
	settings.Offer = gateway.OfferFirst
	for name, more := range map[string]func(*stage){
		"the first leaves":   func(s *stage) { s.clients["m"].do("PATCH", "/me", availability{"away"}) },
		"its time is over":   func(*stage) {},
		"for everyone again": func(s *stage) { s.configure(gateway.DefaultQueueSettings()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := settings
			if name == "its time is over" {
				set.WidenAfter = gateway.Duration(time.Second)
			}
			s := newStage(t, set)
			s.arrive(customer, ours, "hello")
			id := s.clients["g"].list(t, "?view=waiting")[0].ID
			if set.WidenAfter == 0 { // otherwise it is offered to u at any moment
				refused(t, s.clients["u"].do("GET", "/conversations/"+id, nil), 404, "not_found")
				refused(t, s.clients["u"].do("POST", "/conversations/"+id+"/take", nil), 404, "not_found")
			}
			more(s)
			for who, expected := range map[string]string{
				"m": "message.received conversation.created conversation.offered", "g": "message.received conversation.created conversation.offered",
				"u": "conversation.offered",
			} {
				for want := range strings.FieldsSeq(expected) {
					if e := s.next(who); e.Type != want || e.Data.Gone || e.Data.Conversation.Peer != customer || e.Data.Conversation.LastMessage.Text != "hello" {
						t.Fatalf("%s: %+v, want %s whole", who, e, want)
					}
				}
			}
			if got := s.clients["u"].list(t, ""); len(got) != 1 || got[0].ID != id {
				t.Errorf("u's queue: %+v", got)
			}
			s.emit(1)
			for _, who := range []string{"O", "x", "n"} {
				if e := s.next(who); e.Type != "carrier.up" {
					t.Errorf("%s: %+v", who, e)
				}
			}
			want[Conversation](t, s.clients["u"].do("POST", "/conversations/"+id+"/take", nil), 200)
		})
	}
}

// configure gives Sales other settings.
func (s *stage) configure(settings gateway.QueueSettings) {
	s.t.Helper()
	s.update(func(tx *store.Tx) error {
		_, err := tx.SaveQueue(store.Queue{ID: s.queue, Name: "Sales", Settings: settings})
		return err
	})
	s.narrow, s.readable = settings.Restricts(), settings.Readable
}
