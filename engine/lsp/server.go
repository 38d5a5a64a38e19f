package lsp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"time"

	"github.com/creachadair/jrpc2"

	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/editor"
)

// Options are the world outside of the protocol.
type Options struct {
	// Settings is the name of the file that makes a folder a project.
	Settings string
	// Find gives the folder of the project that has a file, by the nearest settings upward.
	Find func(file string) (dir string, ok bool)
	// Open opens a project. Files are published by their paths below dir.
	Open func(ctx context.Context, dir string, published func(paths []string)) (*editor.Workspace, error)
	// Rows runs a query of a project and gives its first rows. The target is opened for
	// reading only, and closed before Rows returns.
	Rows func(ctx context.Context, q RowsQuery) (Rows, error)
	// Lineage draws what a model reads and what reads it.
	Lineage func(ctx context.Context, q LineageQuery) (Lineage, error)
	// Format lays a file out in the project's style; nil: it is no file that can be formatted.
	Format func(ctx context.Context, view *editor.View, path string) ([]byte, error)
	// Version is the engine's.
	Version string
	// Now is the clock for the log.
	Now func() time.Time
	// Log takes a line about the server's work, without what users wrote; nil: nobody does.
	// It is called from many goroutines at a time.
	Log func(line string)
	// Jobs is how many requests are answered at a time, at least 2.
	Jobs int
}

// RowsQuery asks for rows of what is being edited.
type RowsQuery struct {
	Dir  string // folder of the project
	View *editor.View
	Node *compile.Node // the model, with the text of its buffer
	// CTE is the path of a common table expression of the model, «outer.inner»; empty: the model.
	CTE   string
	Limit int // rows, at least 1
}

// Rows are the answer of engine.rows: values as people read them, nil for NULL.
type Rows struct {
	Name    string      `json:"name"` // of the model, with that of the CTE
	Columns []Column    `json:"columns"`
	Rows    [][]*string `json:"rows"`
	// More says that there are rows beyond the limit.
	More bool `json:"more"`
}

// LineageQuery asks for the lineage of a model or of one of its columns.
type LineageQuery struct {
	View   *editor.View
	Node   *compile.Node
	Column string // empty: the model
}

// Lineage is the answer of engine.lineage: a picture, and the same as text.
type Lineage struct {
	Title string `json:"title"`
	SVG   string `json:"svg"`
	Text  string `json:"text"`
}

// Column is one column of Rows.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type,omitempty"`
}

// ErrAbandoned means that the client went away, or said exit, without shutdown: by the
// protocol the process then ends with code 1.
var ErrAbandoned = errors.New("the editor went away without shutdown")

// phase of the server's life («Lifecycle Messages»).
type phase int

const (
	fresh phase = iota
	initialized
	shutDown
)

type server struct {
	options    Options
	ctx        context.Context
	rpc        *jrpc2.Server
	dispatcher *dispatcher
	publisher  *publisher
	opening    sync.WaitGroup
	exited     chan struct{}
	exitOnce   sync.Once

	// Set by initialize, before anything that reads them runs.
	client   clientCapabilities
	encoding encoding

	mu        sync.Mutex
	phase     phase
	ended     bool
	settings  settings
	roots     []string
	folders   map[string]*folder
	documents map[string]*document
	watching  bool
	told      map[string]bool // what homeless has said
}

