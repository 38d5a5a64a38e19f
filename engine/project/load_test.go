package project

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/tools/txtar"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// asWritten compares places by their text: «path:line:column text».
var asWritten = cmp.Options{
	cmp.Transformer("place", func(s source.Span) string {
		if s.IsZero() {
			return ""
		}
		p := s.Position()
		text, _, more := strings.Cut(s.Text(), "\n")
		if more {
			text += "…"
		}
		return fmt.Sprintf("%s:%d:%d %s", s.File.Path, p.Line, p.Column, text)
	}),
	cmpopts.EquateEmpty(),
	cmpopts.IgnoreUnexported(TargetSettings{}),
}

func load(t *testing.T, archive string) (*Project, diag.List) {
	t.Helper()
	return Load(write(t, txtar.Parse([]byte(archive))), envOf())
}

func loadOK(t *testing.T, archive string) *Project {
	t.Helper()
	p, list := load(t, archive)
	for _, d := range list {
		t.Errorf("unexpected: %s", d.Line())
	}
	return p
}

func TestLoadFiles(t *testing.T) {
	p := loadOK(t, `
-- engine.yml --
name: shop
version: "1.2"
test-paths: [checks]
-- models/b.sql --
select 2
-- models/staging/a.sql --
select 1
-- models/staging/README.txt --
not ours
-- models/.git/x.sql --
-- models/UPPER.SQL --
select 3
-- seeds/raw/s.csv --
id
1
-- seeds/p.parquet --
PAR1
-- snapshots/sn.sql --
select 1
-- checks/t.sql --
select 1
-- checks/generic/g.sql --
select 1
-- checks/sub/generic/u.sql --
select 1
-- macros/m.tmpl --
{{ define "m" }}{{ end }}
-- target/models/x.sql --
`)
	names := func(fs []*File) (out []string) {
		for _, f := range fs {
			out = append(out, f.Name+" "+f.Source.Path)
		}
		return out
	}
	sum := sha256.Sum256([]byte("id\n1\n"))
	got := map[string]any{
		"models": names(p.Models), "snapshots": names(p.Snapshots), "tests": names(p.Tests), "generics": names(p.Generics), "macros": names(p.Macros),
		"seed": []any{p.Seeds[1].Name, p.Seeds[1].Path, p.Seeds[1].Format, p.Seeds[1].Size, p.Seeds[1].Hash(), p.Seeds[1].At}, "seeds": len(p.Seeds), "format": p.Seeds[0].Format, "version": p.Settings.Version, "paths": p.Settings.ModelPaths, "target": p.Settings.TargetPath,
	}
	want := map[string]any{
		"models":    []string{"UPPER models/UPPER.SQL", "b models/b.sql", "a models/staging/a.sql"},
		"snapshots": []string{"sn snapshots/sn.sql"},
		"tests":     []string{"u checks/sub/generic/u.sql", "t checks/t.sql"},
		"generics":  []string{"g checks/generic/g.sql"},
		"macros":    []string{"m macros/m.tmpl"},
		"seed":      []any{"s", "seeds/raw/s.csv", "csv", int64(5), hex.EncodeToString(sum[:]), pathOnly("seeds/raw/s.csv")},
		"seeds":     2, "format": "parquet", "version": "1.2", "paths": []string{"models"}, "target": "target",
	}
	if diff := cmp.Diff(want, got, asWritten); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if got := string(p.Models[2].Source.Data); got != "select 1\n" {
		t.Errorf("text of a model = %q", got)
	}
}

// messages are the one-line forms, sorted.
func messages(l diag.List) (out []string) {
	for _, d := range l.Sorted() {
		out = append(out, d.Line())
	}
	return out
}

