package deps

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// impure are calls that make the outcome of a stage depend on something that is not its
// argument. They belong to the command, which hands the values down.
var impure = map[string]string{
	"os.Exit":      "return an error or a diag.List; the command decides",
	"os.Getenv":    "take the environment as a function, like engine.Options.Env",
	"os.LookupEnv": "take the environment as a function, like engine.Options.Env",
	"os.Environ":   "take the environment as a function, like engine.Options.Env",
	"fmt.Print":    "return text or write to an io.Writer that was given",
	"fmt.Println":  "return text or write to an io.Writer that was given",
	"fmt.Printf":   "return text or write to an io.Writer that was given",
	"log.Print":    "return an error or a diag.List",
	"log.Println":  "return an error or a diag.List",
	"log.Printf":   "return an error or a diag.List",
	"log.Fatal":    "return an error or a diag.List",
	"log.Fatalf":   "return an error or a diag.List",
	"time.Now":     "take a clock, like run.Options.Now",
	"time.Since":   "take a clock, like run.Options.Now",
	"rand.Int":     "take a seed",
	"rand.IntN":    "take a seed",
}

// exceptions are the packages that may make an impure call, with the reason.
var exceptions = map[string]map[string]string{
	"engine/warehouse/bigquery": {"time.Now": "durations and deadlines of calls, life times of tables", "time.Since": "durations of jobs"},
	"engine/warehouse/duckdb":   {"time.Now": "durations of statements", "time.Since": "durations of statements"},
	"engine/warehouse/postgres": {"time.Now": "durations of statements and waits", "time.Since": "durations of statements and waits"},
}

// outside are the folders to which purity does not apply.
func outside(name string) bool {
	return strings.HasPrefix(name, "cmd/") || strings.HasPrefix(name, "internal/") || name == "bench" || strings.HasPrefix(name, "bench/") ||
		slices.Contains(support, name) || // generators and tools for people
		strings.HasSuffix(name, "test") // a suite for tests, like warehousetest
}

func parse(t *testing.T, path string) (*token.FileSet, *ast.File) {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return fset, f
}

func importsOf(t *testing.T, path string) []string {
	t.Helper()
	_, f := parse(t, path)
	var out []string
	for _, i := range f.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

func TestEveryPackageSaysWhatItHolds(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.Files) == 0 {
			continue
		}
		var texts []string
		begins := ""
		for _, file := range p.Files {
			_, f := parse(t, filepath.Join(p.Dir, file))
			if begins = "Package " + f.Name.Name + " "; f.Name.Name == "main" {
				begins = "Command " + filepath.Base(p.Name) + " "
			}
			if f.Doc != nil {
				texts = append(texts, f.Doc.Text())
			}
		}
		switch {
		case len(texts) == 0:
			t.Errorf("package %s has no doc.go", p.Name)
		case len(texts) > 1:
			t.Errorf("package %s has %d package comments, want one", p.Name, len(texts))
		case !strings.HasPrefix(texts[0], begins):
			t.Errorf("the comment of package %s begins %.40q, want %q", p.Name, texts[0], begins)
		case len(strings.Fields(texts[0])) < 8:
			t.Errorf("the comment of package %s says too little: %q", p.Name, texts[0])
		}
	}
}

func TestStagesArePure(t *testing.T) {
	for _, p := range packages(t) {
		if outside(p.Name) {
			continue
		}
		for _, file := range p.Files {
			fset, f := parse(t, filepath.Join(p.Dir, file))
			for _, c := range callsOf(f) {
				if why, bad := impure[c.name]; bad && exceptions[p.Name][c.name] == "" {
					at := fset.Position(c.pos)
					t.Errorf("%s/%s:%d uses %s: %s", p.Name, file, at.Line, c.name, why)
				}
			}
		}
	}
}

// TestNothingHappensAtInit: registering is listing.
func TestNothingHappensAtInit(t *testing.T) {
	for _, p := range packages(t) {
		for _, file := range p.Files {
			fset, f := parse(t, filepath.Join(p.Dir, file))
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					t.Errorf("%s/%s:%d has an init function", p.Name, file, fset.Position(fn.Pos()).Line)
				}
			}
		}
	}
}

// TestPackageNames: a package is named for what it holds.
func TestPackageNames(t *testing.T) {
	for _, p := range packages(t) {
		if last := filepath.Base(p.Name); slices.Contains([]string{"util", "utils", "common", "helpers", "misc", "models", "types"}, last) {
			t.Errorf("package %s is not named for what it holds", p.Name)
		}
	}
}

type use struct {
	name string // package.Func, by the package's own name
	pos  token.Pos
}

// callsOf lists every mention of a function of another package, called or handed on.
func callsOf(f *ast.File) []use {
	imported := map[string]string{}
	for _, i := range f.Imports {
		path, _ := strconv.Unquote(i.Path.Value)
		base := filepath.Base(path)
		if base == "v2" {
			base = filepath.Base(filepath.Dir(path))
		}
		local := base
		if i.Name != nil {
			local = i.Name.Name
		}
		imported[local] = base
	}
	var out []use
	ast.Inspect(f, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && imported[x.Name] != "" {
			out = append(out, use{name: imported[x.Name] + "." + sel.Sel.Name, pos: sel.Pos()})
		}
		return true
	})
	return out
}

// TestCallsOfFindsWhatItShould guards the guard.
func TestCallsOfFindsWhatItShould(t *testing.T) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "x.go", `package x
import ("os"; clock "time"; "fmt")
func f() { os.Exit(1); now := clock.Now; _ = now; fmt.Println() }
type s struct{}
func (s) Exit(int) {}
func g(os s) { os.Exit(2) }`, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range callsOf(f) {
		got = append(got, u.name)
	}
	for _, want := range []string{"os.Exit", "time.Now", "fmt.Println"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not found among %v", want, got)
		}
	}
}
