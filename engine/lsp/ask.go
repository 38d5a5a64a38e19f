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

// ask answers a request about a document; where it belongs to no project, or to one that cannot
// be opened, which the user has been told, with none.
func ask[P about](s *server, none any, f func(context.Context, *asked, P) (any, error)) method {
	return request(func(p P) (answer, error) {
		then := s.look(p.uri())
		return func(ctx context.Context) (any, error) {
			a, err := then(ctx)
			switch {
			case ctx.Err() != nil:
				return nil, ctx.Err()
			case a == nil || err != nil:
				return none, nil
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
			view, err := a.project.view(ctx, nil)
			if err != nil {
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				return nil, jrpc2.Errorf(requestFailed, "the project cannot be opened: %s", err.Error())
			}
			if view == nil {
				return nil, nil // closed in the meantime
			}
			a.view = view
		}
		f, ok := fileOf(a.view, a.path)
		if !ok && a.view.Program == nil { // no file that is closed has been read yet
			view, err := a.project.view(ctx, (*editor.Workspace).Known)
			if err != nil || view == nil {
				return nil, err
			}
			a.view = view
			f, ok = fileOf(view, a.path)
		}
		if !ok {
			return nil, nil // in the folder and no file of the project
		}
		a.file, a.text = f, a.ruler.text(f)
		if d.text != nil {
			if t, ok := d.text.of(f.Data); ok {
				a.text = t
			}
		}
		return a, nil
	}
}

// fileOf is a file of the project; one of data that is not open has no text.
func fileOf(v *editor.View, path string) (*source.File, bool) {
	if f, ok := v.File(path); ok {
		return f, true
	}
	if n, ok := v.Node(path); ok && n.Seed != nil {
		return n.Seed.At.File, true
	}
	return nil, false
}

// settle waits until the whole project has been checked with this text, for answers that are
// about more than the file. Where the text is another one by then, the answer is of no use.
func (a *asked) settle(ctx context.Context) error { return a.renew(ctx, (*editor.Workspace).Settled) }

// known waits until names mean something, where the project has just been opened.
func (a *asked) known(ctx context.Context) error {
	if a.view.Program != nil {
		return nil
	}
	return a.renew(ctx, (*editor.Workspace).Known)
}

// renew takes the View after a wait, if it has the same text.
func (a *asked) renew(ctx context.Context, wait func(*editor.Workspace, context.Context) error) error {
	view, err := a.project.view(ctx, wait)
	if err != nil {
		return err
	}
	if view != nil {
		if f, ok := fileOf(view, a.path); ok && bytes.Equal(f.Data, a.file.Data) {
			a.view, a.file, a.ruler = view, f, a.ruler.server.ruler(a.project)
			return nil
		}
	}
	return jrpc2.Errorf(contentModified, "the text has changed in the meantime")
}

// orLater answers from what is known at once and, where that is nothing and the project has not
// been read yet, once more when it has.
func orLater[P about](answer func(context.Context, *asked, P) (any, bool)) func(context.Context, *asked, P) (any, error) {
	return func(ctx context.Context, a *asked, p P) (any, error) {
		out, ok := answer(ctx, a, p)
		if ok || a.view.Program != nil {
			return out, nil
		}
		if err := a.known(ctx); err != nil {
			return nil, err
		}
		out, _ = answer(ctx, a, p)
		return out, nil
	}
}

// onceKnown answers when the project has been read.
func onceKnown[P about](answer func(context.Context, *asked, P) (any, error)) func(context.Context, *asked, P) (any, error) {
	return func(ctx context.Context, a *asked, p P) (any, error) {
		if err := a.known(ctx); err != nil {
			return nil, err
		}
		return answer(ctx, a, p)
	}
}

// dirOf is the folder of a file.
func dirOf(file string) string { return filepath.Dir(file) }