func TestLoadOddFiles(t *testing.T) {
	dir := write(t, txtar.Parse([]byte("-- engine.yml --\nname: shop\n-- models/a.sql --\nselect 1\n")))
	at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(syscall.Mkfifo(at("models/pipe.sql"), 0o644))
	do(syscall.Mkfifo(at("models/pipe.txt"), 0o644)) // not ours
	do(os.WriteFile(at("models/large.sql"), nil, 0o644))
	do(os.Truncate(at("models/large.sql"), maxFile+1))
	do(os.Symlink("/proc/self/mem", at("models/unreadable.sql"))) // reading it fails, even for root
	do(os.Symlink("/dev/zero", at("models/zero.sql")))
	do(os.WriteFile(at("models/b\xff.sql"), []byte("select 1"), 0o644))
	do(os.WriteFile(at("models/b\x01.sql"), []byte("select 1"), 0o644))
	p, list := Load(dir, envOf())
	want := []string{
		`models/b\x01.sql:1:1: error: "b\x01" cannot name the model: it has a control character [name-invalid]`,
		`models/b\uFFFD.sql:1:1: error: "b\xff.sql" cannot name the file: it is not UTF-8 [name-invalid]`,
		`models/large.sql:1:1: error: file "models/large.sql" has 64 MB; text files may have 64 [file-large]`,
		`models/pipe.sql:1:1: error: "models/pipe.sql" is not a regular file [file-special]`,
		`models/unreadable.sql:1:1: error: file "models/unreadable.sql" cannot be read: input/output error [file-unreadable]`,
		`models/zero.sql:1:1: error: "models/zero.sql" is not a regular file [file-special]`,
	}
	for i := range want[:2] {
		want[i] = strings.NewReplacer(`models/b\x01`, "models/b\x01", `\uFFFD`, "\uFFFD").Replace(want[i])
	}
	if diff := cmp.Diff(want, messages(list)); diff != "" {
		t.Errorf("diagnostics (-want +got):\n%s", diff)
	}
	var broken []string
	for _, m := range p.Models {
		if m.Broken {
			broken = append(broken, m.Name)
		}
	}
	if diff := cmp.Diff([]string{"large", "unreadable"}, broken); diff != "" {
		t.Errorf("a model whose text cannot be read keeps its name:\n%s", diff)
	}
}

// Opening a pipe waits for somebody who writes into it: nobody does.
func TestLoadPipes(t *testing.T) {
	dir := write(t, txtar.Parse([]byte("-- engine.yml --\nname: shop\ndistribution:\n  customers: {csv: c.csv}\n  customer_tenants: {csv: t.csv}\n-- t.csv --\ncustomer,tenant\n-- models/a.sql --\nselect 1\n")))
	for _, name := range []string{"c.csv", LockFile} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, list := Load(dir, envOf())
	want := []string{
		`c.csv:1:1: error: "c.csv" is not a regular file [file-special]`,
		LockFile + `:1:1: error: "` + LockFile + `" is not a regular file [file-special]`,
	}
	if diff := cmp.Diff(want, messages(list)); diff != "" {
		t.Errorf("diagnostics (-want +got):\n%s", diff)
	}
	settings := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(settings, settingsFile), 0o644); err != nil {
		t.Fatal(err)
	}
	_, list = Load(settings, envOf())
	if diff := cmp.Diff([]string{`engine.yml:1:1: error: "engine.yml" is not a regular file [file-special]`}, messages(list)); diff != "" {
		t.Errorf("diagnostics of engine.yml (-want +got):\n%s", diff)
	}
}

// Files are read whole, whatever their size is beside that of the buffer.
func TestLoadFilesOfAnySize(t *testing.T) {
	for _, size := range []int{0, 1, chunk - 1, chunk, chunk + 1, 2*chunk + 7} {
		text := strings.Repeat("0123456789\n", size/11+1)[:size]
		path := filepath.Join(t.TempDir(), "m.sql")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		data, n, err := slurp(path)
		if err != nil || n != int64(size) || string(data) != text {
			t.Errorf("of %d bytes, %d were read (said to be %d): %v", size, len(data), n, err)
		}
	}
}

// Mappings of any size are held to the same rules: the first of two equal keys counts,
// and merged keys stand behind the mapping's own.
func TestLargeMappings(t *testing.T) {
	for _, n := range []int{2, 8, 9, 40} {
		var own, merged strings.Builder
		for i := range n {
			fmt.Fprintf(&own, "      k%d: own\n", i)
			fmt.Fprintf(&merged, "        k%d: merged\n", n/2+i)
		}
		text := "models:\n  - name: m\n    meta:\n" + own.String() + "      <<:\n" + merged.String() + "      k1: twice\n"
		p, list := load(t, "-- engine.yml --\nname: x\n-- models/m.sql --\nselect 1\n-- models/m.yml --\n"+text)
		if len(list) != 1 || list[0].Code != codeYAMLDuplicate || list[0].At.Text() != "k1" {
			t.Errorf("%d keys: %v", n, messages(list))
		}
		want := map[string]any{}
		for i := range n/2 + n {
			want[fmt.Sprint("k", i)] = "merged"
			if i < n {
				want[fmt.Sprint("k", i)] = "own"
			}
		}
		if diff := cmp.Diff(want, p.Props[0].Meta); diff != "" {
			t.Errorf("%d keys (-want +got):\n%s", n, diff)
		}
	}
}

