package lineage_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/artifact"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/dbt"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
	"github.com/engine-build/engine/lineage"
)

// answer is a query with what dbt chooses (testdata/dbt/ask.py).
type answer struct {
	Select, Exclude []string
	Mode            string
	Types           []addr.Kind
	Selector        string
	Definition      []any
	IDs             string // a hexadecimal number, or «error»
}

// head is the first line of the answers.
type head struct {
	DBT       string
	IDs       []string
	Selectors []any
}

// imported is the project of testdata/dbt, made an engine project, with these selectors.
func imported(t *testing.T, dir string, selectors []any) (*compile.Program, diag.List) {
	t.Helper()
	if selectors != nil {
		data, err := yaml.Marshal(map[string]any{"selectors": selectors})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, project.SelectorsFile), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	o := engine.Options{Dir: dir, SkipAnalysis: true, Drivers: []warehouse.Driver{duckdb.Driver{}}, Env: func(string) (string, bool) { return "", false }}
	loaded, found := engine.Load(o)
	if found.HasErrors() {
		return nil, found
	}
	p, more := engine.Compile(t.Context(), loaded, o)
	if more.HasErrors() {
		t.Fatal(more)
	}
	return p, nil
}

func writeImported(t *testing.T) string {
	t.Helper()
	profiles, err := os.ReadFile("testdata/dbt/project/profiles.yml")
	if err != nil {
		t.Fatal(err)
	}
	made, err := dbt.Import(os.DirFS("testdata/dbt/project"), dbt.Options{Profiles: source.NewFile("profiles.yml", profiles)})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, data := range made.Files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestLikeDbt asks what dbt was asked, and compares what is chosen.
func TestLikeDbt(t *testing.T) {
	f, err := os.Open("testdata/dbt/answers.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	var first head
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &first) != nil || len(first.IDs) == 0 {
		t.Fatal("the answers have no head")
	}
	dir := writeImported(t)
	p, found := imported(t, dir, first.Selectors)
	if found != nil {
		t.Fatal(found)
	}
	asked, differ, reasons := 0, map[string]int{}, map[string]int{}
	for lines.Scan() {
		var a answer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		q := lineage.Query{Select: a.Select, Exclude: a.Exclude, Selector: a.Selector, Indirect: a.Mode, ResourceTypes: a.Types}
		want := chosenIDs(t, first.IDs, a.IDs)
		got := ask(t, p, dir, q, a.Definition)
		asked++
		if slices.Equal(got, want) {
			continue
		}
		asks := strings.Join(slices.Concat(a.Select, a.Exclude), " ")
		if a.Definition != nil {
			text, err := json.Marshal(a.Definition[0])
			if err != nil {
				t.Fatal(err)
			}
			asks = string(text)
		}
		if why, known := differences[asks]; known {
			differ[asks]++
			reasons[why]++
			continue
		}
		t.Errorf("%s\n  more than dbt: %v\n  less than dbt: %v", lines.Text()[:min(len(lines.Text()), 400)], without(got, want), without(want, got))
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	for _, asks := range slices.Sorted(maps.Keys(differences)) {
		if differ[asks] == 0 {
			t.Errorf("%q is listed as a difference, and is none", asks)
		}
	}
	for _, why := range slices.Sorted(maps.Keys(reasons)) {
		t.Logf("%d× %s", reasons[why], why)
	}
	t.Logf("%d queries, as dbt %s answers them", asked, first.DBT)
}

// ask gives the unique ids that are chosen, sorted, or «error».
func ask(t *testing.T, p *compile.Program, dir string, q lineage.Query, definition []any) []string {
	t.Helper()
	if definition != nil {
		var found diag.List
		p, found = imported(t, dir, []any{map[string]any{"name": "it", "definition": definition[0]}})
		if found != nil {
			return []string{"error"}
		}
		q = lineage.Query{Selector: "it"}
	}
	chosen, found := lineage.Select(p, q)
	if found.HasErrors() {
		return []string{"error"}
	}
	out := []string{}
	for _, n := range chosen.List() {
		out = append(out, artifact.UniqueID(p, n))
	}
	slices.Sort(out)
	return out
}

func chosenIDs(t *testing.T, ids []string, bits string) []string {
	t.Helper()
	if bits == "error" {
		return []string{"error"}
	}
	n, ok := new(big.Int).SetString(bits, 16)
	if !ok {
		t.Fatal(fmt.Errorf("%q is no answer", bits))
	}
	out := []string{}
	for i, id := range ids {
		if n.Bit(i) == 1 {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// differences are the queries that are answered in another way on purpose, and why: what stands
// in docs/selection.md. Each is asked as --select and as --exclude.
var differences = differing(map[string][]string{
	"a selector without a name is an error: dbt chooses nothing": {
		"+", "@", "++", "tag:", "config.materialized:", "fqn:", "+ fct_orders", "fct_orders +", "tag: daily", "tag:daily,", ",tag:daily", ",", "tag:daily,,core", "tag:daily, core", `""`,
	},
	"an argument that the method does not take, or a key that is missing, is an error: dbt does not look at it": {
		"tag.x:daily", "config:view", "config.:view", "config.meta.:x", "config..materialized:view",
	},
	"tabs and line ends separate as spaces do: dbt takes tabs as text, and line ends as a mistake": {
		"tag:daily\tcore", "core\nseeds", "fct_orders\n",
	},
	"a backslash separates folders everywhere, and .. leads up": {
		`models\core`, "path:models/staging/../core",
	},
	"depths are written in the digits 0 to 9": {
		"٣+fct_orders", "fct_orders+٣",
	},
	"the unit tests of versions have names of their own, next to the one that they share": {
		"users_are_kept_v1", "unit_test:users_are_kept_v1",
	},
	"a snapshot of YAML becomes a file of SQL when it is imported": {
		"path:**/*.sql", "file:*.sql", "file:*.yml", "file:users_history.yml",
	},
	"keys that are not known, and keys beside a union, are errors: dbt does not look at them, or at nothing else": {
		`{"method":"tag","parent":true,"value":"core"}`, `{"method":"tag","unknown":1,"value":"core"}`,
		`{"intersection":[{"tag":"core"},{"exclude":["seeds"],"union":["fct_orders","seeds"]}]}`, `{"union":[{"exclude":["tag:fact"],"union":["tag:core"]}]}`,
		`{"union":[{"intersection":["tag:fact"],"union":["tag:core"]}]}`, `{"union":["seeds",{"exclude":["tag:fact"],"method":"tag","value":"core"}]}`,
	},
	"parents and children are true or false: dbt takes every text for true": {
		`{"children":"yes","method":"fqn","value":"fct_orders"}`, `{"children":"false","method":"fqn","value":"fct_orders"}`,
	},
	"a depth of 0 is none in YAML as well: dbt takes it for no limit there": {
		`{"method":"fqn","parents":true,"parents_depth":0,"value":"fct_orders"}`,
	},
})

func differing(byReason map[string][]string) map[string]string {
	out := map[string]string{}
	for why, queries := range byReason {
		for _, q := range queries {
			out[q] = why
		}
	}
	return out
}
