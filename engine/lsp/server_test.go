package lsp_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/editor"
	"github.com/engine-build/engine/engine/lsp"
	"github.com/engine-build/engine/engine/lsp/lsptest"
)

// served is a server in this process.
type served struct {
	*lsptest.Client
	t    *testing.T
	done chan struct{}
	err  error

	mu  sync.Mutex
	log []string
}

// serve begins a server for which the folder /slow is a project that is never done opening,
// /boom a mistake of ours, and nothing else a project.
func serve(t *testing.T) *served {
	return serveOpened(t, func(ctx context.Context, _ string, _ func([]string)) (*editor.Workspace, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
}

// serveOpened is serve with another way to open the project.
func serveOpened(t *testing.T, open func(context.Context, string, func([]string)) (*editor.Workspace, error)) *served {
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	s := &served{t: t, done: make(chan struct{}), Client: lsptest.New(t, inW, outR)}
	o := lsp.Options{
		Settings: "engine.yml", Version: "1", Now: time.Now, Jobs: 2,
		Find: func(file string) (string, bool) {
			if strings.HasPrefix(file, "/boom/") {
				panic("the user's secret")
			}
			return "/slow", strings.HasPrefix(file, "/slow/")
		},
		Open:   open,
		Format: func(context.Context, *editor.View, string) ([]byte, error) { return nil, nil },
		Log: func(line string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.log = append(s.log, line)
		},
	}
	go func() {
		defer close(s.done)
		s.err = lsp.Serve(context.Background(), inR, outW, o)
		_ = outW.Close()
		_ = inR.Close()
	}()
	t.Cleanup(func() {
		s.Close()
		<-s.done
	})
	return s
}

// end waits for the server's end.
func (s *served) end() error {
	s.t.Helper()
	select {
	case <-s.done:
	case <-time.After(lsptest.Patience):
		s.t.Fatal("the server does not end")
	}
	return s.err
}

func (s *served) code(method string, params any) int {
	s.t.Helper()
	if a := s.Try(method, params); a.Error != nil {
		return a.Error.Code
	}
	return 0
}

func document(uri string) map[string]any {
	return map[string]any{"textDocument": map[string]any{"uri": uri}}
}

func TestLifecycle(t *testing.T) {
	s := serve(t)
	got := map[string]int{}
	got["before initialize"] = s.code("textDocument/hover", document("file:///a.sql"))
	s.Open("file:///x/early.sql", "") // dropped
	s.Initialize("file:///x", map[string]any{}, nil)
	got["initialize again"] = s.code("initialize", map[string]any{"capabilities": map[string]any{}})
	got["no such method"] = s.code("textDocument/moniker", document("file:///a.sql"))
	got["not of the protocol"] = s.code("textDocument/completion", []int{1})
	s.Notify("$/unknown", map[string]any{})
	s.Notify("textDocument/didChange", map[string]any{"textDocument": map[string]any{"uri": "file:///never.sql"}})
	got["outside of projects"] = s.code("textDocument/formatting", document("file:///x/a.sql"))
	s.Call("shutdown", nil, nil)
	got["after shutdown"] = s.code("textDocument/formatting", document("file:///a.sql"))
	s.Notify("exit", nil)
	if err := s.end(); err != nil {
		t.Errorf("shutdown and exit end with %v", err)
	}
	want := map[string]int{
		"before initialize": -32002, "initialize again": -32600, "no such method": -32601, "not of the protocol": -32602,
		"outside of projects": 0, "after shutdown": -32600,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestShutdownIsInOrder: what was sent before shutdown is answered, and what was sent after it
// is not, however soon they follow on each other.
func TestShutdownIsInOrder(t *testing.T) {
	for range 20 {
		s := serve(t)
		s.Initialize("file:///x", map[string]any{}, nil)
		var before, after []<-chan lsptest.Answer
		ask := func(list *[]<-chan lsptest.Answer, n int) {
			for range n {
				_, answer := s.Send("textDocument/formatting", document("file:///x/a.sql"))
				*list = append(*list, answer)
			}
		}
		ask(&before, 50)
		_, down := s.Send("shutdown", nil)
		ask(&after, 5)
		for i, answer := range before {
			if a := s.Wait(answer); a.Error != nil {
				t.Fatalf("request %d before shutdown: %+v", i, a.Error)
			}
		}
		if a := s.Wait(down); a.Error != nil {
			t.Errorf("shutdown: %+v", a.Error)
		}
		for i, answer := range after {
			if a := s.Wait(answer); a.Error == nil || a.Error.Code != -32600 {
				t.Errorf("request %d after shutdown: %s %+v", i, a.Result, a.Error)
			}
		}
		s.Notify("exit", nil)
		if err := s.end(); err != nil {
			t.Error(err)
		}
	}
}

func TestAbandoned(t *testing.T) {
	for name, leave := range map[string]func(*served){
		"exit without shutdown": func(s *served) { s.Notify("exit", nil) },
		"the end of the input":  func(s *served) { s.Close() },
	} {
		s := serve(t)
		s.Initialize("", map[string]any{}, nil)
		leave(s)
		if err := s.end(); !errors.Is(err, lsp.ErrAbandoned) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{
		"no length":       "Content-Type: x\r\n\r\n{}",
		"a long message":  "Content-Length: 99999999999\r\n\r\n",
		"a cut message":   "Content-Length: 5\r\n\r\n{}",
		"no header":       "hello\r\n\r\n",
		"an endless line": strings.Repeat("x", 70<<10),
	} {
		s := serve(t)
		s.Raw(text)
		s.Close()
		if err := s.end(); err == nil || errors.Is(err, lsp.ErrAbandoned) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBrokenMessages: what is no request is refused, and the server goes on.
func TestBrokenMessages(t *testing.T) {
	s := serve(t)
	for _, text := range []string{"Content-Length: 1\r\n\r\n{", "content-length: 2\r\nContent-Type: application/vscode-jsonrpc; charset=utf8\r\n\r\n[]", "Content-Length: 4\r\n\r\nnull"} {
		s.Raw(text)
	}
	s.Initialize("", map[string]any{}, nil)
	s.Leave()
	if err := s.end(); err != nil {
		t.Error(err)
	}
}

func TestPanicIsOneRequests(t *testing.T) {
	s := serve(t)
	s.Initialize("", map[string]any{}, nil)
	a := s.Try("textDocument/formatting", document("file:///boom/a.sql"))
	if a.Error == nil || a.Error.Code != -32603 || strings.Contains(a.Error.Message, "secret") {
		t.Errorf("the answer is %+v", a.Error)
	}
	s.Open("file:///boom/b.sql", "") // a notification that panics
	if got := s.code("textDocument/formatting", document("file:///x/a.sql")); got != 0 {
		t.Errorf("afterwards the answer is %d", got)
	}
	s.Leave()
	if err := s.end(); err != nil {
		t.Error(err)
	}
	log := strings.Join(s.log, "\n")
	if !strings.Contains(log, "panicked") || !strings.Contains(log, "server_test.go") || strings.Contains(log, "secret") {
		t.Errorf("the log is\n%s", log)
	}
}

func TestCancel(t *testing.T) {
	s := serve(t)
	s.Initialize("file:///slow", map[string]any{}, nil)
	s.Open("file:///slow/a.sql", "select 1")
	id, waiting := s.Send("textDocument/formatting", document("file:///slow/a.sql"))
	_, other := s.Send("textDocument/formatting", document("file:///slow/a.sql"))
	// Others are answered meanwhile, and edits taken.
	s.Change("file:///slow/a.sql", 2, "select 2")
	s.Notify("$/cancelRequest", map[string]any{"id": id})
	if a := s.Wait(waiting); a.Error == nil || a.Error.Code != -32800 {
		t.Errorf("the answer is %+v", a)
	}
	// The end of the server ends what waits.
	s.Leave()
	if err := s.end(); err != nil {
		t.Error(err)
	}
	select {
	case <-other:
	case <-time.After(lsptest.Patience):
		t.Error("a request is left without an answer")
	}
}

// TestSlowProjectLeavesOthersAlone: what waits for one project takes no part in the work.
func TestSlowProjectLeavesOthersAlone(t *testing.T) {
	s := serve(t)
	s.Initialize("file:///slow", map[string]any{}, nil)
	s.Open("file:///slow/a.sql", "select 1")
	for range 4 { // more than are answered at a time
		s.Send("textDocument/formatting", document("file:///slow/a.sql"))
	}
	if got := s.code("textDocument/formatting", document("file:///x/a.sql")); got != 0 {
		t.Errorf("the answer is %d", got)
	}
}

// TestProjectThatCannotBeOpened: the user is told once, and questions have no answer.
func TestProjectThatCannotBeOpened(t *testing.T) {
	s := serveOpened(t, func(context.Context, string, func([]string)) (*editor.Workspace, error) {
		return nil, errors.New("no room")
	})
	s.Initialize("file:///slow", map[string]any{}, nil)
	s.Open("file:///slow/a.sql", "select 1")
	s.Until("word of it", "window/showMessage", func(p json.RawMessage) bool { return strings.Contains(string(p), "no room") })
	for _, method := range []string{"textDocument/hover", "textDocument/formatting", "textDocument/completion", "textDocument/references"} {
		if got := s.code(method, document("file:///slow/a.sql")); got != 0 {
			t.Errorf("the answer to %s is %d", method, got)
		}
	}
	if n := len(s.Seen("window/showMessage")); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
	asked := map[string]any{"command": "engine.compiled", "arguments": []any{map[string]any{"uri": "file:///slow/a.sql"}}}
	if a := s.Try("workspace/executeCommand", asked); a.Error == nil || !strings.Contains(a.Error.Message, "no room") {
		t.Errorf("the answer to a command is %+v", a)
	}
}

func TestFileWithoutAProject(t *testing.T) {
	s := serve(t)
	s.Initialize("", map[string]any{}, nil)
	s.Open("file:///x/a.sql", "select")
	s.Open("file:///x/b.sql", "select")
	s.Open("untitled:1", "select")
	if got := s.code("textDocument/formatting", document("untitled:1")); got != 0 {
		t.Errorf("the answer is %d", got)
	}
	s.Until("word of the missing settings", "window/showMessage", func(p json.RawMessage) bool {
		return strings.Contains(string(p), "no engine.yml in /x or above it")
	})
	if n := len(s.Seen("window/showMessage")); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
}

func TestCapabilities(t *testing.T) {
	for _, tt := range []struct {
		client, options any
		want            map[string]any
	}{
		{map[string]any{}, nil, map[string]any{"positionEncoding": "utf-16", "diagnosticProvider": nil}},
		{map[string]any{"general": map[string]any{"positionEncodings": []string{"utf-16", "utf-8"}}}, nil, map[string]any{"positionEncoding": "utf-8", "diagnosticProvider": nil}},
		{
			map[string]any{"textDocument": map[string]any{"diagnostic": map[string]any{}}}, map[string]any{"diagnostics": "pull"},
			map[string]any{"positionEncoding": "utf-16", "diagnosticProvider": map[string]any{"identifier": "engine", "interFileDependencies": true, "workspaceDiagnostics": true}},
		},
	} {
		s := serve(t)
		var got map[string]any
		if err := json.Unmarshal(s.Initialize("", tt.client, tt.options), &got); err != nil {
			t.Fatal(err)
		}
		for key, want := range tt.want {
			if diff := cmp.Diff(want, got[key]); diff != "" {
				t.Errorf("%s: %s", key, diff)
			}
		}
	}
}
