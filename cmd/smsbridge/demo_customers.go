package main

import (
	"context"
	"math/rand/v2"
	"time"

	"smsbridge/gsm/gsmsim"
	"smsbridge/smpp/smppsim"
)

// unreachable is the customer whose telephone is off by the time of the answer.
const unreachable = "+12602058905"

// customer texts, and answers what agents reply.
type customer struct {
	name, number string
	texts        string // the number of ours
	talks        []talk
}

// talk is a customer's side of a conversation: each reply gets one answer.
type talk struct {
	opening string
	answers []string
}

func customers() []customer {
	return []customer{
		{"Maya", "+12602058901", demoNumber, []talk{
			{"Hi, is my order ready? It's 4711.", []string{"Great, I'll be there at five.", "Thank you!"}},
			{"Forgot to ask: can I pay by card?", []string{"Perfect, thanks."}},
		}},
		{"Ivy", "+12602058911", demoSIM, []talk{
			{"Hello, the bell at the side door does not work. Can somebody let me in?", []string{"I see you, thanks!", "😊"}},
			{"It is me again, at the side door.", []string{"Thank you!"}},
		}},
		{"Leo", "+12602058902", demoNumber, []talk{
			{"Hello! 🎂 Could you make a birthday cake for Saturday? Chocolate 🍫, twelve candles and 'Happy 7th, Nora!' on top. 🙏",
				[]string{"Wonderful 🎉 How much would that be?", "Deal. See you on Saturday! 👋"}},
			{"Nora wants strawberries on it, too 🍓 Still possible?", []string{"You are the best 🎉"}},
		}},
		{"Grace", "+12602058903", demoNumber, []talk{
			{"Do you have a table for four tonight, around 7?", []string{"7:30 is fine too.", "Booked, thanks. Grace"}},
			{"We will be five tonight, sorry. Is that OK?", []string{"Phew. Thanks!"}},
		}},
		{"Omar", "+12602058904", demoNumber, []talk{
			{"My parcel came open and one cup is broken. What do I do?", []string{"I can send a photo by mail. Which address?", "Sent. Thanks for the quick help."}},
		}},
		{"Sam", "+12602058912", demoSIM, []talk{
			{"Running 10 minutes late, sorry. Sam", []string{"Great, see you.", "Parked. On my way up."}},
		}},
		{"Kim", unreachable, demoNumber, []talk{
			{"Battery almost empty, quick: until when are you open?", nil},
			{"Back, was offline. So until when are you open?", nil},
		}},
		{"Zoë", "+12602058906", demoNumber, []talk{
			{"Bonjour, est-ce que vous parlez français ?", []string{"Super ! Vous êtes ouverts dimanche ?", "Merci, à dimanche."}},
		}},
	}
}

// Pauses of the customers. The first ones text soon, so that there is something
// to see; then it is a quiet shop.
const (
	firstOpening = time.Second
	soonOpenings = 4
	soonAfter    = 4 * time.Second
	quietFor     = time.Minute     // after a reply, before another talk
	patience     = 3 * time.Minute // without a reply, before another talk
	triesAtMost  = 3               // talks without a reply, after which a customer gives up
	deliverLimit = 30 * time.Second
)

// How long the modem's network takes to accept a text, and to deliver it then. Real
// ones take some seconds for the first.
const (
	modemTakes    = time.Second
	modemDelivers = 1500 * time.Millisecond
)

// town is everybody who may text. A demo that nobody attends to falls silent:
// after a few texts without a reply a customer gives up.
type town struct {
	smsc    *smppsim.SMSC
	mobile  *gsmsim.Network // of the modem
	rand    *rand.Rand
	replies chan string // numbers that an agent has written to
	people  []*resident
	opened  int
	opening time.Time // of the next talk
	turn    int
}

type resident struct {
	customer
	talk     int
	answers  []string
	tries    int       // talks begun since the last reply
	speakAt  time.Time // of the next answer
	quietTil time.Time
}

func newTown(smsc *smppsim.SMSC, mobile *gsmsim.Network) *town {
	t := &town{smsc: smsc, mobile: mobile, rand: rand.New(rand.NewPCG(4711, 0)), replies: make(chan string, 64)}
	for _, c := range customers() {
		t.people = append(t.people, &resident{customer: c})
	}
	return t
}

// run lets them text until ctx ends.
func (t *town) run(ctx context.Context) {
	hear := func(number string) {
		select {
		case t.replies <- number:
		case <-ctx.Done():
		}
	}
	t.smsc.OnMessage(func(m smppsim.Message) { hear(m.To) })
	t.mobile.OnSubmit(func(s gsmsim.Submitted) gsmsim.Fate {
		if s.Complete {
			hear(s.To)
		}
		return gsmsim.Fate{Delay: modemTakes, Reports: []gsmsim.Report{{After: modemDelivers}}}
	})
	t.opening = time.Now().Add(firstOpening)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(time.Until(t.next()))
		select {
		case <-ctx.Done():
			return
		case number := <-t.replies:
			t.heard(number, time.Now())
		case <-timer.C:
			t.speak(ctx, time.Now())
		}
	}
}

// next is when somebody texts next.
func (t *town) next() time.Time {
	at := t.opening
	for _, p := range t.people {
		if !p.speakAt.IsZero() && p.speakAt.Before(at) {
			at = p.speakAt
		}
	}
	return at
}

// heard lets a customer think about an agent's reply.
func (t *town) heard(number string, now time.Time) {
	for _, p := range t.people {
		if p.number != number {
			continue
		}
		p.tries = 0
		p.quietTil = now.Add(quietFor)
		if len(p.answers) > 0 && p.speakAt.IsZero() {
			p.speakAt = now.Add(t.between(3*time.Second, 7*time.Second))
		}
	}
}

// speak sends what is due.
func (t *town) speak(ctx context.Context, now time.Time) {
	for _, p := range t.people {
		if !p.speakAt.IsZero() && !p.speakAt.After(now) {
			text := p.answers[0]
			p.answers, p.speakAt = p.answers[1:], time.Time{}
			t.send(ctx, p, text)
		}
	}
	if t.opening.After(now) {
		return
	}
	t.opening = now.Add(t.between(12*time.Second, 30*time.Second))
	if t.opened < soonOpenings {
		t.opening = now.Add(soonAfter)
	}
	for range t.people {
		p := t.people[t.turn%len(t.people)]
		t.turn++
		if p.tries >= triesAtMost || !p.speakAt.IsZero() || p.quietTil.After(now) {
			continue
		}
		talk := p.talks[p.talk%len(p.talks)]
		p.talk++
		p.answers, p.quietTil = talk.answers, now.Add(patience)
		p.tries++
		t.opened++
		t.send(ctx, p, talk.opening)
		return
	}
}

// send texts one of the daemon's numbers; what goes over SMPP is waited for until
// the daemon has acknowledged it. After the limit the simulated carrier goes on
// trying by itself, as the modem's network does at once.
func (t *town) send(ctx context.Context, p *resident, text string) {
	if p.texts == demoSIM {
		_ = t.mobile.Text(p.number, p.texts, text) // what comes of it is seen as well
		return
	}
	ctx, cancel := context.WithTimeout(ctx, deliverLimit)
	defer cancel()
	// What comes of it is seen in the live account, or missing there.
	_, _ = t.smsc.Deliver(ctx, p.number, p.texts, text, smppsim.Via(demoAccount))
}

func (t *town) between(shortest, longest time.Duration) time.Duration {
	return shortest + time.Duration(t.rand.Int64N(int64(longest-shortest)))
}
