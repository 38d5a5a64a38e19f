package lsp

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/creachadair/jrpc2"

	"github.com/engine-build/engine/engine/source"
)

// document is one version of an open buffer. It is not changed: an edit makes another one.
type document struct {
	uri     string
	file    string // path of the file; empty: the buffer is no file
	version int
	text    *text
	// project is the folder that has the file, nil where none does; path is relative to it.
	project *folder
	path    string
}

// open is textDocument/didOpen.
func (s *server) open(_ context.Context, p didOpenParams) error {
	d := &document{uri: p.TextDocument.URI, version: p.TextDocument.Version, text: newText([]byte(p.TextDocument.Text))}
	d.file, _ = pathOf(d.uri)
	s.place(d)
	s.mu.Lock()
	s.documents[d.uri] = d
	s.mu.Unlock()
	s.set(d)
	if d.project == nil && strings.EqualFold(filepath.Ext(d.file), ".sql") {
		s.homeless(d.file)
	}
	return nil
}

// change is textDocument/didChange.
func (s *server) change(_ context.Context, p didChangeParams) error {
	s.mu.Lock()
	old := s.documents[p.TextDocument.URI]
	if old == nil {
		s.mu.Unlock()
		return jrpc2.Errorf(jrpc2.InvalidParams, "the document is not open")
	}
	d := *old
	d.version = p.TextDocument.Version
	for _, c := range p.ContentChanges {
		d.text = d.text.apply(c, s.encoding)
	}
	s.documents[d.uri] = &d
	s.mu.Unlock()
	s.set(&d)
	return nil
}

// save is textDocument/didSave. The text is known; what matters is that others may read it,
// and for clients that do not watch files it is the moment to look at the disk.
func (s *server) save(_ context.Context, p documentParams) error {
	s.mu.Lock()
	d, watching := s.documents[p.TextDocument.URI], s.watching
	s.mu.Unlock()
	if d == nil || watching {
		return nil
	}
	if filepath.Base(d.file) == s.options.Settings {
		s.replace()
	}
	if d.project != nil {
		d.project.touched()
	}
	return nil
}

// shut is textDocument/didClose.
func (s *server) shut(_ context.Context, p documentParams) error {
	s.mu.Lock()
	d := s.documents[p.TextDocument.URI]
	delete(s.documents, p.TextDocument.URI)
	s.mu.Unlock()
	if d == nil || d.project == nil {
		return nil
	}
	d.project.drop(d.path)
	s.publisher.mark(d.project, d.path)
	return nil
}

// set gives the project the buffer.
func (s *server) set(d *document) {
	if d.project != nil {
		d.project.set(d.path, d.text.data)
	}
}

// at is the open buffer of a file, nil where there is none.
func (s *server) at(f *folder, path string) *document {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.documents {
		if d.project == f && d.path == path {
			return d
		}
	}
	return nil
}

// ruler converts places of one project's files for one answer. It is not safe for concurrent
// use.
type ruler struct {
	server  *server
	project *folder
	texts   map[*source.File]*text
	open    map[string]*document
}

func (s *server) ruler(f *folder) *ruler {
	r := &ruler{server: s, project: f, texts: map[*source.File]*text{}, open: map[string]*document{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.documents {
		if d.project == f {
			r.open[d.path] = d
		}
	}
	return r
}

// text is that of f, with the lines that its client sees.
func (r *ruler) text(f *source.File) *text {
	t := r.texts[f]
	if t == nil {
		if d := r.open[f.Path]; d != nil {
			t, _ = d.text.of(f.Data)
		}
		if t == nil {
			t = storedText(f.Data)
		}
		r.texts[f] = t
	}
	return t
}

func (r *ruler) span(s source.Span) Range {
	if s.File == nil {
		return Range{}
	}
	return r.text(s.File).span(s.Start, s.End, r.server.encoding)
}

// uri names a file of the project as its client does.
func (r *ruler) uri(path string) string {
	if d := r.open[path]; d != nil {
		return d.uri
	}
	return uriOf(filepath.Join(r.project.dir, filepath.FromSlash(path)))
}

// version is that of the buffer, nil for files that are not open.
func (r *ruler) version(path string) *int {
	if d := r.open[path]; d != nil {
		return &d.version
	}
	return nil
}

func (r *ruler) location(s source.Span) Location {
	return Location{URI: r.uri(s.File.Path), Range: r.span(s)}
}
