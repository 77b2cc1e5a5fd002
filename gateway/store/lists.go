package store

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"smsbridge/gateway"
)

// Place is where a page of a list begins: behind the row with this time and ID.
type Place struct {
	At time.Time
	ID gateway.ID
}

// ConversationList says which conversations to list. Visibility is the
// caller's business: Visible is what the person may see at most.
type ConversationList struct {
	Waiting, Mine, Closed bool // the states wanted; none: all three, archived or not
	Archived              *bool
	Snoozed               *bool      // what is taken: put off, or not
	Queue                 gateway.ID // 0: any
	Numbers               []string   // of a limited token; nil: all
	Search                string     // part of the customer's number, of their contact's name or company, or of a text or note
	Digits                string     // part of the customer's number, beside Search; "": none
	OldestFirst           bool       // by the time it began to wait
	Visible               Visible
	After                 *Place
	Limit                 int
}

// Visible bounds a list by what somebody may see.
type Visible struct {
	Everything bool
	Person     gateway.ID
	Member     []gateway.ID // queues
	Manages    []gateway.ID // queues, also among Member
	Reads      []gateway.ID // those of Member whose taken conversations members may read
}

// Conversations lists conversations, newest change first.
func (db *DB) Conversations(ctx context.Context, l ConversationList) ([]gateway.Conversation, error) {
	text, args := l.build()
	if text == "" {
		return nil, nil
	}
	return collect(ctx, db, scanShownConversation, text, args...)
}

// maxBranches is how many branches a statement may have. SQLite takes 500; long
// before that, who manages so many queues sees nearly everything, and finds it
// as soon by reading on.
const maxBranches = 100

// build writes the statement, or none if there can be no such conversation. Each kind of conversation that is wanted is a
// branch of its own, which reads as many rows as are wanted from an index that
// has them in order; what the branches find is merged. One condition with OR
// instead would read the whole table.
func (l *ConversationList) build() (string, []any) {
	q := &query{}
	by, sign, order := "updated_at", "<", " DESC"
	if l.OldestFirst {
		by, sign, order = "waiting_since", ">", ""
	}
	limit := q.arg(l.Limit)
	tail := " ORDER BY " + by + order + ", id" + order + " LIMIT " + limit
	filter := l.filter(q)
	if l.After != nil {
		filter += " AND (" + by + ", id) " + sign + " (" + q.arg(micros(l.After.At)) + ", " + q.arg(int64(l.After.ID)) + ")"
	}
	branches := l.branches(q)
	for i, b := range branches {
		branches[i] = "SELECT * FROM (SELECT id, " + by + " FROM conversations WHERE " + b + filter + tail + ") AS b" + strconv.Itoa(i)
	}
	if len(branches) == 0 {
		return "", nil
	}
	return "SELECT " + shownConversation + " FROM conversations WHERE id IN (SELECT id FROM (" + strings.Join(branches, " UNION ") + ") AS merged" + tail + ")" +
		" ORDER BY " + by + order + ", id" + order, q.args
}

// filter writes the conditions that all branches share.
func (l *ConversationList) filter(q *query) string {
	text := ""
	if l.Numbers != nil {
		text += " AND number IN (" + q.texts(l.Numbers) + ")"
	}
	if l.Search != "" {
		like := q.arg("%" + escapeLike(l.Search) + "%")
		name := q.arg("%" + escapeLike(folded(l.Search)) + "%")
		text += ` AND (peer LIKE ` + like + ` ESCAPE '!'`
		if l.Digits != "" {
			text += " OR peer LIKE " + q.arg("%"+escapeLike(l.Digits)+"%") + " ESCAPE '!'"
		}
		text += `
			OR EXISTS (SELECT 1 FROM contact_numbers n JOIN contacts k ON k.id = n.contact
				WHERE n.peer = conversations.peer AND n.peer_kind = conversations.peer_kind AND k.folded LIKE ` + name + ` ESCAPE '!')
			OR EXISTS (SELECT 1 FROM messages m WHERE m.conversation = conversations.id AND m.kind <> ` + q.arg(int64(gateway.KindSystem)) + ` AND LOWER(m.text) LIKE LOWER(` + like + `) ESCAPE '!'))`
	}
	return text
}

// branches are conditions of which each finds its rows in an index, in the
// order of their last change, and which together find all that is wanted. A row
// may be found by two.
func (l *ConversationList) branches(q *query) []string {
	b := &branching{q: q, list: l}
	all := !l.Waiting && !l.Mine && !l.Closed
	if (all || l.Waiting) && l.wants(false) {
		b.waiting()
	}
	for _, archived := range []bool{false, true} {
		switch {
		case !l.wants(archived):
		case all:
			b.taken(archived)
		case l.Mine:
			b.owned(archived)
		}
	}
	if (all || l.Closed) && l.wants(true) {
		b.closed()
	}
	return b.conditions
}

func (l *ConversationList) wants(archived bool) bool {
	return l.Archived == nil || *l.Archived == archived
}

// branching collects the branches of a list.
type branching struct {
	q          *query
	list       *ConversationList
	conditions []string
}

const (
	isWaiting = "status = 1 AND archived = 0"
	isClosed  = "status = 3 AND archived = 1"
)

