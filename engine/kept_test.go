package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/artifact"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
)

// googleProject is a small GoogleSQL project: models of all kinds that analysis looks at,
// functions, tests whose text is that of a model, now and then a mistake or a suspicious
// place.
func googleProject(r *rand.Rand) files {
	f := files{
		"engine.yml":          "name: laws\n",
		"seeds/raw.csv":       seedRows(0, 20),
		"functions/twice.sql": "create temp function twice(x int64) as (2 * x);\ncreate temp function again(x int64) as (twice(x) + 1)\n",
	}
	names := []string{"raw"}
	var yml strings.Builder
	yml.WriteString("models:\n")
	for i := range 4 + r.IntN(6) {
		name := fmt.Sprintf("m%02d", i)
		f["models/"+name+".sql"] = googleModel(r, names)
		fmt.Fprintf(&yml, "  - name: %s\n    columns:\n      - name: id\n        data_tests:\n          - not_null: {config: {where: \"val > %d\"}}\n          - relationships: {to: ref('raw'), field: id}\n", name, i)
		names = append(names, name)
	}
	f["models/props.yml"] = yml.String()
	for i := range 2 {
		// The same text, once as a relation, once as rows that should not be there.
		f[fmt.Sprintf("tests/t%d.sql", i)] = onlyQuery(f[fmt.Sprintf("models/m%02d.sql", i)])
	}
	return f
}

func googleModel(r *rand.Rand, names []string) string {
	parent, other := names[r.IntN(len(names))], names[r.IntN(len(names))]
	switch r.IntN(24) {
	case 0, 9, 10, 11, 12, 13, 14, 15:
		return fmt.Sprintf("select id, grp, val + %d as val from {{ ref %q }}", r.IntN(9), parent)
	case 1:
		return fmt.Sprintf("{{ config \"materialized\" \"table\" }}\nselect a.id, a.grp, again(a.val) as val\nfrom {{ ref %q }} as a left join {{ ref %q }} as b on a.id = b.id", parent, other)
	case 2:
		return fmt.Sprintf("{{ config \"materialized\" \"ephemeral\" }}\nselect id, grp, val - 1 as val from {{ ref %q }}", parent)
	case 3:
		return fmt.Sprintf("{{ config \"materialized\" \"incremental\" \"unique_key\" \"id\" }}\nselect id, grp, val from {{ ref %q }}\n{{ if is_incremental }}where id > (select max(id) from {{ this }}){{ end }}", parent)
	case 4:
		return fmt.Sprintf("select id, any_value(grp) as grp, safe_divide(sum(val), count(*)) as val from {{ ref %q }} group by id", parent)
	case 5:
		return fmt.Sprintf("select a.id, b.grp, a.val from {{ ref %q }} as a, {{ ref %q }} as b", parent, other)
	case 6:
		return fmt.Sprintf("select id, grp, count(*), val from {{ ref %q }} group by id, grp, val", parent)
	case 7:
		return fmt.Sprintf("select id, grp, struct(val as a, [grp] as b) as s, cast(val as numeric) as val from {{ ref %q }}", parent)
	default:
		return fmt.Sprintf("select * from {{ ref %q }} where id in (select id from {{ ref %q }}) qualify row_number() over (partition by id order by val) = 1", parent, other)
	}
}

// onlyQuery is a model's text without what a test cannot have.
func onlyQuery(text string) string {
	if _, body, ok := strings.Cut(text, "}}\n"); ok && strings.HasPrefix(text, "{{ config") {
		text = body
	}
	if strings.Contains(text, "is_incremental") {
		text, _, _ = strings.Cut(text, "\n")
	}
	return text
}

// picture is all that compiling found, as text by what it is about.
func picture(t *testing.T, b *bench, p *compile.Program, ds diag.List) map[string]string {
	t.Helper()
	out := map[string]string{}
	var said bytes.Buffer
	if err := diag.Render(&said, ds, diag.RenderOptions{}); err != nil {
		t.Fatal(err)
	}
	out["diagnostics"] = said.String()
	for id, n := range p.Nodes {
		var b strings.Builder
		fmt.Fprintf(&b, "%s\n%s\n%s\n%s\nneeds %q unanalyzed %q opaque %q volatile %q %s\n", n.SQL, places(n.Map), n.IncrementalSQL, places(n.IncrementalMap), n.Needs, n.Unanalyzed, n.Opaque, n.Volatile, n.Fingerprint)
		for _, c := range n.Columns {
			fmt.Fprintf(&b, "%s %s %v\n", c.Name, c.Type, c.Google)
		}
		for _, f := range n.Findings {
			fmt.Fprintf(&b, "%s %d-%d %s %s %v\n", f.Rule, f.At.Start, f.At.End, f.Message, f.Help, len(f.Edits))
		}
		for _, l := range []*compile.Lineage{n.Lineage, n.IncrementalLineage} {
			if of := l.Get(); of != nil {
				fmt.Fprintf(&b, "%+v\n", *of)
			}
		}
		fmt.Fprintf(&b, "means %s reads %v ambiguous %q\n", n.Meaning, n.Reads, n.Ambiguous)
		if f := n.Facets.Get(); f != nil {
			fmt.Fprintf(&b, "%+v\n", *f)
		}
		out[id.String()] = b.String()
	}
	for _, x := range p.Tests {
		out[x.ID.String()+" reads"] = fmt.Sprint(x.Reads, x.Volatile)
		if x.Translated != nil {
			out[x.ID.String()] = fmt.Sprintf("%s\n%s\n%s\n%q", x.Translated.Rows, places(x.Translated.Map), x.Translated.Tally, x.Translated.Needs)
		}
	}
	var manifest strings.Builder
	if err := artifact.Manifest(&manifest, p, artifact.Meta{AdapterType: "duckdb"}); err != nil {
		t.Fatal(err)
	}
	out["manifest"] = manifest.String()
	if ds.HasErrors() {
		return out
	}
	c := b.open(p)
	defer c.Close()
	pl, more, err := engine.Plan(context.Background(), p, c, everything(p))
	if err != nil {
		t.Fatal(err)
	}
	b.noErrors(more)
	text, err := pl.JSON()
	if err != nil {
		t.Fatal(err)
	}
	out["plan"] = string(text)
	return out
}