func TestLoadNoFolder(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "nowhere"): "there is no project folder",
		file:                          "is a file, not a project folder",
	} {
		p, list := Load(path, envOf())
		if p == nil || len(list) != 1 || list[0].Code != codeProjectMissing || !strings.Contains(list[0].Message, want) {
			t.Errorf("Load(%s) = %v, %v, want one diagnostic with %q", path, p, messages(list), want)
		}
	}
}

func TestLoadSeedsInConstantMemory(t *testing.T) {
	dir := write(t, txtar.Parse([]byte("-- engine.yml --\nname: shop\n-- seeds/big.csv --\nid\n")))
	const size = 200 << 20
	if err := os.Truncate(filepath.Join(dir, "seeds/big.csv"), size); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p, list := Load(dir, envOf())
	runtime.ReadMemStats(&after)
	if len(list) > 0 || len(p.Seeds) != 1 || p.Seeds[0].Size != size {
		t.Fatalf("seeds = %+v, %v", p.Seeds, messages(list))
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 8<<20 {
		t.Errorf("hashing %d MB allocated %d MB", size>>20, got>>20)
	}
}

// TestLoadIsDeterministic loads a project with many mistakes twice.
func TestLoadIsDeterministic(t *testing.T) {
	var a txtar.Archive
	files, _ := filepath.Glob("testdata/mistakes/*.txtar")
	for i, file := range files {
		one, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range one.Files {
			if f.Name != "engine.yml" && f.Name != "want" && !strings.HasSuffix(f.Name, "@") {
				kind, rest, _ := strings.Cut(f.Name, "/")
				a.Files = append(a.Files, txtar.File{Name: fmt.Sprintf("%s/%d/%s", kind, i, rest), Data: f.Data})
			}
		}
	}
	a.Files = append(a.Files, txtar.File{Name: "engine.yml", Data: []byte("name: shop\n")})
	dir := write(t, &a)
	_, first := Load(dir, envOf())
	if len(first) < 100 {
		t.Fatalf("only %d diagnostics", len(first))
	}
	for range 5 {
		_, again := Load(dir, envOf())
		if diff := cmp.Diff(messages(first), messages(again)); diff != "" {
			t.Fatal(diff)
		}
	}
}

// bigProject writes n small models, a seed and a properties file for every hundred.
func bigProject(tb testing.TB, n int) string {
	var a txtar.Archive
	a.Files = append(a.Files, txtar.File{Name: "engine.yml", Data: []byte("name: big\n")})
	for d := range n / 100 {
		props := strings.Builder{}
		props.WriteString("version: 2\nmodels:\n")
		for i := range 100 {
			name := fmt.Sprintf("model_%05d", d*100+i)
			a.Files = append(a.Files, txtar.File{Name: fmt.Sprintf("models/d%03d/%s.sql", d, name), Data: []byte(strings.Repeat("select id, name from {{ ref \"x\" }}\n", 10))})
			fmt.Fprintf(&props, "  - name: %s\n    description: one of many\n    columns:\n      - name: id\n        data_tests: [unique, not_null]\n", name)
		}
		a.Files = append(a.Files, txtar.File{Name: fmt.Sprintf("models/d%03d/_props.yml", d), Data: []byte(props.String())})
	}
	return write(tb, &a)
}

func BenchmarkLoad10k(b *testing.B) {
	dir := bigProject(b, 10_000)
	b.ReportAllocs()
	defer reportCPU(b)()
	for b.Loop() {
		p, list := Load(dir, envOf())
		if len(list) > 0 || len(p.Models) != 10_000 || len(p.Props) != 10_000 {
			b.Fatal(len(p.Models), messages(list)[:min(3, len(list))])
		}
	}
}

func BenchmarkLoad10kWithoutProps(b *testing.B) {
	dir := bigProject(b, 10_000)
	props, _ := filepath.Glob(filepath.Join(dir, "models/*/_props.yml"))
	for _, f := range props {
		os.Remove(f)
	}
	defer reportCPU(b)()
	for b.Loop() {
		if p, _ := Load(dir, envOf()); len(p.Models) != 10_000 {
			b.Fatal(len(p.Models))
		}
	}
}

// reportCPU adds the processor time per operation, which a busy machine does not change.
func reportCPU(b *testing.B) func() {
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	start := used()
	return func() { b.ReportMetric(float64((used()-start).Milliseconds())/float64(b.N), "cpu-ms/op") }
}
