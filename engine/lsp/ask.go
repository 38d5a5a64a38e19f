package lsp

import (
	"bytes"
	"context"
	"path/filepath"

	"github.com/creachadair/jrpc2"

	"github.com/engine-build/engine/engine/editor"
	"github.com/engine-build/engine/engine/source"
)

// asked is what a request is about: a file of a project, at the moment when it was sent.
type asked struct {
	project *folder
	path    string
	view    *editor.View
	file    *source.File
	text    *text
	ruler   *ruler
}

// offset is a place of the client in bytes.
func (a *asked) offset(p Position) int { return a.text.offset(p, a.ruler.server.encoding) }

// span is a range of the file.
func (a *asked) span(from, to int) Range { return a.text.span(from, to, a.ruler.server.encoding) }

// about is what requests have that name a document.
type about interface{ uri() string }

func (p documentParams) uri() string { return p.TextDocument.URI }
func (p placeParams) uri() string    { return p.TextDocument.URI }
func (p rangeParams) uri() string    { return p.TextDocument.URI }

// ask answers a request about a document; where it belongs to no project, with none.
func ask[P about](s *server, none any, f func(context.Context, *asked, P) (any, error)) method {
	return request(func(p P) (answer, error) {
		then := s.look(p.uri())
		return func(ctx context.Context) (any, error) {
			a, err := then(ctx)
			if a == nil || err != nil {
				return none, err
			}
			return f(ctx, a, p)
		}, nil
	})
}

// look takes the document as it is now. What it returns waits for the project, where that is
// still being opened, and is nil for files outside of projects.
func (s *server) look(uri string) func(context.Context) (*asked, error) {
	s.mu.Lock()
	d := s.documents[uri]
	s.mu.Unlock()
	if d == nil {
		d = &document{uri: uri}
		d.file, _ = pathOf(uri)
		s.place(d)
	}
	if d.project == nil {
		return func(context.Context) (*asked, error) { return nil, nil }
	}
	a := &asked{project: d.project, path: d.path, ruler: s.ruler(d.project)}
	if ws := d.project.workspace(); ws != nil {
		a.view = ws.View()
	}
	return func(ctx context.Context) (*asked, error) {
		if a.view == nil {
			ws, err := d.project.wait(ctx)
			if err != nil {
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				return nil, jrpc2.Errorf(requestFailed, "the project cannot be opened: %s", err.Error())
			}
			if ws == nil {
				return nil, nil // closed in the meantime
			}
			a.view = ws.View()
		}
		f, ok := a.view.File(a.path)
		if !ok {
			return nil, nil // in the folder and no file of the project
		}
		a.file, a.text = f, a.ruler.text(f)
		if d.text != nil && bytes.Equal(d.text.data, f.Data) {
			a.text = d.text
		}
		return a, nil
	}
}

// settle waits until the whole project has been checked with this text, for answers that are
// about more than the file. Where the text is another one by then, the answer is of no use.
func (a *asked) settle(ctx context.Context) error {
	ws, err := a.project.wait(ctx)
	if err != nil {
		return err
	}
	if ws != nil {
		if err := ws.Settled(ctx); err != nil {
			return err
		}
		a.view = ws.View()
	}
	f, ok := a.view.File(a.path)
	if ws == nil || !ok || !bytes.Equal(f.Data, a.file.Data) {
		return jrpc2.Errorf(contentModified, "the text has changed in the meantime")
	}
	a.file, a.ruler = f, a.ruler.server.ruler(a.project)
	return nil
}

// dirOf is the folder of a file.
func dirOf(file string) string { return filepath.Dir(file) }
