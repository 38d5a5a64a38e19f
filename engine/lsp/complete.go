package lsp

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/editor"
)

// completionKinds are CompletionItemKind.
var completionKinds = map[editor.CompletionKind]int{
	editor.CompleteModel: 7, editor.CompleteSeed: 7, editor.CompleteSnapshot: 7, editor.CompleteSource: 9,
	editor.CompleteColumn: 5, editor.CompleteField: 5, editor.CompleteRelation: 6, editor.CompleteCTE: 22,
	editor.CompleteFunction: 3, editor.CompleteMacro: 2, editor.CompleteKeyword: 14, editor.CompleteVariable: 21,
	editor.CompleteKey: 10, editor.CompleteValue: 12, editor.CompleteTest: 23, editor.CompleteType: 25,
	editor.CompleteCondition: 15, editor.CompleteFile: 17,
}

// adjustIndentation is InsertTextMode: further lines are moved as far as the first.
const adjustIndentation = 2

// complete is textDocument/completion.
func (s *server) complete(_ context.Context, a *asked, p placeParams) (any, error) {
	found := a.view.Complete(a.path, a.offset(p.Position))
	// What fits to the typed text is chosen and ordered here, so each letter asks anew.
	out := completionList{IsIncomplete: true, Items: []completionItem{}}
	can := s.client.TextDocument.Completion.CompletionItem
	s.mu.Lock()
	again := s.settings.Retrigger
	s.mu.Unlock()
	for i, c := range found {
		item := completionItem{
			Label: c.Label, Kind: completionKinds[c.Kind], FilterText: c.Filter,
			// The order is the editor package's: clients sort by this text.
			SortText:         fmt.Sprintf("%05d", i),
			InsertTextFormat: 1,
			InsertTextMode:   adjustIndentation,
			TextEdit:         &TextEdit{Range: a.span(c.From, c.To), NewText: c.Insert},
			Documentation:    markup(c.Doc, can.DocumentationFormat),
		}
		if c.Detail != "" {
			item.Detail = c.Detail
			item.LabelDetails = &labelDetails{Description: c.Detail}
		}
		if c.Snippet {
			if can.SnippetSupport {
				item.InsertTextFormat = 2
			} else {
				item.TextEdit.NewText = plainSnippet(c.Insert)
			}
		}
		if c.Again && again != "" {
			item.Command = &command{Command: again}
		}
		out.Items = append(out.Items, item)
	}
	return out, nil
}

// markup is Markdown for clients that show it; others see its text.
func markup(doc string, formats []string) *markupContent {
	if doc == "" {
		return nil
	}
	kind := "plaintext"
	if slices.Contains(formats, "markdown") {
		kind = "markdown"
	}
	return &markupContent{Kind: kind, Value: doc}
}

// plainSnippet is a snippet without its tab stops: $1 and $0 are nothing, ${1:name} is name.
func plainSnippet(snippet string) string {
	var b strings.Builder
	depth := 0
	for i := 0; i < len(snippet); i++ {
		switch c := snippet[i]; {
		case c == '\\' && i+1 < len(snippet):
			i++
			b.WriteByte(snippet[i])
		case c == '$' && i+1 < len(snippet) && snippet[i+1] >= '0' && snippet[i+1] <= '9':
			for i+1 < len(snippet) && snippet[i+1] >= '0' && snippet[i+1] <= '9' {
				i++
			}
		case c == '$' && i+1 < len(snippet) && snippet[i+1] == '{':
			i++
			for i+1 < len(snippet) && snippet[i+1] >= '0' && snippet[i+1] <= '9' {
				i++
			}
			if i+1 < len(snippet) && snippet[i+1] == ':' {
				i++
			}
			depth++
		case c == '}' && depth > 0:
			depth--
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
