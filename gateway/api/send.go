package api

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/router"
)

const (
	maxKey       = 255 // octets of an Idempotency-Key
	maxReference = 255 // octets of a program's own reference
	maxBatch     = 1000
	batchAtOnce  = 256 // as many as the store commits together
)

// Idempotent is the header of what may be repeated.
type Idempotent struct {
	Key string `header:"Idempotency-Key" doc:"The same key and body within 24 h give the same answer, and send once"`
}

type replyBody struct {
	ActionBody
	Text string `json:"text"`
}

type startBody struct {
	From      string `json:"from,omitempty" doc:"Our number, of a queue that one is in; optional if there is only one"`
	To        string `json:"to"`
	Text      string `json:"text"`
	ToAsTyped bool   `json:"to_as_typed,omitempty" doc:"Send although the number is possible but not known to be valid"`
}

// SendBody is a text that a program sends.
type SendBody struct {
	From      string `json:"from,omitempty" doc:"Our number; optional if the token is for only one"`
	To        string `json:"to"`
	Text      string `json:"text"`
	Reference string `json:"reference,omitempty" doc:"One's own, returned as given"`

	Validity string            `json:"validity,omitempty" example:"2h" doc:"For how long it may be sent; the carrier's at most"`
	Flash    bool              `json:"flash,omitempty" doc:"To be shown at once, and not kept by the telephone"`
	TLVs     map[string]string `json:"tlvs,omitempty" doc:"Optional parameters of SMPP by their tags (0x1400), over those of the carrier's configuration: texts, or octets as hex:00ff"`
}

type batchItem struct {
	SendBody
	Key string `json:"idempotency_key,omitempty"`
}

type batchBody struct {
	Messages []json.RawMessage `json:"messages"`
}

// batchInput documents batchBody, whose items are read one by one.
type batchInput struct {
	Idempotent
	Body struct {
		Messages []batchItem `json:"messages" nullable:"false" minItems:"1" maxItems:"1000"`
	}
}

// BatchResult answers one message of a batch.
type BatchResult struct {
	Status  int      `json:"status" example:"202"`
	Message *Message `json:"message,omitempty"`
	Error   *Problem `json:"error,omitempty"`
}

// BatchAnswer answers a batch, in its order.
type BatchAnswer struct {
	Items []BatchResult `json:"items" nullable:"false"`
}

func (a *API) sendRoutes() {
	write[Message, struct {
		ByID
		Idempotent
		Body replyBody
	}](a, http.MethodPost, "/conversations/{id}/messages", http.StatusAccepted, "Reply; takes it if it waits", a.reply)
	write[ConversationOrBrief, struct {
		Idempotent
		Body startBody
	}](a, http.MethodPost, "/conversations", http.StatusCreated, "Start a conversation", a.start)
	write[Message, struct {
		Idempotent
		Body SendBody
	}](a, http.MethodPost, "/messages", http.StatusAccepted, "Send, as a program", a.send)
	write[BatchAnswer, batchInput](a, http.MethodPost, "/messages/batch", http.StatusAccepted, "Send up to 1000, each answered by itself", a.sendBatch)
}

// keyOf reads the Idempotency-Key.
func keyOf(r *http.Request) (string, error) {
	key := r.Header.Get("Idempotency-Key")
	if len(key) > maxKey {
		return "", invalid("header.Idempotency-Key", "longer than 255 octets")
	}
	return key, nil
}

// digest identifies what a key was used for, however it was written.
func digest(parts ...string) [32]byte {
	h := sha256.New()
	var n [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	return [32]byte(h.Sum(nil))
}

func (a *API) reply(w http.ResponseWriter, r *http.Request, c *caller) error {
	var in replyBody
	if err := decode(r, &in); err != nil {
		return err
	}
	key, err := keyOf(r)
	if err != nil {
		return err
	}
	id, err := a.target(r, c)
	if err != nil {
		return err
	}
	text := router.Text{Text: in.Text, Key: key, Epoch: in.Epoch}
	if key != "" {
		text.Body = digest("reply", id.String(), in.Text)
	}
	sent, err := a.router.Reply(r.Context(), c.actor, id, text)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusAccepted, a.render.message(make([]byte, 0, 768), &sent.Message))
}

func (a *API) start(w http.ResponseWriter, r *http.Request, c *caller) error {
	var in startBody
	if err := decode(r, &in); err != nil {
		return err
	}
	key, err := keyOf(r)
	if err != nil {
		return err
	}
	if err := c.needs(scopeWriteConversations); err != nil {
		return err
	}
	from, err := a.startNumber(c, in.From)
	if err != nil {
		return err
	}
	to, err := a.startAddress(from, in.To, in.ToAsTyped)
	if err != nil {
		return err
	}
	if from, err = a.poolNumber(r.Context(), c, in.From, from, to); err != nil {
		return err
	}
	text := router.Text{Text: in.Text, Key: key}
	if key != "" {
		text.Body = digest("start", from, to.Value, in.Text)
	}
	sent, err := a.router.Start(r.Context(), c.actor, from, to, text)
	if err != nil {
		return err
	}
	w.Header().Set("Location", prefix+"/conversations/"+sent.Conversation.ID.String())
	if !c.sees(sent.Conversation.View(), sent.Conversation.Number) {
		return writeJSON(w, http.StatusCreated, a.render.brief(nil, &sent.Conversation))
	}
	return writeJSON(w, http.StatusCreated, a.render.conversation(make([]byte, 0, 1280), &sent.Conversation, &sent.Message))
}