func (b *branching) add(condition string) { b.conditions = append(b.conditions, condition) }

// in adds a state in these queues.
func (b *branching) in(queues []gateway.ID, state string) {
	if len(queues) > 0 && len(b.conditions)+len(queues) > maxBranches {
		b.add("+queue IN (" + b.q.list(queues) + ") AND " + state) // + keeps the indexes of queues out of it
		return
	}
	for _, id := range queues {
		b.add("queue = " + b.q.arg(int64(id)) + " AND " + state)
	}
}

// managed and others are the queues of a list that the person manages and does
// not, or of them the one that is wanted.
func (b *branching) managed() []gateway.ID { return b.only(b.list.Visible.Manages, true) }

func (b *branching) others(queues []gateway.ID) []gateway.ID { return b.only(queues, false) }

func (b *branching) only(queues []gateway.ID, managed bool) (all []gateway.ID) {
	for _, id := range queues {
		if (b.list.Queue == 0 || b.list.Queue == id) && slices.Contains(b.list.Visible.Manages, id) == managed {
			all = append(all, id)
		}
	}
	return all
}

func (b *branching) queue() string { return b.q.arg(int64(b.list.Queue)) }

// everywhere adds a state for those who see everything.
func (b *branching) everywhere(state string) {
	if b.list.Queue != 0 {
		state = "queue = " + b.queue() + " AND " + state
	}
	b.add(state)
}

// own adds what a column says is the person's own. 0 is no owner, not an owner.
func (b *branching) own(column, state string) {
	if b.list.Visible.Person == 0 {
		return
	}
	text := column + " = " + b.q.arg(int64(b.list.Visible.Person)) + " AND " + column + " <> 0 AND " + state
	if b.list.Queue != 0 {
		text += " AND +queue = " + b.queue() // a person's own are fewer than a queue's
	}
	b.add(text)
}

// waiting adds what waits: to members, if it is offered to them.
func (b *branching) waiting() {
	v := &b.list.Visible
	if v.Everything {
		b.everywhere(isWaiting)
		return
	}
	b.in(b.managed(), isWaiting)
	if members := b.others(v.Member); len(members) > 0 {
		b.in(members, isWaiting+" AND (offered = '' OR offered LIKE "+b.q.arg("% "+v.Person.String()+" %")+")")
	}
}

func (b *branching) takenState(archived bool) string {
	state := "archived = 0"
	if archived {
		state = "archived = 1"
	}
	switch s := b.list.Snoozed; {
	case s == nil:
		return state
	case *s:
		return state + " AND snoozed_until <> 0"
	}
	return state + " AND snoozed_until = 0"
}

// owned adds what the person has taken.
func (b *branching) owned(archived bool) { b.own("owner", b.takenState(archived)) }

// taken adds what anybody has taken.
func (b *branching) taken(archived bool) {
	v, state := &b.list.Visible, "status = 2 AND "+b.takenState(archived)
	if v.Everything {
		b.everywhere(state)
		return
	}
	b.owned(archived)
	b.in(b.managed(), state)
	b.in(b.others(v.Reads), state)
}

// closed adds what is closed.
func (b *branching) closed() {
	v := &b.list.Visible
	if v.Everything {
		b.everywhere(isClosed)
		return
	}
	b.own("last_owner", isClosed)
	b.in(b.managed(), isClosed)
}

func escapeLike(s string) string {
	return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(s)
}

// Counts are the numbers that a client shows on its badges. They agree with the
// lists of the same states.
type Counts struct {
	Waiting  int // in the person's sight
	Mine     int // taken by the person, not archived and not put off
	Unread   int // texts in Mine that its owner has not read
	WithText int // of Mine, how many have any
	Snoozed  int // taken by the person and put off
}

// Counts counts what somebody sees. numbers is what a token is limited to; nil: all.
func (db *DB) Counts(ctx context.Context, v Visible, numbers []string) (Counts, error) {
	q := &query{}
	l := ConversationList{Waiting: true, Visible: v, Numbers: numbers}
	waiting := []string{"0"}
	for _, b := range l.branches(q) {
		waiting = append(waiting, "(SELECT COUNT(*) FROM conversations WHERE "+b+l.filter(q)+")")
	}
	me := q.arg(int64(v.Person))
	c, _, err := first(collect(ctx, db, func(r rows) (c Counts, err error) {
		return c, r.Scan(&c.Waiting, &c.Mine, &c.Unread, &c.WithText, &c.Snoozed)
	}, `SELECT `+strings.Join(waiting, " + ")+`, COALESCE(SUM(CASE WHEN snoozed_until = 0 THEN 1 ELSE 0 END), 0),
		COALESCE(SUM(CASE WHEN snoozed_until = 0 THEN unread ELSE 0 END), 0),
		COALESCE(SUM(CASE WHEN snoozed_until = 0 AND unread > 0 THEN 1 ELSE 0 END), 0),
		COALESCE(SUM(CASE WHEN snoozed_until <> 0 THEN 1 ELSE 0 END), 0)
		FROM conversations WHERE owner = `+me+` AND owner <> 0 AND archived = 0`+l.filter(q), q.args...))
	return c, err
}
