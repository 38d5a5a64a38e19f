package main

import (
	"cmp"
	"encoding/json"

	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/engine-build/engine/engine/lsp"
	"github.com/engine-build/engine/engine/lsp/lsptest"
)

// edited is a project in an editor that talks to the real engine lsp.
type edited struct {
	*lsptest.Client
	t    *testing.T
	dir  string
	cmd  *exec.Cmd
	log  string
	text map[string]string // open buffers by path
	at   map[string]int    // their versions
}

// editing starts engine lsp for a copy of the reference project.
func editing(t *testing.T, capabilities any) *edited {
	dir := t.TempDir()
	for _, name := range []string{"models", "seeds", "macros", "snapshots", "tests"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join("../..", name))); err != nil {
			t.Fatal(err)
		}
	}
	settings, err := os.ReadFile("../../engine.yml")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "engine.yml"), settings, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	e := &edited{t: t, dir: dir, log: filepath.Join(t.TempDir(), "lsp.log")}
	e.start(capabilities)
	return e
}

func (e *edited) start(capabilities any) {
	e.t.Helper()
	e.text, e.at = map[string]string{}, map[string]int{}
	e.cmd = exec.Command("engine", "lsp", "--log", e.log)
	e.cmd.Dir = os.TempDir()
	e.cmd.Stderr = os.Stderr
	in, err := e.cmd.StdinPipe()
	if err != nil {
		e.t.Fatal(err)
	}
	// A pipe of its own: Wait would close StdoutPipe under the reader.
	r, w, err := os.Pipe()
	if err != nil {
		e.t.Fatal(err)
	}
	e.cmd.Stdout = w
	if err := e.cmd.Start(); err != nil {
		e.t.Fatal(err)
	}
	_ = w.Close()
	cmd := e.cmd
	e.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it has ended, where the test is good
		_ = cmd.Wait()
		_ = r.Close()
	})
	e.Client = lsptest.New(e.t, in, r)
	e.Initialize(e.uri(""), capabilities, nil)
}

// able are the capabilities of an editor that can do all that is asked of editors.
var able = map[string]any{
	"workspace": map[string]any{
		"workspaceEdit":         map[string]any{"documentChanges": true, "resourceOperations": []string{"create", "rename", "delete"}},
		"didChangeWatchedFiles": map[string]any{"dynamicRegistration": true},
	},
	"textDocument": map[string]any{
		"completion":     map[string]any{"completionItem": map[string]any{"snippetSupport": true, "documentationFormat": []string{"markdown"}}},
		"hover":          map[string]any{"contentFormat": []string{"markdown"}},
		"codeAction":     map[string]any{"codeActionLiteralSupport": map[string]any{"codeActionKind": map[string]any{"valueSet": []string{"quickfix"}}}},
		"documentSymbol": map[string]any{"hierarchicalDocumentSymbolSupport": true},
	},
}

func (e *edited) uri(path string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Join(e.dir, path))}).String()
}

func (e *edited) path(uri string) string {
	e.t.Helper()
	u, err := url.Parse(uri)
	if err != nil {
		e.t.Fatal(err)
	}
	rel, err := filepath.Rel(e.dir, u.Path)
	if err != nil {
		e.t.Fatal(err)
	}
	return filepath.ToSlash(rel)
}

func (e *edited) read(path string) string {
	e.t.Helper()
	if text, ok := e.text[path]; ok {
		return text
	}
	data, err := os.ReadFile(filepath.Join(e.dir, path))
	if err != nil {
		e.t.Fatal(err)
	}
	return string(data)
}

// open opens a file with a text that may differ from the file's.
func (e *edited) open(path, text string) {
	e.text[path], e.at[path] = text, 1
	e.Open(e.uri(path), text)
}