// needsProgram refuses people, and programs that may not send.
func needsProgram(c *caller) error {
	if c.person() {
		return forbidden("This is for programs: people write in conversations.")
	}
	return c.needs(scopeSend)
}

func (a *API) send(w http.ResponseWriter, r *http.Request, c *caller) error {
	if err := needsProgram(c); err != nil {
		return err
	}
	var in SendBody
	if err := decode(r, &in); err != nil {
		return err
	}
	key, err := keyOf(r)
	if err != nil {
		return err
	}
	m, err := a.sendProgram(r.Context(), c, &in, key)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusAccepted, a.render.message(make([]byte, 0, 768), m))
}

func (a *API) sendProgram(ctx context.Context, c *caller, in *SendBody, key string) (*gateway.Message, error) {
	if len(in.Reference) > maxReference {
		return nil, invalid("body.reference", "longer than 255 octets")
	}
	from, err := a.programNumber(c, in.From)
	if err != nil {
		return nil, err
	}
	to, err := a.address(from, in.To)
	if err != nil {
		return nil, err
	}
	if from, err = a.poolNumber(ctx, c, in.From, from, to); err != nil {
		return nil, err
	}
	text := router.Text{Text: in.Text, Reference: in.Reference, Key: key, Flash: in.Flash}
	if text.Validity, err = validityOf(in.Validity); err != nil {
		return nil, err
	}
	if text.TLVs, err = a.router.ParseTLVs(from, to, in.TLVs); err != nil {
		return nil, invalid("body.tlvs", err.Error())
	}
	if key != "" {
		parts := []string{"send", from, to.Value, in.Text, in.Reference}
		if in.Validity != "" || in.Flash || len(text.TLVs) > 0 {
			parts = append(parts, fmt.Sprint(text.Validity, text.Flash, text.TLVs))
		}
		text.Body = digest(parts...)
	}
	sent, err := a.router.SendProgram(ctx, c.actor, from, to, text)
	return &sent.Message, err
}

// validityOf reads for how long a text may be sent; 0: not said.
func validityOf(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < time.Second {
		return 0, invalid("body.validity", "want a duration of a second or more, such as 2h")
	}
	return d, nil
}

func (a *API) sendBatch(w http.ResponseWriter, r *http.Request, c *caller) error {
	if err := needsProgram(c); err != nil {
		return err
	}
	var in batchBody
	if err := decode(r, &in); err != nil {
		return err
	}
	if len(in.Messages) == 0 || len(in.Messages) > maxBatch {
		return invalid("body.messages", "want 1 to 1000 messages")
	}
	results := a.sendAll(r.Context(), c, in.Messages)
	b := append(make([]byte, 0, len(results)*640), `{"items":[`...)
	for i, text := range results {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, text...)
	}
	return writeJSON(w, http.StatusAccepted, append(b, `]}`...))
}

// sendAll sends a batch, and returns the answers in its order. Many go at once,
// so that they share commits; those to one customer go in their order.
func (a *API) sendAll(ctx context.Context, c *caller, raw []json.RawMessage) [][]byte {
	results := make([][]byte, len(raw))
	items := make([]batchItem, len(raw))
	lanes := map[string][]int{}
	for i := range raw {
		if err := decodeBytes(raw[i], &items[i]); err != nil {
			results[i] = a.batchError(ctx, err)
			continue
		}
		lanes[items[i].To] = append(lanes[items[i].To], i)
	}
	ordered := slices.Collect(maps.Values(lanes))
	inParallel(len(ordered), func(n int) {
		for _, i := range ordered[n] {
			results[i] = a.sendItem(ctx, c, &items[i])
		}
	})
	return results
}

// inParallel calls do for each of n, many at once, so that they share commits, and
// returns when all are done.
func inParallel(n int, do func(int)) {
	work := make(chan int)
	var all sync.WaitGroup
	for range min(n, batchAtOnce) {
		all.Go(func() {
			for i := range work {
				do(i)
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	all.Wait()
}

func (a *API) sendItem(ctx context.Context, c *caller, in *batchItem) []byte {
	if len(in.Key) > maxKey {
		return a.batchError(ctx, invalid("idempotency_key", "longer than 255 octets"))
	}
	m, err := a.sendProgram(ctx, c, &in.SendBody, in.Key)
	if err != nil {
		return a.batchError(ctx, err)
	}
	return append(a.render.message(append(make([]byte, 0, 768), `{"status":202,"message":`...), m), '}')
}

func (a *API) batchError(ctx context.Context, err error) []byte {
	p := a.problemOf(ctx, err)
	b, err := json.Marshal(BatchResult{Status: p.Status, Error: p})
	if err != nil {
		panic(err)
	}
	return b
}
