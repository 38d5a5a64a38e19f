package lsp

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/editor"
)

// publisher sends diagnostics when they change, from a goroutine of its own: those who find
// them do not wait for the client.
type publisher struct {
	mu    sync.Mutex
	dirty map[*folder]map[string]bool
	sent  map[*folder]map[string]published
	gone  []*folder
	wake  chan struct{}
}

// published is what the client shows for a file.
type published struct {
	uri     string
	version int // -1: the file is not open
	list    []byte
}

func newPublisher() *publisher {
	return &publisher{dirty: map[*folder]map[string]bool{}, sent: map[*folder]map[string]published{}, wake: make(chan struct{}, 1)}
}

// mark says that the diagnostics of files may have changed.
func (p *publisher) mark(f *folder, paths ...string) {
	p.mu.Lock()
	if p.dirty[f] == nil {
		p.dirty[f] = map[string]bool{}
	}
	for _, path := range paths {
		p.dirty[f][path] = true
	}
	p.mu.Unlock()
	p.signal()
}

// forget takes back what was sent of a project.
func (p *publisher) forget(f *folder) {
	p.mu.Lock()
	delete(p.dirty, f)
	p.gone = append(p.gone, f)
	p.mu.Unlock()
	p.signal()
}

func (p *publisher) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// publish runs until done is closed.
func (s *server) publish(done <-chan struct{}) {
	p := s.publisher
	for {
		select {
		case <-done:
			return
		case <-p.wake:
		}
		p.mu.Lock()
		dirty, gone := p.dirty, p.gone
		p.dirty, p.gone = map[*folder]map[string]bool{}, nil
		p.mu.Unlock()
		for _, f := range gone {
			for _, sent := range p.sent[f] {
				if string(sent.list) != "[]" && !s.pulled() {
					s.send("textDocument/publishDiagnostics", publishDiagnosticsParams{URI: sent.uri, Diagnostics: []Diagnostic{}})
				}
			}
			delete(p.sent, f)
			delete(dirty, f)
		}
		for f, paths := range dirty {
			_ = s.dispatcher.guard("publish", func() error { s.publishFolder(f, paths); return nil })
		}
		if len(dirty) > 0 && s.pulled() && s.client.Workspace.Diagnostics.RefreshSupport {
			s.later("workspace/diagnostic/refresh")
		}
		if len(dirty) > 0 && s.client.Workspace.InlayHint.RefreshSupport {
			s.later("workspace/inlayHint/refresh")
		}
	}
}

func (s *server) publishFolder(f *folder, paths map[string]bool) {
	ws := f.workspace()
	if ws == nil || s.pulled() {
		return
	}
	sent := s.publisher.sent[f]
	if sent == nil {
		sent = map[string]published{}
		s.publisher.sent[f] = sent
	}
	if paths[""] { // of the project as a whole: shown at its settings
		delete(paths, "")
		paths[s.options.Settings] = true
	}
	all := make([]string, 0, len(paths))
	for path := range paths {
		all = append(all, path)
	}
	slices.Sort(all)
	r := s.ruler(f)
	view := ws.View()
	for _, path := range all {
		if d := r.open[path]; d != nil && !same(view, d) {
			continue // an edit is under way, and what is found in it will be published
		}
		now := published{uri: r.uri(path), version: -1}
		list := s.diagnostics(r, view, path)
		var version *int
		if version = r.version(path); version != nil {
			now.version = *version
		}
		now.list, _ = json.Marshal(list)
		old, known := sent[path]
		if known && old.uri == now.uri && old.version == now.version && bytes.Equal(old.list, now.list) || !known && len(list) == 0 && version == nil {
			continue
		}
		if known && old.uri != now.uri && string(old.list) != "[]" { // opened under another name
			s.send("textDocument/publishDiagnostics", publishDiagnosticsParams{URI: old.uri, Diagnostics: []Diagnostic{}})
		}
		sent[path] = now
		s.send("textDocument/publishDiagnostics", publishDiagnosticsParams{URI: now.uri, Version: version, Diagnostics: list})
	}
}

// same reports whether the view has the text of the buffer, or does not have the file at all. A
// byte order mark is no part of a file's text.
func same(view *editor.View, d *document) bool {
	f, ok := view.File(d.path)
	return !ok || bytes.Equal(unmarked(f.Data), unmarked(d.text.data))
}

// diagnostics are those of a file in the client's form; those without a place are at the
// beginning of the settings.
func (s *server) diagnostics(r *ruler, view *editor.View, path string) []Diagnostic {
	out := []Diagnostic{}
	found := view.Diagnostics(path)
	if path == s.options.Settings {
		found = append(slices.Clip(view.Diagnostics("")), found...)
	}
	for _, d := range found {
		out = append(out, s.diagnostic(r, d))
	}
	return out
}

func (s *server) diagnostic(r *ruler, d diag.Diagnostic) Diagnostic {
	out := Diagnostic{Range: r.span(d.At), Severity: severity(d.Severity), Code: string(d.Code), Source: "engine", Message: message(d)}
	for _, l := range d.Labels {
		if l.At.File != nil {
			out.RelatedInformation = append(out.RelatedInformation, relatedInformation{Location: r.location(l.At), Message: l.Text})
		}
	}
	return out
}

// severity is DiagnosticSeverity.
func severity(s diag.Severity) int {
	switch s {
	case diag.Warning:
		return 2
	case diag.Remark:
		return 3
	}
	return 1
}

// message is all that a person is told about a mistake; a frame around the place is the
// editor's.
func message(d diag.Diagnostic) string {
	var b strings.Builder
	b.WriteString(d.Message)
	if d.AtText != "" {
		b.WriteString(": " + d.AtText)
	}
	for _, n := range d.Notes {
		b.WriteString("\nnote: " + n)
	}
	if d.Help != "" {
		b.WriteString("\nhelp: " + d.Help)
	}
	return b.String()
}
