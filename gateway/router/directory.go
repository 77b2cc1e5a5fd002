package router

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// Directory knows people, programs and queues as they are now. It is a copy of
// small tables, replaced whole when any process has changed them, so that
// asking costs nothing. Safe for concurrent use.
type Directory struct {
	db      *store.DB
	current atomic.Pointer[directory]
	mu      sync.Mutex // one reload at a time
	changed chan struct{}
	changes sync.Mutex // guards changed
}

type directory struct {
	version int64
	people  map[gateway.ID]store.Person
	byExt   map[string]gateway.ID
	tokens  map[[32]byte]store.Token
	queues  map[gateway.ID]store.Queue
	members map[gateway.ID]map[gateway.ID]bool // person -> queue -> manages
	reads   map[gateway.ID]map[gateway.ID]bool // person -> queue whose taken conversations they may read
	within  map[gateway.ID][]store.Member      // queue -> its members, in their order
	numbers map[string]store.Number
	signIns map[[32]byte]store.SignIn
	pushed  map[gateway.ID]bool
}

// OpenDirectory reads the directory.
func OpenDirectory(ctx context.Context, db *store.DB) (*Directory, error) {
	d := &Directory{db: db, changed: make(chan struct{})}
	return d, d.Reload(ctx)
}

// Reload reads the directory again. Who changed it calls this before answering.
func (d *Directory) Reload(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	version, err := d.db.DirectoryVersion(ctx)
	if err != nil {
		return err
	}
	if cur := d.current.Load(); cur != nil && cur.version == version {
		return nil
	}
	all, err := d.db.Directory(ctx)
	if err != nil {
		return err
	}
	n := &directory{version: version, people: map[gateway.ID]store.Person{}, byExt: map[string]gateway.ID{}, tokens: map[[32]byte]store.Token{},
		queues: map[gateway.ID]store.Queue{}, members: map[gateway.ID]map[gateway.ID]bool{}, reads: map[gateway.ID]map[gateway.ID]bool{},
		within: map[gateway.ID][]store.Member{}, numbers: all.Numbers, signIns: map[[32]byte]store.SignIn{}, pushed: all.Pushed}
	for _, q := range all.Queues {
		n.queues[q.ID] = q
	}
	for _, p := range all.People {
		n.people[p.ID], n.byExt[p.Extension] = p, p.ID
		n.members[p.ID] = map[gateway.ID]bool{store.GeneralQueue: false}
	}
	for _, m := range all.Members {
		if _, ok := n.queues[m.Queue]; ok && n.members[m.Person] != nil {
			n.members[m.Person][m.Queue] = m.Manages
			n.within[m.Queue] = append(n.within[m.Queue], m)
		}
	}
	n.addGeneral(all.People)
	for person, queues := range n.members {
		for q := range queues {
			if n.queues[q].Settings.Readable {
				if n.reads[person] == nil {
					n.reads[person] = map[gateway.ID]bool{}
				}
				n.reads[person][q] = true
			}
		}
	}
	for _, t := range all.Tokens {
		if t.RevokedAt.IsZero() && len(t.Hash) == sha256.Size {
			n.tokens[[32]byte(t.Hash)] = t
		}
	}
	for _, s := range all.SignIns {
		if p := n.people[s.Person]; p.DisabledAt.IsZero() && len(s.Hash) == sha256.Size {
			n.signIns[[32]byte(s.Hash)] = s
		}
	}
	d.current.Store(n)
	d.changes.Lock()
	close(d.changed)
	d.changed = make(chan struct{})
	d.changes.Unlock()
	return nil
}

// addGeneral puts who is nowhere in particular into General: everybody is in it,
// system owners by being that.
func (n *directory) addGeneral(people []store.Person) {
	in := map[gateway.ID]bool{}
	for _, m := range n.within[store.GeneralQueue] {
		in[m.Person] = true
	}
	people = slices.Clone(people)
	slices.SortStableFunc(people, func(a, b store.Person) int { return strings.Compare(a.Extension, b.Extension) })
	for _, p := range people {
		if !in[p.ID] && p.Role != "owner" {
			n.within[store.GeneralQueue] = append(n.within[store.GeneralQueue], store.Member{Queue: store.GeneralQueue, Person: p.ID})
		}
	}
}

