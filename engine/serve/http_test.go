package serve

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// ask sends one request to a handler.
func ask(s *Server, method, path, body string, header ...string) (int, string, http.Header) {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "127.0.0.1:8080"
	for i := 0; i < len(header); i += 2 {
		if r.Header.Set(header[i], header[i+1]); header[i] == "Host" {
			r.Host = header[i+1]
		}
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w.Code, w.Body.String(), w.Header()
}

func TestHTTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, "2026-01-01T00:30:00Z", Job{Name: "hourly", When: line(t, "0 * * * *", "UTC")}, Job{Name: "nightly", When: line(t, "0 3 * * *", "Europe/Berlin")})
		w.phase = func(ctx context.Context, task Task, log io.Writer) Outcome {
			_, _ = io.WriteString(log, "<b>building</b>\n")
			time.Sleep(time.Minute)
			return Outcome{Message: `<script>alert("x")</script>`, Failures: []Failure{{Node: "model.<i>", Message: "<script>"}}}
		}
		catalog := t.TempDir()
		if err := os.WriteFile(filepath.Join(catalog, "index.html"), []byte("<h1>catalog</h1>"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(filepath.Dir(catalog), "secret.txt"), []byte("hidden words"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("../secret.txt", filepath.Join(catalog, "link.txt")); err != nil {
			t.Fatal(err)
		}
		right := []string{"Authorization", "Bearer open sesame", "Content-Type", "application/json"}
		w.serve(2*time.Hour, func(s *Server) {
			s.o.Catalog = catalog
			time.Sleep(time.Second)
			for _, c := range []struct {
				name, body string
				header     []string
				code       int
				says       string
			}{
				{"no token", `{"schedule":"hourly"}`, nil, 401, "token"},
				{"wrong token", `{"schedule":"hourly"}`, []string{"Authorization", "Bearer open sesam", "Content-Type", "application/json"}, 401, "token"},
				{"no scheme", `{"schedule":"hourly"}`, []string{"Authorization", "open sesame", "Content-Type", "application/json"}, 401, "token"},
				{"a form of another site", `schedule=hourly`, []string{"Authorization", "Bearer open sesame", "Content-Type", "application/x-www-form-urlencoded"}, 415, "application/json"},
				{"no JSON", `hourly`, right, 400, "schedule"},
				{"another key", `{"schedule":"hourly","full":true}`, right, 400, "schedule"},
				{"no name", `{}`, right, 400, "schedule"},
				{"two", `{"schedule":"hourly"}{"schedule":"hourly"}`, right, 400, "schedule"},
				{"more behind it", `{"schedule":"hourly"} ]`, right, 400, "schedule"},
				{"another site's name", `{"schedule":"hourly"}`, append([]string{"Host", "rebound.example.com"}, right...), 421, "--allow-host"},
				{"unknown", `{"schedule":"weekly"}`, right, 404, `there is no schedule`},
				{"too long", `{"schedule":"` + strings.Repeat("a", mostBody) + `"}`, right, 413, "too long"},
			} {
				if code, text, _ := ask(s, "POST", "/runs", c.body, c.header...); code != c.code || !strings.Contains(text, c.says) {
					t.Errorf("%s: %d %s", c.name, code, text)
				}
			}
			code, text, header := ask(s, "POST", "/runs", `{"schedule":"hourly"}`, right...)
			if code != 202 || !strings.Contains(text, `"trigger":"request"`) {
				t.Fatalf("%d %s", code, text)
			}
			place := header.Get("Location")
			time.Sleep(time.Second)
			if code, text, _ := ask(s, "POST", "/runs", `{"schedule":"hourly"}`, right...); code != 409 || !strings.Contains(text, "is at work") {
				t.Errorf("a second one: %d %s", code, text)
			}
			for host, want := range map[string]int{"localhost": 200, "[::1]:8080": 200, "Engine.Example.com.:8080": 200, "example.com": 421, "engine.example.com.evil.net": 421, "localhost.evil.net": 421} {
				s.o.Hosts = []string{"engine.example.com"}
				for _, path := range []string{"/healthz", "/runs", "/metrics", place + "/log", "/"} {
					if code, text, _ := ask(s, "GET", path, "", "Host", host); code != want || want != 200 && strings.Contains(text, "building") {
						t.Errorf("host %s, %s: %d %s", host, path, code, text)
					}
				}
			}
			for path, want := range map[string]string{
				"/healthz": `"active":1`, "/metrics": "engine_schedule_running{schedule=\"hourly\"} 1\n", "/runs": "running", place: "running", place + "/log": "<b>building</b>\n", "/": "<h1>catalog</h1>", "/index.html": "catalog",
			} {
				if code, text, _ := ask(s, "GET", path, ""); code != 200 || !strings.Contains(text, want) {
					t.Errorf("%s: %d, no %q in\n%s", path, code, want, text)
				}
			}
			time.Sleep(2 * time.Minute)
			for _, path := range []string{"/runs", place} {
				code, text, header := ask(s, "GET", path, "")
				if code != 200 || strings.Contains(text, "<script") || !strings.Contains(text, "&lt;script&gt;") || !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") {
					t.Errorf("%s: %d\n%s", path, code, text)
				}
			}
			if _, text, _ := ask(s, "GET", "/runs", "", "Accept", "application/json"); !strings.Contains(text, `"status":"failed"`) {
				t.Error(text)
			}
			for _, path := range []string{"/runs/../../secret.txt", "/runs/%2e%2e%2fsecret", "/runs/nothing", "/runs/nothing/log", "/../secret.txt", "/link.txt", "/serve/runs", "/none"} {
				if code, text, _ := ask(s, "GET", path, ""); code == 200 || strings.Contains(text, "hidden words") {
					t.Errorf("%s: %d %s", path, code, text)
				}
			}
			for _, method := range []string{"PUT", "DELETE", "PATCH"} {
				if code, _, _ := ask(s, method, "/runs", ""); code != 405 {
					t.Errorf("%s: %d", method, code)
				}
			}
			s.o.Token = ""
			if code, text, _ := ask(s, "POST", "/runs", `{"schedule":"hourly"}`, "Authorization", "Bearer ", "Content-Type", "application/json"); code != 403 || !strings.Contains(text, "is off") {
				t.Errorf("without a token: %d %s", code, text)
			}
		})
	})
}

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, "2026-01-01T00:30:00Z", Job{Name: "j", When: line(t, "0 * * * *", "UTC"), LateAfter: time.Hour, Webhook: "https://hooks.example.com"})
		w.phase = func(context.Context, Task, io.Writer) Outcome { return Outcome{OK: w.clock.Now().Hour() == 1} }
		var text string
		w.serve(4*time.Hour, func(s *Server) {
			time.Sleep(3*time.Hour + time.Minute) // 03:31: failed at 2 and 3
			synctest.Wait()
			_, text, _ = ask(s, "GET", "/metrics", "")
		})
		var got []string
		for l := range strings.Lines(text) {
			if !strings.HasPrefix(l, "#") && !strings.HasSuffix(l, " 0\n") {
				got = append(got, strings.TrimSpace(l))
			}
		}
		at := func(clock string) int64 {
			v, err := time.Parse(time.RFC3339, "2026-01-01T"+clock+":00Z")
			if err != nil {
				t.Fatal(err)
			}
			return v.Unix()
		}
		if d := cmp.Diff([]string{
			`engine_schedule_runs_total{schedule="j",status="done"} 1`, `engine_schedule_runs_total{schedule="j",status="failed"} 2`,
			`engine_schedule_failing{schedule="j"} 1`, `engine_schedule_late{schedule="j"} 1`,
			fmt.Sprintf(`engine_schedule_last_success_timestamp_seconds{schedule="j"} %d`, at("01:00")),
			fmt.Sprintf(`engine_schedule_last_end_timestamp_seconds{schedule="j"} %d`, at("03:00")),
			fmt.Sprintf(`engine_schedule_next_timestamp_seconds{schedule="j"} %d`, at("04:00")),
			`engine_alerts_total{outcome="delivered"} 2`,
		}, got); d != "" {
			t.Errorf("-want +got:\n%s", d)
		}
	})
}

