package metabase

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/engine-build/engine/engine/project"
)

// Server is a Metabase. It is safe for concurrent use.
type Server struct {
	access project.MetabaseAccess
	http   *http.Client
	wait   func(context.Context, time.Duration) error
	notify func(string)

	mu      sync.Mutex
	session string
}

// NewServer makes a client; nothing is sent yet. Redirects are not followed: what lets us in
// would go with them. wait sleeps, or ends with the context's error; notify is told what is
// tried again, it may be nil.
func NewServer(access project.MetabaseAccess, client *http.Client, wait func(context.Context, time.Duration) error, notify func(string)) *Server {
	c := *client
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if notify == nil {
		notify = func(string) {}
	}
	return &Server{access: access, http: &c, wait: wait, notify: notify}
}

// URL is the server's address without a slash at its end.
func (s *Server) URL() string { return s.access.URL }

// Error is an answer that was no success. It holds nothing that lets anybody in.
type Error struct {
	Method, Path string
	Status       int // 0: there was no answer
	Message      string
	cause        error
}

func (e *Error) Error() string {
	what := e.Method + " " + e.Path
	switch {
	case e.Status == 0:
		return fmt.Sprintf("%s: %s", what, e.Message)
	case e.Message == "":
		return fmt.Sprintf("%s: %d %s", what, e.Status, http.StatusText(e.Status))
	}
	return fmt.Sprintf("%s: %d %s: %s", what, e.Status, http.StatusText(e.Status), e.Message)
}

func (e *Error) Unwrap() error { return e.cause }