// typed replaces the only occurrence of a word in a buffer, as an incremental change.
func (e *edited) typed(path, old, to string) {
	e.t.Helper()
	text := e.text[path]
	if strings.Count(text, old) != 1 {
		e.t.Fatalf("%q is %d times in %s", old, strings.Count(text, old), path)
	}
	i := strings.Index(text, old)
	e.at[path]++
	e.text[path] = strings.Replace(text, old, to, 1)
	e.Notify("textDocument/didChange", map[string]any{
		"textDocument":   map[string]any{"uri": e.uri(path), "version": e.at[path]},
		"contentChanges": []any{map[string]any{"range": lsp.Range{Start: seat(text, i), End: seat(text, i+len(old))}, "text": to}},
	})
}

// seat is an offset as editors count it.
func seat(text string, off int) lsp.Position {
	line := strings.Count(text[:off], "\n")
	start := strings.LastIndex(text[:off], "\n") + 1
	return lsp.Position{Line: uint32(line), Character: uint32(len(utf16.Encode([]rune(text[start:off]))))}
}

// offset is the other way around.
func offset(text string, p lsp.Position) int {
	off := 0
	for range p.Line {
		off += strings.Index(text[off:], "\n") + 1
	}
	for n := 0; n < int(p.Character); {
		r := []rune(text[off:])[0]
		n += len(utf16.Encode([]rune{r}))
		off += len(string(r))
	}
	return off
}

// on is a place in a file: that of the bar in mark, which is in the text without it.
func (e *edited) on(path, mark string) map[string]any {
	e.t.Helper()
	text := e.read(path)
	before, after, ok := strings.Cut(mark, "|")
	i := strings.Index(text, before+after)
	if !ok || i < 0 {
		e.t.Fatalf("%q is not in %s", mark, path)
	}
	return map[string]any{"textDocument": map[string]any{"uri": e.uri(path)}, "position": seat(text, i+len(before))}
}

type reportedMistakes struct {
	URI         string
	Version     *int
	Diagnostics []lsp.Diagnostic
}

// mistakes waits for the diagnostics of the newest version of a buffer.
func (e *edited) mistakes(path string, ok func([]lsp.Diagnostic) bool) []lsp.Diagnostic {
	e.t.Helper()
	var out []lsp.Diagnostic
	e.Until("diagnostics of "+path, "textDocument/publishDiagnostics", func(params json.RawMessage) bool {
		var p reportedMistakes
		if err := json.Unmarshal(params, &p); err != nil {
			e.t.Fatal(err)
		}
		out = p.Diagnostics
		return p.URI == e.uri(path) && p.Version != nil && *p.Version == e.at[path] && ok(p.Diagnostics)
	})
	return out
}