// TestWebhook: what a real server gets, and what its answers mean.
func TestWebhook(t *testing.T) {
	var got []string
	code := 204
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got = append(got, fmt.Sprintf("%s %s %s %s", r.Method, r.URL.Path, r.Header.Get("Content-Type"), b))
		if code == 302 {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(code)
	}))
	address := server.URL + "/hook/s3cret"
	for _, c := range []struct {
		code int
		want string
	}{{204, ""}, {200, ""}, {302, "the webhook answered 302 Found"}, {404, "the webhook answered 404 Not Found"}, {503, "the webhook answered 503 Service Unavailable"}} {
		code = c.code
		err := Webhook(t.Context(), address, []byte(`{"text":"hi"}`))
		if text := fmt.Sprint(err); c.want == "" && err != nil || c.want != "" && text != c.want {
			t.Errorf("%d: %v", c.code, err)
		}
	}
	if len(got) != 5 || got[0] != `POST /hook/s3cret application/json {"text":"hi"}` {
		t.Errorf("%q", got)
	}
	server.Close()
	if err := Webhook(t.Context(), address, nil); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("the error is empty or has the address: %v", err)
	}
	if err := Webhook(t.Context(), "http://a b\n", nil); err == nil || strings.Contains(err.Error(), "a b") {
		t.Errorf("%v", err)
	}
}

