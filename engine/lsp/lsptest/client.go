// Package lsptest is an editor for tests: a client of the Language Server Protocol that
// writes and reads raw frames, so that nothing of the server's own code stands between.
//
// It knows the base protocol and nothing of projects.
package lsptest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/textproto"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Patience is how long a test waits for the server.
const Patience = 60 * time.Second

// Client is one editor. Its methods end the test where the server does not answer in time.
type Client struct {
	t  testing.TB
	in io.WriteCloser

	writing sync.Mutex

	mu      sync.Mutex
	next    int
	waiting map[string]chan Answer
	seen    []Message
	changed chan struct{}
	closed  bool
	// Refuse makes the client refuse requests of the server.
	Refuse bool
}

// Message is a notification or a request of the server.
type Message struct {
	Method string
	Params json.RawMessage
	At     time.Time
}

// Answer is what the server says to a request.
type Answer struct {
	Result json.RawMessage
	Error  *Error
}

// Error is the protocol's.
type Error struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// New talks to a server over its streams.
func New(t testing.TB, in io.WriteCloser, out io.Reader) *Client {
	c := &Client{t: t, in: in, waiting: map[string]chan Answer{}, changed: make(chan struct{})}
	go c.read(out)
	return c
}

func (c *Client) read(out io.Reader) {
	r := textproto.NewReader(bufio.NewReader(out))
	for {
		head, err := r.ReadMIMEHeader()
		var data []byte
		if err == nil {
			n, bad := strconv.Atoi(head.Get("Content-Length"))
			if err = bad; err == nil {
				data = make([]byte, n)
				_, err = io.ReadFull(r.R, data)
			}
		}
		var m struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
			Params json.RawMessage `json:"params"`
			Result json.RawMessage `json:"result"`
			Error  *Error          `json:"error"`
		}
		if err == nil {
			err = json.Unmarshal(data, &m)
		}
		c.mu.Lock()
		switch {
		case err != nil:
			c.closed = true
			for id, w := range c.waiting {
				delete(c.waiting, id)
				close(w)
			}
		case m.Method == "":
			if w := c.waiting[string(m.ID)]; w != nil {
				delete(c.waiting, string(m.ID))
				w <- Answer{m.Result, m.Error}
			}
		default:
			c.seen = append(c.seen, Message{m.Method, m.Params, time.Now()})
		}
		close(c.changed)
		c.changed = make(chan struct{})
		refuse := c.Refuse
		c.mu.Unlock()
		if err != nil {
			return
		}
		if m.Method != "" && m.ID != nil {
			answer := map[string]any{"jsonrpc": "2.0", "id": m.ID, "result": nil}
			if refuse {
				answer = map[string]any{"jsonrpc": "2.0", "id": m.ID, "error": Error{-32601, "no"}}
			}
			c.write(answer)
		}
	}
}

func (c *Client) write(m any) {
	data, err := json.Marshal(m)
	if err != nil {
		c.t.Error(err)
		return
	}
	c.Raw(fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(data), data))
}

// Raw writes text as it is.
func (c *Client) Raw(text string) {
	c.writing.Lock()
	defer c.writing.Unlock()
	_, _ = io.WriteString(c.in, text) // a server that is gone is seen when it does not answer
}

// Close ends the server's input.
func (c *Client) Close() { _ = c.in.Close() }

// Notify sends a notification.
func (c *Client) Notify(method string, params any) {
	c.write(message{"2.0", nil, method, params})
}

type message struct {
	Version string `json:"jsonrpc"`
	ID      *int   `json:"id,omitempty"`
	Method  string `json:"method"`
	Params  any    `json:"params,omitempty"`
}

// Send sends a request without waiting.
func (c *Client) Send(method string, params any) (id int, answer <-chan Answer) {
	w := make(chan Answer, 1)
	c.mu.Lock()
	c.next++
	id = c.next
	if c.closed {
		close(w)
	} else {
		c.waiting[strconv.Itoa(id)] = w
	}
	c.mu.Unlock()
	c.write(message{"2.0", &id, method, params})
	return id, w
}

// Wait waits for an answer.
func (c *Client) Wait(answer <-chan Answer) Answer {
	c.t.Helper()
	select {
	case a, ok := <-answer:
		if !ok {
			c.t.Fatal("the server went away")
		}
		return a
	case <-time.After(Patience):
		c.t.Fatal("the server does not answer")
	}
	return Answer{}
}

// Try sends a request and gives the answer, whatever it is.
func (c *Client) Try(method string, params any) Answer {
	c.t.Helper()
	_, w := c.Send(method, params)
	return c.Wait(w)
}

// Call sends a request that must succeed, and decodes its result into out.
func (c *Client) Call(method string, params, out any) {
	c.t.Helper()
	a := c.Try(method, params)
	if a.Error != nil {
		c.t.Fatalf("%s: %d %s", method, a.Error.Code, a.Error.Message)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(a.Result, out); err != nil {
		c.t.Fatalf("%s: %v in %s", method, err, a.Result)
	}
}

// Seen are the messages of the server so far, of one method.
func (c *Client) Seen(method string) []Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []Message
	for _, m := range c.seen {
		if m.Method == method {
			out = append(out, m)
		}
	}
	return out
}

// Until waits for a message of a method, the latest of which satisfies ok.
func (c *Client) Until(what, method string, ok func(params json.RawMessage) bool) Message {
	c.t.Helper()
	limit := time.After(Patience)
	for checked := 0; ; {
		c.mu.Lock()
		seen, changed, closed := c.seen, c.changed, c.closed
		c.mu.Unlock()
		for ; checked < len(seen); checked++ {
			if m := seen[checked]; m.Method == method && ok(m.Params) {
				return m
			}
		}
		if closed {
			c.t.Fatalf("the server went away before %s", what)
		}
		select {
		case <-changed:
		case <-limit:
			c.t.Fatalf("the server never sent %s", what)
		}
	}
}

// Forget drops the messages so far, so that Until waits for new ones.
func (c *Client) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = nil
}

// Initialize begins the conversation and gives what the server can do.
func (c *Client) Initialize(root string, capabilities, options any) json.RawMessage {
	c.t.Helper()
	params := map[string]any{"processId": nil, "capabilities": capabilities}
	if root != "" {
		params["rootUri"] = root
		params["workspaceFolders"] = []any{map[string]any{"uri": root, "name": "project"}}
	}
	if options != nil {
		params["initializationOptions"] = options
	}
	var out struct {
		Capabilities json.RawMessage `json:"capabilities"`
	}
	c.Call("initialize", params, &out)
	c.Notify("initialized", map[string]any{})
	return out.Capabilities
}

// Open opens a buffer.
func (c *Client) Open(uri, text string) {
	c.Notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": uri, "languageId": "sql", "version": 1, "text": text}})
}

// Change replaces a buffer's text.
func (c *Client) Change(uri string, version int, text string) {
	c.Notify("textDocument/didChange", map[string]any{
		"textDocument": map[string]any{"uri": uri, "version": version}, "contentChanges": []any{map[string]any{"text": text}},
	})
}

// Leave says shutdown and exit.
func (c *Client) Leave() {
	c.t.Helper()
	c.Call("shutdown", nil, nil)
	c.Notify("exit", nil)
}