func (e *edited) run(args ...string) (string, error) {
	cmd := exec.Command("engine", args...)
	cmd.Dir = e.dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// apply does a WorkspaceEdit as an editor does, and saves. Edits of a file are of its text before.
func (e *edited) apply(edit json.RawMessage) (files []string) {
	e.t.Helper()
	var w struct {
		DocumentChanges []struct {
			Kind, URI, OldURI, NewURI string
			Options                   struct{ Overwrite, IgnoreIfExists bool }
			TextDocument              struct{ URI string }
			Edits                     []lsp.TextEdit
		}
	}
	if err := json.Unmarshal(edit, &w); err != nil {
		e.t.Fatal(err)
	}
	var events []any
	for _, c := range w.DocumentChanges {
		switch c.Kind {
		case "rename":
			from, to := e.path(c.OldURI), e.path(c.NewURI)
			if err := os.Rename(filepath.Join(e.dir, from), filepath.Join(e.dir, to)); err != nil {
				e.t.Fatal(err)
			}
			events = append(events, map[string]any{"uri": c.OldURI, "type": 3}, map[string]any{"uri": c.NewURI, "type": 1})
			files = append(files, to)
		case "create":
			if _, err := os.Stat(filepath.Join(e.dir, e.path(c.URI))); err == nil && !c.Options.Overwrite && !c.Options.IgnoreIfExists {
				e.t.Fatalf("%s is there", c.URI)
			}
			e.write(e.path(c.URI), "")
		case "":
			path := e.path(c.TextDocument.URI)
			text := e.read(path)
			slices.SortFunc(c.Edits, func(a, b lsp.TextEdit) int {
				return cmp.Compare(offset(text, b.Range.Start), offset(text, a.Range.Start))
			})
			for _, x := range c.Edits {
				text = text[:offset(text, x.Range.Start)] + x.NewText + text[offset(text, x.Range.End):]
			}
			e.write(path, text)
			events = append(events, map[string]any{"uri": c.TextDocument.URI, "type": 2})
			files = append(files, path)
		default:
			e.t.Fatalf("what is %q?", c.Kind)
		}
	}
	e.Notify("workspace/didChangeWatchedFiles", map[string]any{"changes": events})
	return files
}

func (e *edited) write(path, text string) {
	e.t.Helper()
	if _, ok := e.text[path]; ok {
		e.text[path] = text
		e.at[path]++
		e.Change(e.uri(path), e.at[path], text)
	}
	if err := os.WriteFile(filepath.Join(e.dir, path), []byte(text), 0o644); err != nil {
		e.t.Fatal(err)
	}
}

// leave ends the server as editors do.
func (e *edited) leave() {
	e.t.Helper()
	e.Leave()
	done := make(chan error, 1)
	go func() { done <- e.cmd.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			e.t.Errorf("engine lsp ended with %v", err)
		}
	case <-time.After(lsptest.Patience):
		e.t.Error("engine lsp does not end")
	}
}

func (e *edited) locations(method string, params any) []string {
	e.t.Helper()
	var found []lsp.Location
	e.Call(method, params, &found)
	var out []string
	for _, l := range found {
		path := e.path(l.URI)
		text := e.read(path)
		out = append(out, path+": "+text[offset(text, l.Range.Start):offset(text, l.Range.End)])
	}
	slices.Sort(out)
	return out
}

func (e *edited) labels(params any) []string {
	e.t.Helper()
	var list struct{ Items []struct{ Label string } }
	e.Call("textDocument/completion", params, &list)
	var out []string
	for _, i := range list.Items {
		out = append(out, i.Label)
	}
	return out
}

func none(l []lsp.Diagnostic) bool { return len(l) == 0 }
func some(l []lsp.Diagnostic) bool { return len(l) > 0 }

const location = "models/core/dim_location.sql"

