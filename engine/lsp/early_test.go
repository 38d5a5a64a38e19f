package lsp_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/editor"
	"github.com/engine-build/engine/engine/lsp/lsptest"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

// TestBeforeTheFirstCheck asks while the project is still being read: nothing is an error. What
// an editor asks for by itself is answered at once; what a person asks for, when there is an
// answer.
func TestBeforeTheFirstCheck(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"engine.yml":        "name: shop\ntargets: {dev: {type: duckdb, path: \"${PLACE}\"}}\n",
		"models/people.sql": "select 1 as id",
		"models/orders.sql": "select o.id from {{ ref \"people\" }} as o",
		"models/props.yml":  "models: [{name: orders}]\n",
	} {
		full := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	asked, release := make(chan struct{}, 100), make(chan struct{})
	s := serveOpened(t, func(ctx context.Context, _ string, published func([]string)) (*editor.Workspace, error) {
		return editor.Open(ctx, dir, editor.Options{Published: published, Options: engine.Options{
			Drivers: []warehouse.Driver{duckdb.Driver{}}, Jobs: 1,
			Env: func(string) (string, bool) { // reading the settings waits here
				asked <- struct{}{}
				<-release
				return "dev.duckdb", true
			},
		}})
	})
	goOn := sync.OnceFunc(func() { close(release) })
	t.Cleanup(goOn)
	s.Initialize("file:///slow", map[string]any{
		"textDocument": map[string]any{"hover": map[string]any{"contentFormat": []string{"markdown"}}},
		"workspace":    map[string]any{"workspaceEdit": map[string]any{"documentChanges": true, "resourceOperations": []string{"rename"}}},
	}, nil)
	const orders = "file:///slow/models/orders.sql"
	const text = "select o.id from {{ ref \"people\" }} as o where upper('a') = 'A'"
	s.Open(orders, text)
	<-asked

	at := func(word string) map[string]any {
		p := document(orders)
		p["position"] = map[string]any{"line": 0, "character": strings.Index(text, word)}
		return p
	}
	everything := map[string]any{"start": map[string]any{"line": 0, "character": 0}, "end": map[string]any{"line": 9, "character": 0}}
	ranged := document(orders)
	ranged["range"], ranged["context"] = everything, map[string]any{"diagnostics": []any{}}
	for method, params := range map[string]any{
		"textDocument/completion": at("id"), "textDocument/signatureHelp": at("people"), "textDocument/documentHighlight": at("people"),
		"textDocument/inlayHint": ranged, "textDocument/codeAction": ranged, "textDocument/diagnostic": document(orders), "workspace/diagnostic": map[string]any{},
		"textDocument/hover": at("upper"),
	} {
		_, answer := s.Send(method, params)
		select {
		case a := <-answer:
			if a.Error != nil {
				t.Errorf("%s: %+v", method, a.Error)
			}
		case <-time.After(lsptest.Patience):
			t.Fatalf("%s waits for the project", method)
		}
	}

	referring := at("people")
	referring["context"] = map[string]any{"includeDeclaration": true}
	renaming := at("people")
	renaming["newName"] = "persons"
	command := func(name, uri string) map[string]any {
		return map[string]any{"command": name, "arguments": []any{map[string]any{"uri": uri}}}
	}
	waiting := map[string]<-chan lsptest.Answer{}
	want := map[string]string{}
	ask := func(method string, params any, has string) {
		_, waiting[method] = s.Send(method, params)
		want[method] = has
	}
	ask("textDocument/hover", at("people"), "people")
	ask("textDocument/definition", at("people"), "people.sql")
	ask("textDocument/references", referring, "orders.sql")
	ask("textDocument/prepareRename", at("people"), "people")
	ask("textDocument/rename", renaming, "persons")
	ask("textDocument/formatting", document(orders), "[")
	ask("textDocument/documentSymbol", document("file:///slow/models/props.yml"), "orders") // that is not open
	ask("workspace/symbol", map[string]any{"query": "people"}, "people")
	ask("workspace/executeCommand", command("engine.compiled", "file:///slow/models/people.sql"), "model.people")
	// And the next ones do not wait behind them.
	var list struct{ Items []json.RawMessage }
	if s.Call("textDocument/completion", at("id"), &list); list.Items == nil {
		t.Error("there is no list of completions")
	}
	goOn()
	for method, answer := range waiting {
		if a := s.Wait(answer); a.Error != nil || !strings.Contains(string(a.Result), want[method]) {
			t.Errorf("%s: %s %+v, want %q in it", method, a.Result, a.Error, want[method])
		}
	}
}
