package lsp

import (
	"context"

	"github.com/creachadair/jrpc2"
)

// features adds what an editor asks of documents.
func (s *server) features(m map[string]method) {
	m["textDocument/completion"] = ask(s, nil, s.complete)
	m["textDocument/hover"] = ask(s, nil, orLater(s.hover))
	m["textDocument/signatureHelp"] = ask(s, nil, s.signature)
	m["textDocument/inlayHint"] = ask(s, nil, s.inlays)
	m["textDocument/definition"] = ask(s, nil, orLater(s.definition))
	m["textDocument/references"] = ask(s, nil, onceKnown(s.references))
	m["textDocument/documentHighlight"] = ask(s, nil, s.highlight)
	m["textDocument/prepareRename"] = ask(s, nil, onceKnown(s.prepareRename))
	m["textDocument/rename"] = ask(s, nil, s.rename)
	m["textDocument/documentSymbol"] = ask(s, nil, orLater(s.symbols))
	m["workspace/symbol"] = request(s.allSymbols)
	m["textDocument/codeAction"] = ask(s, nil, s.actions)
	m["textDocument/formatting"] = ask(s, nil, onceKnown(s.format))
	m["textDocument/diagnostic"] = ask(s, fullReport{Kind: "full", Items: []Diagnostic{}}, s.pull)
	m["workspace/diagnostic"] = request(s.pullAll)
	m["workspace/executeCommand"] = request(s.execute)
}

// format is textDocument/formatting: the style is the project's, not the client's.
func (s *server) format(ctx context.Context, a *asked, _ documentParams) (any, error) {
	data, err := s.options.Format(ctx, a.view, a.path)
	if err != nil {
		return nil, jrpc2.Errorf(requestFailed, "%s", err.Error())
	}
	if data == nil || string(data) == string(a.file.Data) {
		return []TextEdit{}, nil
	}
	return []TextEdit{{Range: a.span(0, len(a.file.Data)), NewText: string(data)}}, nil
}

// pull is textDocument/diagnostic.
func (s *server) pull(_ context.Context, a *asked, _ documentParams) (any, error) {
	return fullReport{Kind: "full", Items: s.diagnostics(a.ruler, a.view, a.path)}, nil
}

// pullAll is workspace/diagnostic.
func (s *server) pullAll(struct{}) (answer, error) {
	folders := s.openFolders()
	return func(ctx context.Context) (any, error) {
		out := workspaceReports{Items: []workspaceReport{}}
		for _, f := range folders {
			view, err := f.view(ctx, nil)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil || view == nil {
				continue
			}
			r := s.ruler(f)
			for _, path := range view.Paths() {
				if path == "" {
					continue
				}
				report := workspaceReport{URI: r.uri(path), Version: r.version(path)}
				report.Kind, report.Items = "full", s.diagnostics(r, view, path)
				out.Items = append(out.Items, report)
			}
		}
		return out, nil
	}, nil
}
