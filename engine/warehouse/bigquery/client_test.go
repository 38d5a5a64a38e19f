package bigquery

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestClientSendsOnce: whatever goes wrong with a call of the client library, every request
// is one of ours, counted, and the calls end in time.
func TestClientSendsOnce(t *testing.T) {
	answer := func(status int, body string) tripper {
		return func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
		}
	}
	refusal := func(status int, reason string) tripper {
		return answer(status, `{"error":{"errors":[{"reason":"`+reason+`","message":"injected"}],"message":"injected"}}`)
	}
	lose := func(err error) tripper { return func(*http.Request) (*http.Response, error) { return nil, err } }
	tests := []struct {
		name   string
		trip   tripper
		reason string
		again  bool
	}{
		{"backendError", refusal(503, "backendError"), "backendError", true},
		{"internalError", refusal(500, "internalError"), "internalError", true},
		{"rate limit", refusal(403, "rateLimitExceeded"), "rateLimitExceeded", true},
		{"a gateway", answer(502, "<html>bad gateway</html>"), "", true},
		{"reset", lose(syscall.ECONNRESET), reasonNetwork, true},
		{"refused", lose(syscall.ECONNREFUSED), reasonNetwork, true},
		{"cut in the head", lose(io.ErrUnexpectedEOF), reasonNetwork, true},
		{"http2", lose(errors.New("http2: client connection lost")), reasonNetwork, true},
		{"cut in the body", func(r *http.Request) (*http.Response, error) {
			body := io.MultiReader(strings.NewReader(`{"location":`), errorReader{io.ErrUnexpectedEOF})
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(body), Request: r}, nil
		}, reasonNetwork, true},
		{"no end", func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}, reasonNetwork, true},
		{"quota", refusal(403, "quotaExceeded"), "quotaExceeded", false},
		{"rights", refusal(403, "accessDenied"), "accessDenied", false},
		{"exists", refusal(409, "duplicate"), "duplicate", false},
	}
	calls := map[string]func(context.Context, *conn, *trail) error{
		"look up": func(ctx context.Context, c *conn, t *trail) error {
			_, err := c.dataset(ctx, t, "", "shop")
			return err
		},
		"make":   func(ctx context.Context, c *conn, t *trail) error { return c.makeDataset(ctx, t, "", "shop") },
		"delete": func(ctx context.Context, c *conn, t *trail) error { return c.deleteTable(ctx, t, rel("o")) },
	}
	for _, tt := range tests {
		for name, call := range calls {
			t.Run(tt.name+"/"+name, func(t *testing.T) {
				c := newFake(t).connect(nil)
				// A call has time enough for tries of the library's own, if it made some.
				c.pace.first, c.pace.longest, c.pace.call, c.pace.deadline = 10*time.Millisecond, 40*time.Millisecond, 5*time.Second, 200*time.Millisecond
				if tt.name == "no end" {
					c.pace.call = 50 * time.Millisecond
				}
				var requests atomic.Int64
				client, err := newClient(c.project, c.service.BasePath, &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
					requests.Add(1)
					if r.Header.Get("User-Agent") != userAgent {
						t.Errorf("the user agent is %q", r.Header.Get("User-Agent"))
					}
					return tt.trip(r)
				})})
				if err != nil {
					t.Fatal(err)
				}
				c.client = client
				log, start := &trail{}, time.Now()
				err = call(context.Background(), c, log)
				var e *Error
				if !errors.As(err, &e) || e.Reason != tt.reason {
					t.Fatalf("error %v", err)
				}
				if n := int(requests.Load()); n != len(log.retries)+1 || tt.again != (n > 2) {
					t.Errorf("%d requests and %d retries", n, len(log.retries))
				}
				if took := time.Since(start); took > 2*time.Second {
					t.Errorf("it took %v", took)
				}
			})
		}
	}
	t.Run("stopped", func(t *testing.T) {
		c := newFake(t).connect(nil)
		ctx, stop := context.WithCancel(context.Background())
		stop()
		if _, err := c.dataset(ctx, &trail{}, "", "shop"); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }
