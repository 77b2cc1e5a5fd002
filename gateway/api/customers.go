package api

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// Blocked is a customer who reaches nobody.
type Blocked struct {
	Peer    string    `json:"peer"`
	Contact *Contact  `json:"contact"`
	By      *Named    `json:"by" doc:"Who blocked them"`
	At      time.Time `json:"at"`
}

// TransformSchema implements huma.SchemaTransformer.
func (Blocked) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return orNull(s, "contact", "by")
}

// BlockedList is a page of the block list.
type BlockedList struct {
	Items      []Blocked `json:"items" nullable:"false"`
	NextCursor *string   `json:"next_cursor" doc:"Give it as cursor to read on; null at the end"`
}

// OptOut is a row of the ledger: what a customer decided about texts from one of
// our numbers. The newest of the two counts.
type OptOut struct {
	ID        string    `json:"id"`
	Number    string    `json:"number" doc:"Ours"`
	Peer      string    `json:"peer"`
	OptedOut  bool      `json:"opted_out" doc:"false: they want texts again"`
	Keyword   string    `json:"keyword" doc:"What the customer texted, or empty"`
	MessageID *string   `json:"message_id" doc:"In which message"`
	By        *Named    `json:"by" doc:"Who recorded it; null: the gateway, from a text"`
	Note      string    `json:"note"`
	At        time.Time `json:"at"`
}

// TransformSchema implements huma.SchemaTransformer.
func (OptOut) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema { return orNull(s, "by") }

// OptOutList is a page of the ledger.
type OptOutList struct {
	Items      []OptOut `json:"items" nullable:"false"`
	NextCursor *string  `json:"next_cursor" doc:"Give it as cursor to read on; null at the end"`
}

type optOutQuery struct {
	Page
	Number string `query:"number" maxLength:"64" doc:"Ours"`
	Peer   string `query:"peer" maxLength:"64" doc:"The customer's"`
}

type optOutBody struct {
	Number   string `json:"number" maxLength:"64" doc:"Ours"`
	Peer     string `json:"peer" maxLength:"64" doc:"The customer's, as one types it"`
	OptedOut *bool  `json:"opted_out"`
	Note     string `json:"note,omitempty" maxLength:"4000" doc:"How they said so"`
}

type decisionBody struct {
	ActionBody
	OptedOut *bool  `json:"opted_out"`
	Note     string `json:"note,omitempty" maxLength:"4000" doc:"How they said so"`
}

func (a *API) customerRoutes() {
	read[BlockedList](a, "/blocked", "Customers who reach nobody, by their numbers", a.listBlocked)
	write[nothing, struct {
		Peer string `path:"peer" maxLength:"64" doc:"As it is listed, with + as %2B"`
	}](a, http.MethodDelete, "/blocked/{peer}", http.StatusNoContent, "Let a customer reach us again", a.unblockPeer)
	write[ConversationOrBrief, actionInput](a, http.MethodPost, "/conversations/{id}/unblock", http.StatusOK, "Let its customer reach us again",
		func(w http.ResponseWriter, r *http.Request, c *caller) error {
			return a.onCustomer(w, r, c, a.router.Unblock)
		})
	write[ConversationOrBrief, struct {
		ByID
		Body decisionBody
	}](a, http.MethodPost, "/conversations/{id}/opt-out", http.StatusOK, "Record that its customer wants no more texts, or wants them again", a.decide)
	read[OptOutList](a, "/opt-outs", "The ledger of opt-outs, newest first", a.listOptOuts)
	write[OptOut, struct{ Body optOutBody }](a, http.MethodPost, "/opt-outs", http.StatusCreated, "Record what a customer decided", a.addOptOut)
}

// onCustomer does something about a conversation's customer.
func (a *API) onCustomer(w http.ResponseWriter, r *http.Request, c *caller, do func(context.Context, gateway.Actor, gateway.ID) (gateway.Conversation, error)) error {
	var in ActionBody
	if err := decode(r, &in); err != nil {
		return err
	}
	id, err := a.fresh(r, c, in.Epoch)
	if err != nil {
		return err
	}
	changed, err := do(r.Context(), c.actor, id)
	if err != nil {
		return err
	}
	return a.writeConversation(w, r, c, http.StatusOK, changed)
}