// TestAlertReachesAServer: a run fails, and a real server hears of it.
func TestAlertReachesAServer(t *testing.T) {
	heard := make(chan string, 4)
	tries := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tries++; tries == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		b, _ := io.ReadAll(r.Body)
		heard <- string(b)
	}))
	defer server.Close()
	w := begin(t, time.Now().UTC().Format(time.RFC3339), Job{Name: "j", When: every(time.Hour), Webhook: server.URL})
	w.phase = func(context.Context, Task, io.Writer) Outcome {
		return Outcome{Message: "1 failure", Failures: []Failure{{Node: "model.orders"}}}
	}
	o := w.options()
	o.Post = Webhook
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := s.Once(t.Context(), "j"); err != nil || r.Status != Failed {
		t.Fatalf("%+v, %v", r, err)
	}
	select {
	case text := <-heard:
		if !strings.Contains(text, `"event":"failure"`) || !strings.Contains(text, `"node":"model.orders"`) {
			t.Error(text)
		}
	default:
		t.Error("nothing was heard")
	}
}

// TestProcess runs real processes.
func TestProcess(t *testing.T) {
	for _, c := range []struct {
		name, script string
		within       time.Duration
		ok           bool
		message, log string
	}{
		{"well", `echo '{}'; echo working >&2`, 0, true, "", "working\n"},
		{"badly", `echo "cannot connect with hunter22" >&2; exit 3`, 0, false, "code 3: cannot connect with ***", "cannot connect with ***\n"},
		{"interrupted", `trap 'echo stopping >&2; exit 1' INT; echo begun >&2; while :; do sleep 0.05; done`, 500 * time.Millisecond, false, "code 1: begun\nstopping", "begun\nstopping\n"},
		{"deaf", `trap '' INT; echo begun >&2; while :; do sleep 0.05; done`, 300 * time.Millisecond, false, "code -1: begun", "begun\n"},
		{"no line end", `printf 'half hunter' >&2; printf '22 done' >&2`, 0, true, "", "half *** done"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &Process{
				Path: "/bin/sh", Args: func(Task) []string { return []string{"-c", c.script} }, Kill: 500 * time.Millisecond, Secrets: []string{"hunter22", "ab", ""},
				Env: []string{"PATH=/usr/bin:/bin"},
				Read: func(_ Task, code int, printed []byte, last string) Outcome {
					if code == 0 {
						return Outcome{OK: true}
					}
					return Outcome{Message: fmt.Sprintf("code %d: %s", code, strings.TrimSpace(last))}
				},
			}
			ctx := t.Context()
			if c.within > 0 {
				var stop func()
				ctx, stop = context.WithTimeout(ctx, c.within)
				defer stop()
			}
			var log strings.Builder
			begun := time.Now()
			o := p.Do(ctx, Task{Phase: "build"}, &log)
			if o.OK != c.ok || o.Message != c.message || log.String() != c.log {
				t.Errorf("%+v, log %q", o, log.String())
			}
			if took := time.Since(begun); took > 10*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
	if o := (&Process{Path: "/none/such", Args: func(Task) []string { return nil }}).Do(t.Context(), Task{Phase: "build"}, io.Discard); o.OK || !strings.Contains(o.Message, "cannot be started") {
		t.Errorf("%+v", o)
	}
}

func TestMaskFindsSecretsAcrossWrites(t *testing.T) {
	var b strings.Builder
	m := NewMask(&b, []string{"long-secret", "long", "line one\nline two"})
	for _, part := range []string{"a long-", "secret here\nand long", "er\nline ", "two\n"} {
		if _, err := m.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Flush(); err != nil || b.String() != "a *** here\nand ***er\n***\n" {
		t.Errorf("%q, %v", b.String(), err)
	}
}
