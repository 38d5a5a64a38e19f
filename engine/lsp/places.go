package lsp

import (
	"context"
	"strings"
	"unicode/utf16"

	"github.com/creachadair/jrpc2"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/editor"
)

// hover is textDocument/hover.
func (s *server) hover(_ context.Context, a *asked, p placeParams) (any, bool) {
	h, ok := a.view.Hover(a.path, a.offset(p.Position))
	if !ok {
		return nil, false
	}
	at := a.span(h.From, h.To)
	contents := markup(h.Text, s.client.TextDocument.Hover.ContentFormat)
	if contents == nil {
		return nil, false
	}
	return hover{Contents: *contents, Range: &at}, true
}

// signature is textDocument/signatureHelp.
func (s *server) signature(_ context.Context, a *asked, p placeParams) (any, error) {
	found, ok := a.view.Signature(a.path, a.offset(p.Position))
	if !ok {
		return nil, nil
	}
	info := signatureInformation{Label: found.Label, Parameters: []parameterInformation{}, Documentation: markup(found.Doc, s.client.TextDocument.SignatureHelp.SignatureInformation.DocumentationFormat)}
	for _, at := range found.Params {
		from, to := max(at[0], 0), min(at[1], len(found.Label))
		if from > to {
			continue
		}
		// Offsets in labels are UTF-16, whatever was agreed on for texts.
		info.Parameters = append(info.Parameters, parameterInformation{Label: [2]int{units(found.Label[:from]), units(found.Label[:to])}})
	}
	active := found.Active
	if active < 0 {
		active = len(info.Parameters) // behind the last: none
	}
	return signatureHelp{Signatures: []signatureInformation{info}, ActiveParameter: active}, nil
}

// units is the length of a text in UTF-16.
func units(text string) int {
	n := 0
	for _, r := range text {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}

// inlays is textDocument/inlayHint.
func (s *server) inlays(_ context.Context, a *asked, p rangeParams) (any, error) {
	s.mu.Lock()
	on := s.settings.InlayHints == nil || *s.settings.InlayHints
	s.mu.Unlock()
	out := []inlayHint{}
	if !on {
		return out, nil
	}
	for _, i := range a.view.Inlays(a.path, a.offset(p.Range.Start), a.offset(p.Range.End)) {
		at := a.span(i.At, i.At).Start
		out = append(out, inlayHint{Position: at, Label: i.Text, Kind: inlayType, PaddingLeft: true, Tooltip: markup(i.Doc, []string{"markdown"})})
	}
	return out, nil
}

// inlayType is InlayHintKind.Type.
const inlayType = 1

// definition is textDocument/definition.
func (s *server) definition(_ context.Context, a *asked, p placeParams) (any, bool) {
	found := a.locations(a.view.Definition(a.path, a.offset(p.Position)))
	return found, len(found) > 0
}

// references is textDocument/references.
func (s *server) references(_ context.Context, a *asked, p referenceParams) (any, error) {
	return a.locations(a.view.References(a.path, a.offset(p.Position), p.Context.IncludeDeclaration)), nil
}

func (a *asked) locations(places []editor.Place) []Location {
	out := []Location{}
	for _, p := range places {
		if p.At.File != nil {
			out = append(out, a.ruler.location(p.At))
		}
	}
	return out
}

// highlight is textDocument/documentHighlight: the references within the file.
func (s *server) highlight(_ context.Context, a *asked, p placeParams) (any, error) {
	out := []documentHighlight{}
	for _, r := range a.view.References(a.path, a.offset(p.Position), true) {
		if r.At.File != nil && r.At.File.Path == a.path {
			out = append(out, documentHighlight{Range: a.ruler.span(r.At)})
		}
	}
	return out, nil
}

// prepareRename is textDocument/prepareRename.
func (s *server) prepareRename(_ context.Context, a *asked, p placeParams) (any, error) {
	at, name, err := a.view.Renamable(a.path, a.offset(p.Position))
	if err != nil {
		return nil, jrpc2.Errorf(requestFailed, "%s", err.Error())
	}
	return prepareRenameResult{Range: a.ruler.span(at), Placeholder: name}, nil
}

// rename is textDocument/rename.
func (s *server) rename(ctx context.Context, a *asked, p renameParams) (any, error) {
	if err := a.settle(ctx); err != nil {
		return nil, err
	}
	edits, found := a.view.Rename(a.path, a.offset(p.Position), p.NewName)
	if found.HasErrors() {
		return nil, jrpc2.Errorf(requestFailed, "%s", refusal(found))
	}
	return a.edit(edits)
}

// refusal is a list of mistakes as one text: a client shows it in a box without places.
func refusal(l diag.List) string {
	var b strings.Builder
	const most = 8
	for i, d := range l {
		if i == most {
			b.WriteString("\n…")
			break
		}
		if i > 0 {
			b.WriteString("\n")
		}
		if d.At.File != nil {
			b.WriteString(d.Line())
		} else {
			b.WriteString(message(d))
		}
	}
	return b.String()
}

// edit is what a rename or an action changes, in the form that the client can apply.
func (a *asked) edit(e editor.Edits) (*WorkspaceEdit, error) {
	can := a.ruler.server.client.Workspace.WorkspaceEdit
	var paths []string
	files := map[string][]TextEdit{}
	for _, x := range e.Edits {
		if x.At.File == nil {
			continue
		}
		path := x.At.File.Path
		if files[path] == nil {
			paths = append(paths, path)
		}
		files[path] = append(files[path], TextEdit{Range: a.ruler.span(x.At), NewText: x.New})
	}
	// Who can make, move or remove files can take the form that says so, whether or not it says it.
	if !can.DocumentChanges && len(can.ResourceOperations) == 0 {
		if len(e.Moves)+len(e.Creates) > 0 {
			return nil, jrpc2.Errorf(requestFailed, "this makes or moves files, which the editor cannot do")
		}
		out := &WorkspaceEdit{Changes: map[string][]TextEdit{}}
		for path, list := range files {
			out.Changes[a.ruler.uri(path)] = list
		}
		return out, nil
	}
	operation := func(kind string) error {
		for _, k := range can.ResourceOperations {
			if k == kind {
				return nil
			}
		}
		return jrpc2.Errorf(requestFailed, "the editor cannot %s files", kind)
	}
	out := &WorkspaceEdit{DocumentChanges: []any{}}
	for _, c := range e.Creates {
		if err := operation("create"); err != nil {
			return nil, err
		}
		uri := a.ruler.uri(c.Path)
		// Where there is such a file after all, the client refuses: our text would be joined to it.
		out.DocumentChanges = append(out.DocumentChanges,
			createFile{Kind: "create", URI: uri},
			textDocumentEdit{TextDocument: versionedIdentifier{URI: uri}, Edits: []TextEdit{{NewText: c.Text}}})
	}
	for _, path := range paths {
		out.DocumentChanges = append(out.DocumentChanges, textDocumentEdit{
			TextDocument: versionedIdentifier{URI: a.ruler.uri(path), Version: a.ruler.version(path)}, Edits: files[path],
		})
	}
	for _, m := range e.Moves {
		if err := operation("rename"); err != nil {
			return nil, err
		}
		out.DocumentChanges = append(out.DocumentChanges, renameFile{Kind: "rename", OldURI: a.ruler.uri(m.From), NewURI: a.ruler.uri(m.To)})
	}
	return out, nil
}