// TestEditor is a day of an analytics engineer: a mistake, its correction, questions, a new name
// for a model, and a look at rows, over the protocol and with the real program.
func TestEditor(t *testing.T) {
	e := editing(t, able)
	for _, command := range []string{"seed", "run"} {
		if out, err := e.run(command, "+dim_location"); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	text := e.read(location)
	// Behind a letter beyond the first 65,536, with the line breaks of Windows.
	text = strings.ReplaceAll(strings.Replace(text, "    site_name,", "    /* 🏭 */ site_nam,", 1), "\n", "\r\n")
	e.open(location, text)
	found := e.mistakes(location, some)
	if len(found) != 1 || found[0].Severity != 1 || found[0].Source != "engine" || !strings.Contains(found[0].Message, "site_nam") {
		t.Fatalf("diagnostics are %+v", found)
	}
	if at := found[0].Range; text[offset(text, at.Start):offset(text, at.End)] != "site_nam" || at.Start.Character != 13 {
		t.Errorf("the mistake is at %+v", at)
	}
	if labels := e.labels(e.on(location, "site_nam|,")); len(labels) == 0 || labels[0] != "site_name" {
		t.Errorf("completions are %q", labels)
	}

	e.typed(location, "site_nam,", "site_name,")
	e.mistakes(location, none)

	if labels := e.labels(e.on(location, "{{ ref \"location_|stg\" }}")); !slices.Contains(labels, "location_stg") {
		t.Errorf("models are %q", labels)
	}
	var hover struct{ Contents struct{ Kind, Value string } }
	e.Call("textDocument/hover", e.on(location, "ref \"location|_stg"), &hover)
	if hover.Contents.Kind != "markdown" || !strings.Contains(hover.Contents.Value, "location_stg") {
		t.Errorf("hover is %+v", hover)
	}
	if got := e.locations("textDocument/definition", e.on(location, "ref \"location|_stg")); len(got) == 0 || !strings.HasPrefix(got[0], "models/staging/location_stg.sql") {
		t.Errorf("definition is %q", got)
	}
	asked := e.on(location, "ref \"location|_stg")
	asked["context"] = map[string]any{"includeDeclaration": true}
	references := e.locations("textDocument/references", asked)
	if !slices.ContainsFunc(references, func(s string) bool { return strings.HasPrefix(s, "models/core/dim_machine.sql") }) {
		t.Errorf("references are %q", references)
	}

	// What is not saved is what counts.
	e.typed(location, "    area_m2,", "    area_m2 + 1000000 as area_m2,")
	e.mistakes(location, none)
	var compiled struct{ Node, Name, Project, SQL string }
	e.Call("workspace/executeCommand", map[string]any{"command": "engine.compiled", "arguments": []any{map[string]any{"uri": e.uri(location)}}}, &compiled)
	if compiled.Node != "model.dim_location" || !strings.Contains(compiled.SQL, "1000000") || strings.Contains(compiled.SQL, "{{") {
		t.Errorf("compiled is %+v", compiled)
	}
	rows := e.rows(map[string]any{"uri": e.uri(location), "limit": 2})
	if rows.Name != "dim_location" || len(rows.Rows) != 2 || !rows.More || rows.Columns[0].Name != "location_id" {
		t.Errorf("rows are %+v", rows)
	}
	area := slices.IndexFunc(rows.Columns, func(c lsp.Column) bool { return c.Name == "area_m2" })
	if area < 0 || rows.Rows[0][area] != nil && len(*rows.Rows[0][area]) < 7 {
		t.Errorf("rows are %+v", rows)
	}
	// Nobody holds the database afterwards.
	if out, err := e.run("run", "dim_location"); err != nil {
		t.Errorf("a build beside the editor: %v: %s", err, out)
	}

	e.fixes()

	// A new name for a model, everywhere.
	e.typed(location, "    area_m2 + 1000000 as area_m2,", "    area_m2,")
	e.mistakes(location, none)
	named := e.on(location, "ref \"location|_stg")
	named["newName"] = "place_stg"
	a := e.Try("textDocument/rename", named)
	if a.Error != nil {
		t.Fatalf("rename: %s", a.Error.Message)
	}
	if files := e.apply(a.Result); !slices.Contains(files, "models/staging/place_stg.sql") || !slices.Contains(files, location) {
		t.Errorf("files are %q", files)
	}
	if out, err := e.run("check"); err != nil || !strings.Contains(out, "no mistakes") {
		t.Errorf("after the rename: %v: %s", err, out)
	}
	e.mistakes(location, none)
	e.leave()
	log, err := os.ReadFile(e.log)
	if err != nil || !strings.Contains(string(log), "textDocument/rename") || strings.Contains(string(log), "location_stg") {
		t.Errorf("the log is %s (%v)", log, err)
	}
}

// fixes takes a correction that the server offers in a file that is not on the disk yet, and
// looks at a part of it.
func (e *edited) fixes() {
	e.t.Helper()
	const path = "models/core/place_count.sql"
	e.open(path, "with place as (\n    select location_id, area_m2 from {{ ref \"location_stgg\" }}\n),\n\nwhole as (\n    select count(*) as places from place\n)\n\nselect places from whole\n")
	found := e.mistakes(path, some)
	var actions []struct {
		Title       string
		Kind        string
		IsPreferred bool
		Edit        json.RawMessage
		Diagnostics []lsp.Diagnostic
	}
	e.Call("textDocument/codeAction", map[string]any{
		"textDocument": map[string]any{"uri": e.uri(path)}, "range": found[0].Range,
		"context": map[string]any{"diagnostics": found, "only": []string{"quickfix"}},
	}, &actions)
	if len(actions) == 0 || len(actions[0].Diagnostics) != 1 || actions[0].Kind != "quickfix" {
		e.t.Fatalf("actions are %+v", actions)
	}
	e.apply(actions[0].Edit)
	e.mistakes(path, none)
	var symbols []struct{ Name string }
	e.Call("textDocument/documentSymbol", map[string]any{"textDocument": map[string]any{"uri": e.uri(path)}}, &symbols)
	if len(symbols) < 2 || symbols[0].Name != "place" || symbols[1].Name != "whole" {
		e.t.Errorf("symbols are %+v", symbols)
	}
	asked := e.on(path, "select count(*) |as places")
	rows := e.rows(map[string]any{"uri": e.uri(path), "position": asked["position"]})
	if rows.Name != "place_count.whole" || len(rows.Rows) != 1 || len(rows.Columns) != 1 || rows.Rows[0][0] == nil || *rows.Rows[0][0] == "0" {
		e.t.Errorf("rows of the part are %+v", rows)
	}
	asked = e.on(path, "select |location_id")
	if rows := e.rows(map[string]any{"uri": e.uri(path), "position": asked["position"]}); len(rows.Columns) != 2 {
		e.t.Errorf("rows of the other part are %+v", rows)
	}
	var lineage lsp.Lineage
	e.Call("workspace/executeCommand", map[string]any{"command": "engine.lineage", "arguments": []any{map[string]any{"uri": e.uri(path)}}}, &lineage)
	if !strings.Contains(lineage.SVG, "<svg") || !strings.Contains(lineage.Text, "location_stg") {
		e.t.Errorf("lineage is %+v", lineage)
	}
	// A mistake has no rows: what is built is not what stands there.
	e.typed(path, "select places from whole", "select place from whole")
	e.mistakes(path, some)
	if a := e.Try("workspace/executeCommand", map[string]any{"command": "engine.rows", "arguments": []any{map[string]any{"uri": e.uri(path)}}}); a.Error == nil {
		e.t.Errorf("a mistake has rows: %s", a.Result)
	}
	if err := os.Remove(filepath.Join(e.dir, path)); err != nil { // apply saved it
		e.t.Fatal(err)
	}
	delete(e.text, path)
	e.Notify("textDocument/didClose", map[string]any{"textDocument": map[string]any{"uri": e.uri(path)}})
	e.Notify("workspace/didChangeWatchedFiles", map[string]any{"changes": []any{map[string]any{"uri": e.uri(path), "type": 3}}})
}

func (e *edited) rows(params map[string]any) lsp.Rows {
	e.t.Helper()
	var rows lsp.Rows
	e.Call("workspace/executeCommand", map[string]any{"command": "engine.rows", "arguments": []any{params}}, &rows)
	return rows
}

// TestEditorIsKilled: a server that dies in the middle leaves nothing behind that stops the
// next one, or a build.
func TestEditorIsKilled(t *testing.T) {
	e := editing(t, able)
	e.open(location, e.read(location))
	for range 20 {
		e.Send("textDocument/completion", e.on(location, "site_nam|e"))
	}
	if err := e.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = e.cmd.Wait()
	e.start(able)
	e.open(location, strings.Replace(e.read(location), "site_name", "site_nam", 1))
	e.mistakes(location, some)
	e.Close() // an editor that dies
	done := make(chan error, 1)
	go func() { done <- e.cmd.Wait() }()
	select {
	case err := <-done:
		if code := e.cmd.ProcessState.ExitCode(); code != exitFailed {
			t.Errorf("the exit code is %d (%v), want %d", code, err, exitFailed)
		}
	case <-time.After(lsptest.Patience):
		t.Error("engine lsp does not end when its editor is gone")
	}
}

// editingFiles starts engine lsp for a project of files.
func editingFiles(t *testing.T, files map[string]string) *edited {
	e := &edited{t: t, dir: t.TempDir(), log: filepath.Join(t.TempDir(), "lsp.log")}
	for path, text := range files {
		full := filepath.Join(e.dir, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	e.start(able)
	return e
}

// TestEditorFormats: what has mistakes stays as it is, without a word beside theirs.
func TestEditorFormats(t *testing.T) {
	e := editingFiles(t, map[string]string{"engine.yml": "name: p\n", "models/a.sql": ""})
	e.open("models/a.sql", "select   'one as id")
	e.mistakes("models/a.sql", some)
	edits := func() []lsp.TextEdit {
		var out []lsp.TextEdit
		asked := e.on("models/a.sql", "select|")
		delete(asked, "position")
		e.Call("textDocument/formatting", asked, &out)
		return out
	}
	if got := edits(); len(got) > 0 {
		t.Errorf("a text with a mistake is laid out: %+v", got)
	}
	e.typed("models/a.sql", "'one", "'one'")
	e.mistakes("models/a.sql", none)
	if got := edits(); len(got) != 1 || !strings.HasPrefix(got[0].NewText, "select 'one' as id") {
		t.Errorf("the text is laid out as %+v", got)
	}
	e.leave()
}

// TestEditorByteOrderMark: an editor that shows a mark in front of a text as a character counts
// it; one that hides it does not. Both see the mistakes where they are.
func TestEditorByteOrderMark(t *testing.T) {
	const one, two = "models/one.sql", "models/two.sql"
	e := editingFiles(t, map[string]string{
		"engine.yml": "name: p\ntargets: {dev: {type: duckdb}}\n",
		one:          "\uFEFFselect 1 as x\n",
		two:          "\uFEFFselect y from {{ ref \"one\" }}\nwhere z > 0\n",
	})
	for name, mark := range map[string]string{"shown": "\uFEFF", "hidden": ""} {
		e.open(two, mark+"select y from {{ ref \"one\" }}\nwhere z > 0\n")
		found := e.mistakes(two, some)
		if at := found[0].Range.Start; e.text[two][offset(e.text[two], at)] != 'y' {
			t.Errorf("%s: the mistake is at %+v", name, at)
		}
		e.typed(two, "select y", "select x") // counted by the editor
		found = e.mistakes(two, func(l []lsp.Diagnostic) bool { return len(l) > 0 && l[0].Range.Start.Line == 1 })
		if at := found[0].Range; e.text[two][offset(e.text[two], at.Start):offset(e.text[two], at.End)] != "z" {
			t.Errorf("%s: the mistake is at %+v", name, at)
		}
		if got := e.locations("textDocument/references", e.referring(two, "ref \"o|ne")); !slices.Equal(got, []string{two + ": one"}) {
			t.Errorf("%s: references are %q", name, got)
		}
		if labels := e.labels(e.on(two, "select |x")); !slices.Contains(labels, "x") {
			t.Errorf("%s: completions are %q", name, labels)
		}
		e.typed(two, "where z > 0", "where x > 0")
		e.mistakes(two, none)
		e.Notify("textDocument/didClose", map[string]any{"textDocument": map[string]any{"uri": e.uri(two)}})
		delete(e.text, two)
		e.Forget()
	}
	e.leave()
}

func (e *edited) referring(path, mark string) map[string]any {
	e.t.Helper()
	p := e.on(path, mark)
	p["context"] = map[string]any{"includeDeclaration": false}
	return p
}

// TestEditorSeed: rows and lineage of data that nobody has opened.
func TestEditorSeed(t *testing.T) {
	const seed, model = "seeds/places.csv", "models/sites.sql"
	e := editingFiles(t, map[string]string{
		"engine.yml": "name: p\ntargets: {dev: {type: duckdb}}\n",
		seed:         "id,name\n1,a\n2,b\n",
		model:        "select id from {{ ref \"places\" }}\n",
	})
	if out, err := e.run("build"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if rows := e.rows(map[string]any{"uri": e.uri(seed), "position": lsp.Position{Line: 1}}); rows.Name != "places" || len(rows.Rows) != 2 || len(rows.Columns) != 2 {
		t.Errorf("rows are %+v", rows)
	}
	var lineage lsp.Lineage
	e.Call("workspace/executeCommand", map[string]any{"command": "engine.lineage", "arguments": []any{map[string]any{"uri": e.uri(seed)}}}, &lineage)
	if !strings.Contains(lineage.Text, "is read by model.sites") {
		t.Errorf("lineage is %+v", lineage)
	}
	a := e.Try("workspace/executeCommand", map[string]any{"command": "engine.compiled", "arguments": []any{map[string]any{"uri": e.uri(seed)}}})
	if a.Error == nil || !strings.Contains(a.Error.Message, "is data and no query") {
		t.Errorf("compiled is %s %+v", a.Result, a.Error)
	}
	a = e.Try("textDocument/hover", map[string]any{"textDocument": map[string]any{"uri": e.uri(seed)}, "position": lsp.Position{}})
	if a.Error != nil {
		t.Errorf("hover: %+v", a.Error)
	}
	e.leave()
}

// TestEditorMakesNoFileTwice: a file that is to be made, and is there when the edit is done, is
// left as it is: the editor refuses.
func TestEditorMakesNoFileTwice(t *testing.T) {
	const path = "models/two.sql"
	e := editingFiles(t, map[string]string{"engine.yml": "name: p\ntargets: {dev: {type: duckdb}}\n", path: "select 1 as id"})
	e.open(path, "select id from {{ ref \"missing\" }}\n")
	found := e.mistakes(path, some)
	type action struct {
		Title string
		Edit  struct{ DocumentChanges []map[string]any }
	}
	var actions []action
	e.Call("textDocument/codeAction", map[string]any{
		"textDocument": map[string]any{"uri": e.uri(path)}, "range": found[0].Range, "context": map[string]any{"diagnostics": found},
	}, &actions)
	i := slices.IndexFunc(actions, func(a action) bool { return a.Title == "Create models/missing.sql" })
	if i < 0 {
		t.Fatalf("actions are %+v", actions)
	}
	create := actions[i].Edit.DocumentChanges[0]
	if create["kind"] != "create" || create["options"] != nil {
		t.Errorf("the file is made by %v", create)
	}
	e.leave()
}

// TestEditorOlderText: while a template has a mistake, its compiled SQL is that of an older one and
// says so, and the extension shows it.
func TestEditorOlderText(t *testing.T) {
	const path = "models/one.sql"
	e := editingFiles(t, map[string]string{"engine.yml": "name: p\ntargets: {dev: {type: duckdb}}\n", path: "select 1 as id\n"})
	compiled := func() (out map[string]any) {
		t.Helper()
		e.Call("workspace/executeCommand", map[string]any{"command": "engine.compiled", "arguments": []any{map[string]any{"uri": e.uri(path)}}}, &out)
		return out
	}
	e.open(path, "select 1 as id\n")
	e.mistakes(path, none)
	if got := compiled(); got["stale"] != nil {
		t.Errorf("without a mistake it is %v", got)
	}
	e.typed(path, "1 as id", "1 as id{{ if")
	e.mistakes(path, some)
	if got := compiled(); got["stale"] != true || !strings.Contains(got["sql"].(string), "1") {
		t.Errorf("with a mistake it is %v", got)
	}
	e.leave()
	for file, words := range map[string][]string{
		"pages.ts":     {"stale?: boolean;", "compiled.stale ?"},
		"extension.ts": {"return compiledText(compiled);"},
	} {
		source, err := os.ReadFile(filepath.Join("../../editors/vscode/src", file))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range words {
			if !strings.Contains(string(source), w) {
				t.Errorf("%s has no %q", file, w)
			}
		}
	}
}

// TestEditorFolders: several projects, files outside of all, settings that come later, changes
// beside the editor, for clients that watch files and for those that do not.
func TestEditorFolders(t *testing.T) {
	for name, watching := range map[string]bool{"watching": true, "not watching": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &edited{t: t, dir: t.TempDir(), log: filepath.Join(t.TempDir(), "lsp.log")}
			put := func(path, text string) {
				t.Helper()
				full := filepath.Join(e.dir, path)
				if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			told := func(path string, kind int) {
				if watching {
					e.Notify("workspace/didChangeWatchedFiles", map[string]any{"changes": []any{map[string]any{"uri": e.uri(path), "type": kind}}})
				}
			}
			saved := func(path string) {
				e.Notify("textDocument/didSave", map[string]any{"textDocument": map[string]any{"uri": e.uri(path)}})
			}
			const settings = "name: p\ntargets: {dev: {type: duckdb}}\n"
			put("a/engine.yml", settings)
			put("a/models/one.sql", "select 1 as x")
			put("b c/engine.yml", settings)
			put("b c/models/two.sql", "select 1 as y")
			put("late/models/three.sql", "select x from {{ ref \"none\" }}")
			capabilities := map[string]any{"workspace": map[string]any{"didChangeWatchedFiles": map[string]any{"dynamicRegistration": watching}}}
			e.start(capabilities)
			if watching {
				e.Until("registration", "client/registerCapability", func(json.RawMessage) bool { return true })
				e.labels(map[string]any{"textDocument": map[string]any{"uri": e.uri("x.sql")}, "position": lsp.Position{}}) // it has been answered
			}

			// Models of one project are not those of another.
			e.open("a/models/one.sql", "select x from {{ ref \"two\" }}")
			e.open("b c/models/two.sql", "select x from {{ ref \"two\" }}")
			for _, path := range []string{"a/models/one.sql", "b c/models/two.sql"} {
				if found := e.mistakes(path, some); found[0].Code == "" {
					t.Errorf("%s: %+v", path, found)
				}
			}
			e.typed("a/models/one.sql", "two", "more")
			e.mistakes("a/models/one.sql", some)

			// A model that somebody else makes.
			put("a/models/more.sql", "select 1 as x")
			told("a/models/more.sql", 1)
			if !watching {
				saved("a/models/one.sql")
			}
			e.mistakes("a/models/one.sql", none)

			// Settings that come later.
			e.open("late/models/three.sql", e.read("late/models/three.sql"))
			e.Until("word of the missing settings", "window/showMessage", func(p json.RawMessage) bool { return strings.Contains(string(p), "no engine.yml") })
			put("late/engine.yml", settings)
			e.open("late/engine.yml", settings)
			told("late/engine.yml", 1)
			saved("late/engine.yml")
			e.mistakes("late/models/three.sql", some)

			// And go: what was said is taken back.
			if watching {
				if err := os.Remove(filepath.Join(e.dir, "late/engine.yml")); err != nil {
					t.Fatal(err)
				}
				e.Forget()
				told("late/engine.yml", 3)
				e.Until("no more diagnostics", "textDocument/publishDiagnostics", func(params json.RawMessage) bool {
					var p reportedMistakes
					return json.Unmarshal(params, &p) == nil && p.URI == e.uri("late/models/three.sql") && len(p.Diagnostics) == 0
				})
			}
			e.leave()
		})
	}
}
