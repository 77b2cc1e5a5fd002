package api

import "time"

// The types of this file document what render.go writes; a test decodes the one
// strictly into the other.

// Conversation is everything between one of our numbers and one customer.
type Conversation struct {
	ID           string     `json:"id" doc:"Opaque; sorts by time"`
	Channel      string     `json:"channel" enum:"sms"`
	CarrierKind  string     `json:"carrier_kind" enum:"smpp,gsm," doc:"How texts travel; empty while no carrier serves the number"`
	Number       string     `json:"number" doc:"Ours"`
	Peer         string     `json:"peer" doc:"The customer's"`
	Contact      *Contact   `json:"contact"`
	Queue        Named      `json:"queue"`
	Status       string     `json:"status" enum:"waiting,taken,closed,deleted"`
	Owner        *Person    `json:"owner" doc:"Set exactly while it is taken"`
	Epoch        int64      `json:"epoch" doc:"Counts changes of status, owner, queue and archived"`
	Archived     bool       `json:"archived"`
	Blocked      bool       `json:"blocked" doc:"The customer is blocked"`
	OptedOut     bool       `json:"opted_out" doc:"The customer wants no texts from this number"`
	Unread       int        `json:"unread" doc:"Texts since its owner last read it"`
	Snoozed      bool       `json:"snoozed" doc:"Put off until snoozed_until or, where that is null, the customer's next text"`
	SnoozedUntil *time.Time `json:"snoozed_until"`
	WaitingSince *time.Time `json:"waiting_since"`
	OwnerSince   *time.Time `json:"owner_since"`
	LastMessage  *Message   `json:"last_message"`
	CreatedAt    time.Time  `json:"created_at"`
	UpdatedAt    time.Time  `json:"updated_at"`
	Ignored      bool       `json:"ignored,omitempty" doc:"One does not want to be asked about it, until it changes hands. Told to people where they ask; streams do not say it"`
}

// Brief is all that who no longer sees a conversation is told of it.
type Brief struct {
	ID     string  `json:"id"`
	Status string  `json:"status" enum:"waiting,taken,closed,deleted"`
	Owner  *Person `json:"owner"`
	Epoch  int64   `json:"epoch"`
}

// Contact is who a customer's number is known as.
type Contact struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Named is a thing by its id and name.
type Named struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Person is somebody who signs in.
type Person struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Extension string `json:"extension,omitempty"`
}

// Message is one text as a person sees it, or a line that only agents see.
type Message struct {
	ID             string        `json:"id" doc:"Opaque; sorts by time"`
	ConversationID string        `json:"conversation_id"`
	Kind           string        `json:"kind" enum:"text,system,note"`
	Direction      string        `json:"direction" enum:"in,out"`
	From           string        `json:"from"`
	To             string        `json:"to"`
	Text           string        `json:"text"`
	Tick           *string       `json:"tick" enum:"queued,sending,sent,delivered,failed,expired,unknown" doc:"Null for what is not sent by us"`
	Error          *MessageError `json:"error"`
	Segments       int           `json:"segments"`
	Missing        int           `json:"missing" doc:"Parts of a customer's text that have not come: […] stands for them"`
	Encoding       string        `json:"encoding" enum:"gsm7,ucs2,binary,latin1,ascii"`
	Data           string        `json:"data,omitempty" doc:"Of a binary message: its user data in hexadecimal; text describes it"`
	Flash          bool          `json:"flash,omitempty" doc:"Shown at once, and not kept by the telephone"`
	Carrier        string        `json:"carrier"`
	Author         *Named        `json:"author" doc:"Who wrote it; null for customers and the gateway itself"`
	Reference      string        `json:"reference" doc:"A program's own, as it gave it"`
	CreatedAt      time.Time     `json:"created_at"`
	SentAt         *time.Time    `json:"sent_at"`
	DeliveredAt    *time.Time    `json:"delivered_at"`
}

// MessageError is why a message did not, or may not have, arrived.
type MessageError struct {
	Code string `json:"code" example:"no_receipt"`
	Text string `json:"text"`
}

// Event is the envelope of what happened.
type Event struct {
	ID   string    `json:"id"`
	Type string    `json:"type" example:"message.received"`
	Time time.Time `json:"time"`
	Data EventData `json:"data"`
}

// EventData is an event's own: message and conversation of message.*,
// conversation, by and note of conversation.*, carrier and error of carrier.*.
// With Gone it is a conversation that one no longer sees, and only its id,
// status, owner and epoch are there.
type EventData struct {
	Message      *Message      `json:"message,omitempty"`
	Conversation *Conversation `json:"conversation,omitempty"`
	By           *Named        `json:"by,omitempty"`
	Note         string        `json:"note,omitempty"`
	Gone         bool          `json:"gone,omitempty"`
	Carrier      string        `json:"carrier,omitempty"`
	Error        string        `json:"error,omitempty"`
}

// ConversationList is a page of conversations.
type ConversationList struct {
	Items      []Conversation `json:"items" nullable:"false"`
	NextCursor *string        `json:"next_cursor" doc:"Give it as cursor to read on; null at the end"`
}

// Counts are the numbers of a client's badges. They agree with the lists.
type Counts struct {
	Waiting    int `json:"waiting" doc:"What waits and one may take: view=waiting"`
	Mine       int `json:"mine" doc:"view=mine"`
	Unread     int `json:"unread" doc:"Texts in mine that one has not read"`
	MineUnread int `json:"mine_unread" doc:"Of mine, how many have any"`
	Snoozed    int `json:"snoozed" doc:"view=snoozed"`
	Badge      int `json:"badge" doc:"What wants attention: mine_unread and waiting"`
}

// MessageList is a page of messages.
type MessageList struct {
	Items      []Message `json:"items" nullable:"false"`
	NextCursor *string   `json:"next_cursor" doc:"Give it as cursor to read on; null at the end"`
}

// EventList is a page of events.
type EventList struct {
	Items      []Event `json:"items" nullable:"false"`
	NextCursor *string `json:"next_cursor" doc:"Give it as cursor to read on; null at the end"`
}