func places(m *source.Map) string {
	if m == nil {
		return "none"
	}
	var b strings.Builder
	for _, s := range m.Segments() {
		fmt.Fprintf(&b, "%d-%d:%d-%d ", s.Start, s.End, s.Src.Start, s.Src.End)
	}
	return b.String()
}

// TestWhatIsKeptChangesNothing: a compilation that finds answers of earlier ones gives
// what one that finds nothing gives, after any edits.
func TestWhatIsKeptChangesNothing(t *testing.T) {
	recalled, planned := false, 0
	for seed := range 4 {
		t.Run(fmt.Sprintf("seed%d", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(seed), 11))
			f := googleProject(r)
			b := newBench(t, f)
			if err := os.Mkdir(filepath.Join(b.dir, "target"), 0o755); err != nil {
				t.Fatal(err)
			}
			for step := range 7 {
				if step > 0 && step < 6 {
					edit(r, f)
					f.write(t, b.dir)
				}
				look := func(version string) map[string]string {
					b.opts.Version = version
					p, ds := engine.Load(b.opts)
					if r.IntN(3) == 0 {
						// As --inline does it: one more model, with the text of a test.
						q := *p
						text := f[fmt.Sprintf("tests/t%d.sql", r.IntN(2))]
						if version != "" {
							q.Models = append(slices.Clip(q.Models), &project.File{Name: "inline", Source: source.NewFile("--inline", []byte(text))})
							_, _ = engine.Compile(context.Background(), &q, b.opts)
						}
					}
					program, more := engine.Compile(context.Background(), p, b.opts)
					return picture(t, b, program, append(ds, more...))
				}
				want, got := look(""), look("laws")
				if want["plan"] != "" {
					planned++
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("step %d: what was kept changed the outcome (-without +with):\n%s", step, diff)
				}
			}
			if info, err := os.Stat(filepath.Join(b.dir, "target", "analysis.kept")); err == nil && info.Size() > 1000 {
				recalled = true
			}
		})
	}
	if !recalled || planned < 3 {
		t.Errorf("kept anything: %t, projects without mistakes: %d: the law was not tested", recalled, planned)
	}
}

// edit changes a random file.
func edit(r *rand.Rand, f files) {
	var models []string
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if strings.HasPrefix(name, "models/m") {
			models = append(models, name)
		}
	}
	name := models[r.IntN(len(models))]
	switch r.IntN(6) {
	case 0:
		f[name] += "\n-- a comment"
	case 1:
		f[name] = "{{/* moves the text */}}\n" + f[name]
	case 2: // another text altogether; models before it exist
		var before []string
		for _, m := range models {
			if m < name {
				before = append(before, strings.TrimSuffix(filepath.Base(m), ".sql"))
			}
		}
		f[name] = googleModel(r, append(before, "raw"))
	case 3: // another type of a column that all read
		types := []string{"INT64", "NUMERIC", "FLOAT64"}
		f["engine.yml"] = "name: laws\nseeds:\n  laws:\n    raw:\n      +column_types: {val: " + types[r.IntN(len(types))] + "}\n"
	case 4:
		f["functions/twice.sql"] = fmt.Sprintf("create temp function twice(x int64) as (%d * x);\ncreate temp function again(x int64) as (twice(x) + 1)\n", r.IntN(9))
	case 5:
		f["tests/t0.sql"] = onlyQuery(f[name])
	}
}

// TestTestAndModelOfOneText: the answer to a text depends on what the text is.
func TestTestAndModelOfOneText(t *testing.T) {
	text := "select count(*), max(id) as id from {{ ref \"raw\" }}"
	b := newBench(t, files{"engine.yml": "name: laws\n", "seeds/raw.csv": seedRows(0, 3), "tests/below.sql": text})
	if err := os.Mkdir(filepath.Join(b.dir, "target"), 0o755); err != nil {
		t.Fatal(err)
	}
	b.opts.Version = "laws"
	p, ds := engine.Load(b.opts)
	b.noErrors(ds)
	p.Models = append(p.Models, &project.File{Name: "inline", Source: source.NewFile("--inline", []byte(text))})
	_, ds = engine.Compile(context.Background(), p, b.opts)
	b.noErrors(ds)
	test := b.compile().Tests[0].Translated
	if test == nil || !strings.Contains(test.Rows, "seed.raw") {
		t.Fatalf("the test names its relations at once: %v", test)
	}
	files{"models/below.sql": text, "models/named.sql": "select id from {{ ref \"raw\" }}", "tests/named.sql": "select id from {{ ref \"raw\" }}"}.write(t, b.dir)
	for range 2 {
		p, ds := engine.Load(b.opts)
		b.noErrors(ds)
		program, ds := engine.Compile(context.Background(), p, b.opts)
		if len(ds) != 1 || ds[0].Code != "column-unnamed" {
			t.Errorf("want column-unnamed of the model, got %v", ds)
		}
		sql := program.Nodes[addr.Node{Kind: addr.Model, Name: "named"}].SQL
		if !strings.Contains(sql, "raw") || strings.Contains(sql, "seed.raw") {
			t.Errorf("the model has the test's text: %q", sql)
		}
		files{"models/below.sql": text + "\n"}.write(t, b.dir)
	}
}