func (a *API) listBlocked(ctx context.Context, c *caller, in *Page) ([]byte, error) {
	if err := c.needsManager(); err != nil {
		return nil, err
	}
	var after gateway.Address
	if in.Cursor != "" {
		b, err := base64.RawURLEncoding.DecodeString(in.Cursor)
		if err != nil || len(b) < 2 {
			return nil, invalid("query.cursor", "not one that a list answered with")
		}
		after = gateway.Address{Kind: gateway.AddressKind(b[0]), Value: string(b[1:])}
	}
	found, err := a.db.BlockList(ctx, after, in.limit()+1)
	if err != nil {
		return nil, err
	}
	return idPage(found, in.limit(), func(b *store.Blocked) Blocked {
		shown := Blocked{Peer: b.Peer.Value, By: nameOrNull(b.Person, b.PersonName), At: b.At.UTC()}
		if b.Contact != 0 {
			shown.Contact = &Contact{b.Contact.String(), b.ContactName}
		}
		return shown
	}, func(b *store.Blocked) string {
		return base64.RawURLEncoding.EncodeToString(append([]byte{byte(b.Peer.Kind)}, b.Peer.Value...))
	})
}

func nameOrNull(id gateway.ID, name string) *Named {
	if id == 0 {
		return nil
	}
	return &Named{id.String(), name}
}

func (a *API) unblockPeer(w http.ResponseWriter, r *http.Request, c *caller) error {
	if err := c.needsManager(); err != nil {
		return err
	}
	if err := a.router.UnblockPeer(r.Context(), c.actor, r.PathValue("peer")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *API) decide(w http.ResponseWriter, r *http.Request, c *caller) error {
	var in decisionBody
	if err := decode(r, &in); err != nil {
		return err
	}
	if in.OptedOut == nil {
		return errDecideWhat
	}
	id, err := a.fresh(r, c, in.Epoch)
	if err != nil {
		return err
	}
	changed, err := a.router.Decide(r.Context(), c.actor, id, *in.OptedOut, strings.TrimSpace(in.Note))
	if err != nil {
		return err
	}
	return a.writeConversation(w, r, c, http.StatusOK, changed)
}

var errDecideWhat = invalid("body.opted_out", "say true, if they want no more texts, or false")

func (a *API) listOptOuts(ctx context.Context, c *caller, in *optOutQuery) ([]byte, error) {
	l := store.DecisionList{Number: in.Number, Peer: in.Peer, Numbers: c.limits, Everything: true, Limit: in.limit() + 1}
	if c.person() {
		if err := c.needsManager(); err != nil {
			return nil, err
		}
		l.Everything, l.Manages = c.owns(), c.visible().Manages
	} else if err := c.needs(scopeReadMessages); err != nil {
		return nil, err
	}
	after, err := in.place()
	if err != nil {
		return nil, err
	}
	if after != nil {
		l.Before = after.ID
	}
	found, err := a.db.Decisions(ctx, l)
	if err != nil {
		return nil, err
	}
	return idPage(found, in.limit(), shownOptOut, func(d *store.Decision) string { return cursorOf(d.At, d.ID) })
}

func shownOptOut(d *store.Decision) OptOut {
	return OptOut{d.ID.String(), d.Number, d.Peer.Value, d.OptedOut, d.Keyword, idOrNull(d.Message), nameOrNull(d.Person, d.PersonName), d.Note, d.At.UTC()}
}

// addOptOut records a decision with a conversation or without one. It is for who
// is responsible for the number.
func (a *API) addOptOut(w http.ResponseWriter, r *http.Request, c *caller) error {
	if c.person() {
		if err := c.needsManager(); err != nil {
			return err
		}
	} else if err := c.needs(scopeSend); err != nil {
		return err
	}
	var in optOutBody
	if err := decode(r, &in); err != nil {
		return err
	}
	if in.OptedOut == nil {
		return errDecideWhat
	}
	if !*in.OptedOut && !c.person() { // that is more than sending
		if err := c.needs(scopeWriteConversations); err != nil {
			return err
		}
	}
	if strings.TrimSpace(in.Number) == "" {
		return invalid("body.number", "say which of our numbers")
	}
	number, err := a.chooseNumber(in.Number, "The token is not for this number.", c.reaches)
	if err != nil {
		return err
	}
	if c.person() && !c.manages(a.dir.QueueOf(number)) {
		return forbidden("Only managers of the number's queue and system owners do this.")
	}
	peer, err := a.address(number, in.Peer)
	if err != nil {
		return err
	}
	d, err := a.router.DecideFor(r.Context(), c.actor, number, peer, *in.OptedOut, strings.TrimSpace(in.Note))
	if err != nil {
		return err
	}
	return respond(w, http.StatusCreated, shownOptOut(&d))
}
