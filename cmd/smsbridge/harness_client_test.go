package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// user is a person with a cookie jar, or a program with a token.
type user struct {
	t               testing.TB
	d               *daemon
	name, extension string
	token           string
	http            *http.Client
}

func (u *user) signIn() {
	u.t.Helper()
	u.must("POST", "/session", map[string]string{"extension": u.extension, "password": password}, 200, nil)
}

// try makes a request. The status is 0 where the daemon did not answer.
func (u *user) try(ctx context.Context, method, path string, body any, headers ...string) (status int, answer []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	response, err := u.open(ctx, method, path, body, headers...)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	if err != nil {
		return 0, nil, err
	}
	return response.StatusCode, answer, nil
}

func (u *user) open(ctx context.Context, method, path string, body any, headers ...string) (*http.Response, error) {
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(b)
	}
	request, err := http.NewRequestWithContext(ctx, method, u.d.address()+"/api/v1"+path, content)
	if err != nil {
		return nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if u.token != "" {
		request.Header.Set("Authorization", "Bearer "+u.token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return u.http.Do(request)
}

// must makes a request that is to be answered with a status, and decodes the
// answer into v unless that is nil.
func (u *user) must(method, path string, body any, want int, v any, headers ...string) {
	u.t.Helper()
	status, answer, err := u.try(u.t.Context(), method, path, body, headers...)
	if err != nil {
		u.t.Fatalf("%s: %s %s: %v", u.name, method, path, err)
	}
	if status != want {
		u.t.Fatalf("%s: %s %s: %d, want %d: %s", u.name, method, path, status, want, answer)
	}
	if v == nil {
		return
	}
	if err := json.Unmarshal(answer, v); err != nil {
		u.t.Fatalf("%s: %s %s: %v: %s", u.name, method, path, err, answer)
	}
}

// What the tests read of answers.
type (
	named struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	message struct {
		ID             string `json:"id"`
		ConversationID string `json:"conversation_id"`
		Kind           string `json:"kind"`
		Direction      string `json:"direction"`
		From           string `json:"from"`
		To             string `json:"to"`
		Text           string `json:"text"`
		Tick           string `json:"tick"`
		Error          *struct {
			Code string `json:"code"`
			Text string `json:"text"`
		} `json:"error"`
		Segments  int    `json:"segments"`
		Encoding  string `json:"encoding"`
		Data      string `json:"data"`
		Carrier   string `json:"carrier"`
		Author    *named `json:"author"`
		Reference string `json:"reference"`
	}
	conversation struct {
		ID          string   `json:"id"`
		Number      string   `json:"number"`
		Peer        string   `json:"peer"`
		Status      string   `json:"status"`
		Owner       *named   `json:"owner"`
		Unread      int      `json:"unread"`
		LastMessage *message `json:"last_message"`
	}
	page[T any] struct {
		Items      []T     `json:"items"`
		NextCursor *string `json:"next_cursor"`
	}
	problem struct {
		Status     int    `json:"status"`
		Code       string `json:"code"`
		Detail     string `json:"detail"`
		Owner      *named `json:"owner"`
		Suggestion string `json:"suggestion"`
	}
	bindStatus struct {
		Bind               int
		State, Host, Error string
	}
	carrier struct {
		Name      string       `json:"name"`
		State     string       `json:"state"`
		Error     string       `json:"error"`
		Note      string       `json:"note"`
		Binds     []bindStatus `json:"binds"`
		MessageID struct {
			Form    string
			Learnt  bool
			Matches map[string]int
		} `json:"message_id"`
	}
)

// list reads all pages of a list.
func list[T any](u *user, path string) []T {
	u.t.Helper()
	var all []T
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	for cursor := ""; ; {
		var p page[T]
		u.must("GET", path+separator+"limit=1000"+cursor, nil, 200, &p)
		all = append(all, p.Items...)
		if p.NextCursor == nil {
			return all
		}
		cursor = "&cursor=" + *p.NextCursor
	}
}
