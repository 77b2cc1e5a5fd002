package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// liveEvent is what the live account reads of an event.
type liveEvent struct {
	ID   string    `json:"id"`
	Type string    `json:"type"`
	Time time.Time `json:"time"`
	Data struct {
		Message *struct {
			Kind     string `json:"kind"`
			Text     string `json:"text"`
			Tick     string `json:"tick"`
			Segments int    `json:"segments"`
			Author   *named `json:"author"`
			Error    *struct {
				Text string `json:"text"`
			} `json:"error"`
		} `json:"message"`
		Conversation struct {
			ID     string `json:"id"`
			Peer   string `json:"peer"`
			Status string `json:"status"`
			Owner  *named `json:"owner"`
			Queue  *named `json:"queue"`
		} `json:"conversation"`
		By      *named `json:"by"`
		Note    string `json:"note"`
		Carrier string `json:"carrier"`
		Error   string `json:"error"`
	} `json:"data"`
}

type named struct {
	Name string `json:"name"`
}

// eventStream reads the daemon's server-sent events as any program with a token
// does.
type eventStream struct {
	url, token string
	last       string // id of the newest event
	response   *http.Response
}

const streamRetry = 250 * time.Millisecond

// open connects, again and again while the daemon does not know the token yet,
// until starting ends. The stream goes on until ctx ends.
func (s *eventStream) open(ctx, starting context.Context) error {
	for {
		err := s.connect(ctx)
		if err == nil {
			return nil
		}
		pause := time.NewTimer(streamRetry)
		select {
		case <-starting.Done():
			pause.Stop()
			return err
		case <-pause.C:
		}
	}
}

func (s *eventStream) connect(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+s.token)
	if s.last != "" {
		request.Header.Set("Last-Event-ID", s.last)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return fmt.Errorf("%s: %s", s.url, response.Status)
	}
	s.response = response
	return nil
}

func (s *eventStream) close() {
	if s.response != nil {
		s.response.Body.Close()
	}
}

// follow hands events on until ctx ends, and then closes events. Where the
// stream breaks it is resumed.
func (s *eventStream) follow(ctx context.Context, events chan<- liveEvent) {
	defer close(events)
	for ctx.Err() == nil {
		s.read(ctx, events)
		s.close()
		s.response = nil
		if s.open(ctx, ctx) != nil {
			return
		}
	}
}

// read hands on the events of one connection.
func (s *eventStream) read(ctx context.Context, events chan<- liveEvent) {
	lines := bufio.NewScanner(s.response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data:"))
		if !ok {
			continue
		}
		var e liveEvent
		if json.Unmarshal(data, &e) != nil || e.ID == "" {
			continue // not an event of the daemon's: stream.reset
		}
		s.last = e.ID
		select {
		case events <- e:
		case <-ctx.Done():
			return
		}
	}
}