// Serve speaks the protocol over in and out until the client says exit, in ends or ctx does.
// It is nil where the client said shutdown and then exit. A read of in that waits at the end
// is left to the caller, who closes in.
func Serve(ctx context.Context, in io.Reader, out io.Writer, o Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &server{
		options: o, ctx: ctx, publisher: newPublisher(), exited: make(chan struct{}), encoding: utf16Units,
		folders: map[string]*folder{}, documents: map[string]*document{}, told: map[string]bool{},
	}
	s.dispatcher = &dispatcher{
		admit: s.admit, log: s.log, now: o.Now, slots: make(chan struct{}, max(o.Jobs, 2)),
		looking: map[*pending]bool{}, calls: map[string]context.CancelFunc{},
	}
	s.dispatcher.methods = s.methods()
	stream := newFrames(in, out)
	// The dispatcher bounds the work; what only looks must never wait for what works.
	s.rpc = jrpc2.NewServer(s.dispatcher, &jrpc2.ServerOptions{
		AllowPush: true, DisableBuiltin: true, Concurrency: math.MaxInt32,
		NewContext: func() context.Context { return ctx },
	})
	s.rpc.Start(stream)
	published := make(chan struct{})
	stopPublishing := make(chan struct{})
	go func() {
		defer close(published)
		s.publish(stopPublishing)
	}()
	over := make(chan struct{})
	var status jrpc2.ServerStatus
	go func() {
		defer close(over)
		status = s.rpc.WaitStatus()
	}()
	select {
	case <-s.exited:
	case <-over:
	case <-ctx.Done():
	}
	cancel()
	s.rpc.Stop()
	<-over
	close(stopPublishing)
	<-published
	s.mu.Lock()
	s.ended = true
	folders, done := s.folders, s.phase == shutDown
	s.folders = nil
	s.mu.Unlock()
	for _, f := range folders {
		f.close()
	}
	s.opening.Wait()
	_ = stream.Close()
	select {
	case <-stream.written:
	case <-time.After(time.Second): // a client that does not read
	}
	switch {
	case status.Err != nil:
		return fmt.Errorf("read from the editor: %w", status.Err)
	case done:
		return nil
	}
	return ErrAbandoned
}

func (s *server) methods() map[string]method {
	m := map[string]method{
		"initialize":                          request(s.initialize),
		"initialized":                         notification(s.initialized),
		"shutdown":                            request(s.shutdown),
		"exit":                                notification(s.exit),
		"$/cancelRequest":                     notification(s.cancelRequest),
		"$/setTrace":                          notification(func(context.Context, json.RawMessage) error { return nil }),
		"textDocument/didOpen":                notification(s.open),
		"textDocument/didChange":              notification(s.change),
		"textDocument/didSave":                notification(s.save),
		"textDocument/didClose":               notification(s.shut),
		"workspace/didChangeWatchedFiles":     notification(s.changeFiles),
		"workspace/didChangeWorkspaceFolders": notification(s.changeFolders),
		"workspace/didChangeConfiguration":    notification(s.configure),
	}
	s.features(m)
	return m
}

// admit says why a message cannot be taken now. After shutdown none is but exit.
func (s *server) admit(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case name == "exit":
		return nil
	case s.phase == fresh && name != "initialize":
		return jrpc2.Errorf(serverNotInitialized, "initialize comes first")
	case s.phase == initialized && name == "initialize":
		return jrpc2.Errorf(jrpc2.InvalidRequest, "initialize comes once")
	case s.phase == shutDown:
		return jrpc2.Errorf(jrpc2.InvalidRequest, "the server has been shut down")
	case name == "shutdown":
		s.phase = shutDown
	}
	return nil
}

func (s *server) initialize(p initializeParams) (answer, error) {
	s.client = p.Capabilities
	s.encoding = chooseEncoding(p.Capabilities.General.PositionEncodings)
	s.mu.Lock()
	s.settings = p.InitializationOptions
	for _, w := range p.WorkspaceFolders {
		if path, ok := pathOf(w.URI); ok {
			s.roots = append(s.roots, path)
		}
	}
	if len(p.WorkspaceFolders) == 0 {
		if path, ok := pathOf(p.RootURI); ok {
			s.roots = append(s.roots, path)
		} else if p.RootURI == "" && p.RootPath != "" {
			s.roots = append(s.roots, p.RootPath)
		}
	}
	s.phase = initialized
	s.mu.Unlock()
	c := serverCapabilities{
		PositionEncoding:           s.encoding,
		TextDocumentSync:           textDocumentSync{OpenClose: true, Change: incremental},
		CompletionProvider:         completionOptions{TriggerCharacters: []string{".", "\"", "'", "{", "(", " ", ":"}},
		HoverProvider:              true,
		SignatureHelpProvider:      signatureHelpOptions{TriggerCharacters: []string{"(", ",", " "}, RetriggerCharacters: []string{")"}},
		DefinitionProvider:         true,
		ReferencesProvider:         true,
		DocumentHighlightProvider:  true,
		DocumentSymbolProvider:     true,
		WorkspaceSymbolProvider:    true,
		CodeActionProvider:         codeActionOptions{CodeActionKinds: []string{"quickfix", "refactor"}},
		RenameProvider:             renameOptions{PrepareProvider: true},
		DocumentFormattingProvider: true,
		InlayHintProvider:          true,
		ExecuteCommandProvider:     executeCommandOptions{Commands: commandNames},
	}
	if s.pulled() {
		c.DiagnosticProvider = &diagnosticOptions{Identifier: "engine", InterFileDependencies: true, WorkspaceDiagnostics: true}
	}
	c.Workspace.WorkspaceFolders.Supported = true
	c.Workspace.WorkspaceFolders.ChangeNotifications = true
	result := initializeResult{Capabilities: c, ServerInfo: serverInfo{Name: "engine", Version: s.options.Version}}
	return func(context.Context) (any, error) { return result, nil }, nil
}