// Changed returns a channel that is closed when the directory next changes.
func (d *Directory) Changed() <-chan struct{} {
	d.changes.Lock()
	defer d.changes.Unlock()
	return d.changed
}

// watch notices what other processes change, until ctx ends.
func (d *Directory) watch(ctx context.Context, failed func(error)) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := d.Reload(ctx); err != nil && ctx.Err() == nil {
			failed(err)
		}
	}
}

// Actor returns the person as they are now; false if there is no such person,
// or they are disabled.
func (d *Directory) Actor(id gateway.ID) (gateway.Actor, bool) {
	cur := d.current.Load()
	p, ok := cur.people[id]
	if !ok || !p.DisabledAt.IsZero() {
		return gateway.Actor{}, false
	}
	return gateway.Actor{Kind: gateway.ActorPerson, ID: p.ID, Name: p.Name, Extension: p.Extension,
		SystemOwner: p.Role == "owner", Queues: cur.members[p.ID], Reads: cur.reads[p.ID]}, true
}

// Person returns a person, disabled ones too.
func (d *Directory) Person(id gateway.ID) (store.Person, bool) {
	p, ok := d.current.Load().people[id]
	return p, ok
}

// ByExtension finds the person who signs in with an extension.
func (d *Directory) ByExtension(extension string) (store.Person, bool) {
	cur := d.current.Load()
	p, ok := cur.people[cur.byExt[extension]]
	return p, ok
}

// People lists everybody, by extension.
func (d *Directory) People() []store.Person {
	var all []store.Person
	for _, p := range d.current.Load().people {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b store.Person) int { return strings.Compare(a.Extension, b.Extension) })
	return all
}

// Token returns the token with this hash, if it is in use.
func (d *Directory) Token(hash [32]byte) (store.Token, bool) {
	t, ok := d.current.Load().tokens[hash]
	return t, ok
}

// SignIn returns the session with this hash.
func (d *Directory) SignIn(hash [32]byte) (store.SignIn, bool) {
	s, ok := d.current.Load().signIns[hash]
	return s, ok
}

// QueueName returns a queue's name; false if there is no such queue.
func (d *Directory) QueueName(id gateway.ID) (string, bool) {
	q, ok := d.current.Load().queues[id]
	return q.Name, ok
}

// Queue returns a queue; false if there is no such queue.
func (d *Directory) Queue(id gateway.ID) (store.Queue, bool) {
	q, ok := d.current.Load().queues[id]
	return q, ok
}

// Queues lists all queues.
func (d *Directory) Queues() []store.Queue {
	var all []store.Queue
	for _, q := range d.current.Load().queues {
		all = append(all, q)
	}
	slices.SortFunc(all, func(a, b store.Queue) int { return int(a.ID - b.ID) })
	return all
}

// Members lists who is in a queue, in its order, disabled people left out.
func (d *Directory) Members(queue gateway.ID) []store.Member {
	cur := d.current.Load()
	var all []store.Member
	for _, m := range cur.within[queue] {
		if cur.people[m.Person].DisabledAt.IsZero() {
			all = append(all, m)
		}
	}
	return all
}

// Number returns whose one of our numbers is: General's, unless somebody has said
// otherwise.
func (d *Directory) Number(number string) store.Number {
	if n, ok := d.current.Load().numbers[number]; ok {
		return n
	}
	return store.Number{Number: number, Queue: store.GeneralQueue}
}

// QueueOf returns the queue in which a number's texts wait.
func (d *Directory) QueueOf(number string) gateway.ID { return d.Number(number).Queue }

// Sessions lists everybody's sessions, the newest first.
func (d *Directory) Sessions() []store.SignIn {
	var all []store.SignIn
	for _, s := range d.current.Load().signIns {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b store.SignIn) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return all
}

// Tokens lists the tokens in use, the newest first.
func (d *Directory) Tokens() []store.Token {
	var all []store.Token
	for _, t := range d.current.Load().tokens {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b store.Token) int { return int(b.ID - a.ID) })
	return all
}
