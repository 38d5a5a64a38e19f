package lsp

import (
	"context"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/editor"
	"github.com/engine-build/engine/engine/source"
)

// symbolKinds are SymbolKind: class, struct, interface, field, namespace, function, property,
// method, package, string, constant.
var symbolKinds = map[editor.SymbolKind]int{
	editor.ModelSymbol: 5, editor.SeedSymbol: 23, editor.SnapshotSymbol: 5, editor.SourceSymbol: 11, editor.ColumnSymbol: 8,
	editor.CTESymbol: 3, editor.MacroSymbol: 12, editor.TestSymbol: 7, editor.UnitTestSymbol: 6, editor.ExposureSymbol: 4,
	editor.DocsSymbol: 15, editor.VarSymbol: 14,
}

// symbols is textDocument/documentSymbol: a tree, or a list for clients that know no trees.
func (s *server) symbols(_ context.Context, a *asked, _ documentParams) (any, bool) {
	found := a.view.Symbols(a.path)
	if s.client.TextDocument.DocumentSymbol.Hierarchical {
		return a.tree(found), len(found) > 0
	}
	out := []symbolInformation{}
	var add func(list []editor.Symbol, in string)
	add = func(list []editor.Symbol, in string) {
		for _, x := range list {
			if x.At.File == nil {
				continue
			}
			out = append(out, symbolInformation{Name: x.Name, Kind: symbolKinds[x.Kind], Location: a.ruler.location(x.At), ContainerName: in})
			add(x.Children, x.Name)
		}
	}
	add(found, "")
	return out, len(found) > 0
}

func (a *asked) tree(list []editor.Symbol) []documentSymbol {
	out := []documentSymbol{}
	for _, x := range list {
		if x.Name == "" || x.At.File == nil { // a name is asked for
			continue
		}
		whole := x.Whole
		if whole.File != x.At.File {
			whole = x.At
		}
		// The name stands within the whole, or clients refuse all of them.
		whole = source.Span{File: whole.File, Start: min(whole.Start, x.At.Start), End: max(whole.End, x.At.End)}
		out = append(out, documentSymbol{
			Name: x.Name, Detail: x.Detail, Kind: symbolKinds[x.Kind], Range: a.ruler.span(whole), SelectionRange: a.ruler.span(x.At), Children: a.tree(x.Children),
		})
	}
	return out
}

// allSymbols is workspace/symbol: of all projects that are open.
func (s *server) allSymbols(p workspaceSymbolParams) (answer, error) {
	folders := s.openFolders()
	return func(ctx context.Context) (any, error) {
		out := []symbolInformation{}
		for _, f := range folders {
			view, err := f.view(ctx, (*editor.Workspace).Known)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil || view == nil {
				continue
			}
			r := s.ruler(f)
			for _, x := range view.WorkspaceSymbols(p.Query) {
				if x.At.File != nil {
					out = append(out, symbolInformation{Name: x.Name, Kind: symbolKinds[x.Kind], Location: r.location(x.At), ContainerName: x.Detail})
				}
			}
		}
		return out, nil
	}, nil
}

// openFolders are the projects that are open, sorted.
func (s *server) openFolders() []*folder {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*folder
	for _, f := range s.folders {
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b *folder) int { return strings.Compare(a.dir, b.dir) })
	return out
}

// actions is textDocument/codeAction.
func (s *server) actions(_ context.Context, a *asked, p codeActionParams) (any, error) {
	out := []codeAction{}
	if len(s.client.TextDocument.CodeAction.LiteralSupport) == 0 {
		return out, nil // the client knows commands only, and these are edits
	}
	for _, x := range a.view.Actions(a.path, a.offset(p.Range.Start), a.offset(p.Range.End)) {
		if !wanted(string(x.Kind), p.Context.Only) {
			continue
		}
		edit, err := a.edit(x.Edits)
		if err != nil {
			continue // makes or moves files, which the client cannot do
		}
		c := codeAction{Title: x.Title, Kind: string(x.Kind), IsPreferred: x.Preferred, Edit: edit}
		if x.Fixes != nil {
			c.Diagnostics = []Diagnostic{s.diagnostic(a.ruler, *x.Fixes)}
		}
		out = append(out, c)
	}
	return out, nil
}

// wanted reports whether a kind of actions is one of those that the client asks for, or below
// one; none means all.
func wanted(kind string, only []string) bool {
	for _, o := range only {
		if kind == o || o == "" || strings.HasPrefix(kind, o+".") {
			return true
		}
	}
	return len(only) == 0
}