// watched are the files that make a project.
var watched = []string{"**/*.{sql,yml,yaml,tmpl,csv,md,py}", "**/.env"}

func (s *server) initialized(ctx context.Context, _ json.RawMessage) error {
	s.log("initialized: positions in %s", s.encoding)
	if s.client.Workspace.DidChangeWatchedFiles.DynamicRegistration {
		var o watchOptions
		for _, glob := range watched {
			o.Watchers = append(o.Watchers, fileSystemWatcher{GlobPattern: glob})
		}
		s.opening.Go(func() {
			err := s.callback(s.ctx, "client/registerCapability", registrationParams{Registrations: []registration{
				{ID: "engine.files", Method: "workspace/didChangeWatchedFiles", RegisterOptions: o},
			}})
			s.mu.Lock()
			s.watching = err == nil
			s.mu.Unlock()
		})
	}
	s.openRoots()
	return nil
}

// shutdown only answers: admit has ended the phase when it was sent.
func (s *server) shutdown(json.RawMessage) (answer, error) {
	return func(context.Context) (any, error) { return nil, nil }, nil
}

func (s *server) exit(context.Context, json.RawMessage) error {
	s.exitOnce.Do(func() { close(s.exited) })
	return nil
}

func (s *server) cancelRequest(_ context.Context, p struct {
	ID json.RawMessage `json:"id"`
}) error {
	s.dispatcher.cancel(string(p.ID))
	return nil
}

// configure is workspace/didChangeConfiguration: {"settings": {"engine": {…}}}.
func (s *server) configure(_ context.Context, p didChangeConfigurationParams) error {
	if p.Settings.Engine == nil {
		return nil
	}
	s.mu.Lock()
	asked := s.settings.Diagnostics // is agreed on once, by initialize
	s.settings = *p.Settings.Engine
	s.settings.Diagnostics = asked
	s.mu.Unlock()
	if s.client.Workspace.InlayHint.RefreshSupport {
		s.later("workspace/inlayHint/refresh")
	}
	return nil
}

// pulled reports whether the client asks for diagnostics itself. Doing both would show each
// mistake twice.
func (s *server) pulled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settings.Diagnostics == "pull" && s.client.TextDocument.Diagnostic != nil
}

func (s *server) log(format string, args ...any) {
	if s.options.Log != nil {
		s.options.Log(fmt.Sprintf(format, args...))
	}
}

// send sends a notification.
func (s *server) send(name string, params any) {
	if err := s.rpc.Notify(s.ctx, name, params); err != nil {
		s.log("%s could not be sent (%T)", name, err)
	}
}

// callback asks the client, and waits for its answer.
func (s *server) callback(ctx context.Context, name string, params any) error {
	_, err := s.rpc.Callback(ctx, name, params)
	if err != nil {
		s.log("%s was refused%s", name, outcome(err))
	}
	return err
}

// later asks the client without waiting.
func (s *server) later(name string) {
	go func() { _ = s.callback(s.ctx, name, nil) }()
}

func (s *server) show(kind int, text string) {
	s.send("window/showMessage", messageParams{Type: kind, Message: text})
}

// homeless says, once for a folder, that a file belongs to no project.
func (s *server) homeless(file string) {
	dir := dirOf(file)
	s.mu.Lock()
	told := s.told[dir]
	s.told[dir] = true
	s.mu.Unlock()
	if !told {
		s.show(messageInfo, "no "+s.options.Settings+" in "+dir+" or above it: the file belongs to no project, and nothing is checked; engine init makes a project")
	}
}
