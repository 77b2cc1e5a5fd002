package api

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"smsbridge/gateway"
)

// CarrierTrace is what a carrier and we have said to each other.
type CarrierTrace struct {
	Until *time.Time  `json:"until" doc:"When it ends or has ended; null if there never was one"`
	Items []TraceLine `json:"items" nullable:"false" doc:"The newest thousand, oldest first"`
}

// TraceLine is one PDU in words, without passwords.
type TraceLine struct {
	At        time.Time `json:"at"`
	Bind      int       `json:"bind"`
	Direction string    `json:"direction" enum:"in,out"`
	PDU       string    `json:"pdu"`
}

type traceBody struct {
	For string `json:"for" example:"5m" doc:"A duration, at most an hour; 0s ends it"`
}

type selfTestBody struct {
	To string `json:"to" doc:"A number of ours, to which the carrier's texts come back"`
}

// SelfTest is what came back of the texts of a self-test.
type SelfTest struct {
	Items []Trial  `json:"items" nullable:"false"`
	Fits  []string `json:"fits" nullable:"false" doc:"What data_coding_0 may be: that in which texts came back whole; empty of modems, which have none"`
}

// Trial is one text of a self-test.
type Trial struct {
	Alphabet string `json:"alphabet" enum:"ucs2,gsm7,gsm7-packed,latin1,ascii" doc:"UCS-2, or what data_coding 0 was taken for; of modems gsm7 and ucs2"`
	Sent     string `json:"sent"`
	Answer   string `json:"answer" doc:"The carrier's: accepted, or its status; empty without one"`
	Came     bool   `json:"came" doc:"It came back"`
	Text     string `json:"text" doc:"As what, read as this carrier is configured"`
	Whole    bool   `json:"whole" doc:"It came back whole, read as As"`
	As       string `json:"as"`
}

// selfTestWithin is how long the texts of a self-test are waited for.
const selfTestWithin = 90 * time.Second

// Quarantined is what could not be decoded.
type Quarantined struct {
	ID      string    `json:"id"`
	Carrier string    `json:"carrier"`
	At      time.Time `json:"at"`
	Reason  string    `json:"reason"`
	Octets  string    `json:"octets" doc:"All that came, in hexadecimal"`
}

// QuarantineList is a page of them.
type QuarantineList struct {
	Items      []Quarantined `json:"items" nullable:"false"`
	NextCursor *string       `json:"next_cursor" doc:"Give it as cursor to read on; null at the end"`
}

type quarantineQuery struct {
	Page
	Carrier string `query:"carrier" maxLength:"200"`
}

func (a *API) watchRoutes() {
	read[CarrierTrace](a, "/carriers/{name}/trace", "What was said to it and by it, while a trace was on", func(_ context.Context, c *caller, in *ByName) ([]byte, error) {
		if err := c.managesCarriers(); err != nil {
			return nil, err
		}
		lines, until, err := a.router.TraceLines(in.Name)
		if err != nil {
			return nil, err
		}
		answer := CarrierTrace{Until: timeOrNull(until), Items: []TraceLine{}}
		for _, l := range lines {
			direction := "in"
			if l.Out {
				direction = "out"
			}
			answer.Items = append(answer.Items, TraceLine{l.At.UTC(), l.Bind, direction, l.Line})
		}
		return json.Marshal(answer)
	})
	write[CarrierTrace, struct {
		ByName
		Body traceBody
	}](a, http.MethodPost, "/carriers/{name}/trace", http.StatusOK, "Log what is said to it and by it, for a while", a.traceCarrier)
	write[SelfTest, struct {
		ByName
		Body selfTestBody
	}](a, http.MethodPost, "/carriers/{name}/selftest", http.StatusOK, "Does it carry every character? Takes up to 90 s", a.selfTest)
	read[QuarantineList](a, "/quarantine", "What carriers sent that could not be decoded, newest first", a.listQuarantine)
}

func (a *API) traceCarrier(w http.ResponseWriter, r *http.Request, c *caller) error {
	var in traceBody
	if err := decode(r, &in); err != nil {
		return err
	}
	if err := c.managesCarriers(); err != nil {
		return err
	}
	d, err := time.ParseDuration(in.For)
	if err != nil {
		return invalid("body.for", "want a duration such as 5m")
	}
	until, err := a.router.TracePDUs(r.PathValue("name"), d)
	if err != nil {
		return err
	}
	body, err := json.Marshal(CarrierTrace{Until: timeOrNull(until), Items: []TraceLine{}})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, body)
}

func (a *API) selfTest(w http.ResponseWriter, r *http.Request, c *caller) error {
	var in selfTestBody
	if err := decode(r, &in); err != nil {
		return err
	}
	if err := c.managesCarriers(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), selfTestWithin)
	defer cancel()
	trials, err := a.router.SelfTest(ctx, r.PathValue("name"), in.To)
	if err != nil {
		return err
	}
	answer, modem := SelfTest{Items: []Trial{}, Fits: []string{}}, a.router.KindOf(r.PathValue("name"), "") == "gsm"
	for _, t := range trials {
		answer.Items = append(answer.Items, Trial(t))
		if t.Whole && t.Alphabet != "ucs2" && !modem {
			answer.Fits = append(answer.Fits, t.Alphabet)
		}
	}
	if len(answer.Fits) > 1 { // ASCII passes wherever septets or Latin-1 do, and says nothing then
		answer.Fits = slices.DeleteFunc(answer.Fits, func(a string) bool { return a == "ascii" })
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, body)
}

// listQuarantine shows octets that may be anybody's text.
func (a *API) listQuarantine(ctx context.Context, c *caller, in *quarantineQuery) ([]byte, error) {
	if c.person() && !c.actor.SystemOwner {
		return nil, forbidden("Only system owners see this.")
	}
	if err := c.needs(scopeManageCarriers); err != nil {
		return nil, err
	}
	before := gateway.ID(0)
	if in.Cursor != "" {
		var err error
		if before, err = gateway.ParseID(in.Cursor); err != nil {
			return nil, invalid("query.cursor", "not one that a list answered with")
		}
	}
	rows, err := a.db.Quarantine(ctx, in.Carrier, before, in.limit()+1)
	if err != nil {
		return nil, err
	}
	answer := QuarantineList{Items: []Quarantined{}}
	for i, q := range rows {
		if i == in.limit() {
			next := answer.Items[i-1].ID
			answer.NextCursor = &next
			break
		}
		answer.Items = append(answer.Items, Quarantined{q.ID.String(), q.Carrier, q.At, q.Reason, hex.EncodeToString(q.Raw)})
	}
	return json.Marshal(answer)
}