// statusOf is the status of an error that is an answer, else 0.
func statusOf(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

const (
	// attempts are how often a request is sent at most.
	attempts = 5
	// firstPause is before the second attempt, in front of each further one it is twice as long.
	firstPause = 500 * time.Millisecond
	// longestPause bounds what a server asks for with Retry-After.
	longestPause = time.Minute
	// maxAnswer is the longest answer that is read: the metadata of a database of 10,000 tables
	// with 100 fields each has about a kilobyte per field.
	maxAnswer = 2 << 30
)

// retried reports whether the same request may succeed later.
func retried(status int) bool {
	switch status {
	case 0, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// call sends a request until it succeeds, up to attempts times: all that we send may be sent
// twice. into is nil where the answer does not matter.
func (s *Server) call(ctx context.Context, method, path string, body, into any) error {
	var sent []byte
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
	}
	login := true
	for attempt := 1; ; attempt++ {
		after, err := s.once(ctx, method, path, sent, into)
		if err == nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		status := statusOf(err)
		if status == http.StatusUnauthorized && s.access.APIKey == "" && login {
			s.forget() // the session may have ended
			login = false
			continue
		}
		var answered *Error
		if !errors.As(err, &answered) || !retried(status) || attempt == attempts {
			return err
		}
		pause := max(firstPause<<(attempt-1), min(after, longestPause))
		s.notify(fmt.Sprintf("%s; trying again in %s", err, pause))
		if err := s.wait(ctx, pause); err != nil {
			return err
		}
	}
}

// once sends a request; after is the pause that the server asks for.
func (s *Server) once(ctx context.Context, method, path string, sent []byte, into any) (after time.Duration, err error) {
	fail := func(status int, message string, cause error) *Error {
		return &Error{Method: method, Path: path, Status: status, Message: s.clean(message), cause: cause}
	}
	r, err := http.NewRequestWithContext(ctx, method, s.access.URL+path, bytes.NewReader(sent))
	if err != nil {
		return 0, errors.New(s.clean(err.Error()))
	}
	if sent != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Accept", "application/json")
	if path != sessionPath || method != http.MethodPost {
		if err := s.authorize(ctx, r); err != nil {
			return 0, err
		}
	}
	answer, err := s.http.Do(r)
	if err != nil {
		var inner *url.Error
		message := err.Error()
		if errors.As(err, &inner) {
			message = inner.Err.Error()
		}
		return 0, fail(0, message, ctx.Err())
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	switch {
	case err != nil:
		return 0, fail(0, "the answer broke off: "+err.Error(), ctx.Err())
	case len(content) > maxAnswer:
		return 0, fmt.Errorf("%s %s: the answer is larger than %d bytes", method, path, maxAnswer)
	case answer.StatusCode >= 300 && answer.StatusCode < 400:
		return 0, fail(answer.StatusCode, "the server sends us elsewhere; write the address that it sends to as the url of metabase", nil)
	case answer.StatusCode >= 300:
		if n, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && n > 0 {
			after = time.Duration(n) * time.Second
		}
		return after, fail(answer.StatusCode, wording(content), nil)
	}
	if into == nil || answer.StatusCode == http.StatusNoContent {
		return 0, nil
	}
	if err := json.Unmarshal(content, into); err != nil {
		why := "the answer is not what Metabase documents: " + err.Error()
		if bytes.HasPrefix(bytes.TrimSpace(content), []byte("<")) {
			why = "the answer is a web page: is this the address of Metabase itself?"
		}
		return 0, errors.New(method + " " + path + ": " + s.clean(why))
	}
	return 0, nil
}

const sessionPath = "/api/session"

// authorize puts what lets us in into a request.
func (s *Server) authorize(ctx context.Context, r *http.Request) error {
	if s.access.APIKey != "" {
		r.Header.Set("X-API-KEY", s.access.APIKey)
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session == "" {
		var got struct {
			ID string `json:"id"`
		}
		if _, err := s.once(ctx, http.MethodPost, sessionPath, fmt.Appendf(nil, `{"username":%s,"password":%s}`, quoted(s.access.User), quoted(s.access.Password)), &got); err != nil {
			return err
		}
		if got.ID == "" {
			return errors.New("POST " + sessionPath + ": the answer has no session")
		}
		s.session = got.ID
	}
	r.Header.Set("X-Metabase-Session", s.session)
	return nil
}

func (s *Server) forget() {
	s.mu.Lock()
	s.session = ""
	s.mu.Unlock()
}

// clean takes out of a text what lets us in.
func (s *Server) clean(text string) string {
	for _, secret := range []string{s.access.APIKey, s.access.Password} {
		if len(secret) > 0 {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return text
}

// Close ends the session, if there is one. Nothing is said of failures: it ends by itself.
func (s *Server) Close(ctx context.Context) {
	s.mu.Lock()
	open := s.session != ""
	s.mu.Unlock()
	if open {
		_, _ = s.once(ctx, http.MethodDelete, sessionPath, nil, nil)
	}
}

func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // texts marshal
	}
	return string(b)
}

// wording is what an answer that is no success says.
func wording(content []byte) string {
	var said struct {
		Message any            `json:"message"`
		Error   any            `json:"error"`
		Errors  map[string]any `json:"errors"`
	}
	var out []string
	if json.Unmarshal(content, &said) == nil {
		for _, v := range []any{said.Message, said.Error} {
			if text, ok := v.(string); ok && text != "" {
				out = append(out, text)
			}
		}
		if len(said.Errors) > 0 {
			b, _ := json.Marshal(said.Errors) // it came from JSON
			out = append(out, string(b))
		}
	}
	text := strings.Join(out, "; ")
	if text == "" {
		text = strings.TrimSpace(string(content))
		if strings.HasPrefix(text, "<") {
			text = ""
		}
	}
	text = strings.ToValidUTF8(strings.Join(strings.Fields(text), " "), "?")
	const most = 300
	if len(text) > most {
		cut := most
		for !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut] + "…"
	}
	return text
}

// listed reads a list, be it wrapped: {"data": [...]}, as lists are since v40.
type listed[T any] struct {
	items []T
	total int // of all pages, 0 where nothing is said
}

func (l *listed[T]) UnmarshalJSON(b []byte) error {
	if b = bytes.TrimSpace(b); len(b) > 0 && b[0] == '[' {
		return json.Unmarshal(b, &l.items)
	}
	var wrapped struct {
		Data  *[]T `json:"data"`
		Total int  `json:"total"`
	}
	if err := json.Unmarshal(b, &wrapped); err != nil {
		return err
	}
	if wrapped.Data == nil {
		return errors.New(`it is neither a list nor an object with "data"`)
	}
	l.items, l.total = *wrapped.Data, wrapped.Total
	return nil
}
