package tmpl

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/engine-build/engine/engine/source"
)

// typicalModel is about what people write: a config line, two references, a branch.
func typicalModel(i int) *source.File {
	var b strings.Builder
	fmt.Fprintf(&b, "{{ config \"materialized\" \"table\" \"tags\" (list \"core\" \"daily\") }}\n\nwith a as (\n    select * from {{ ref \"stg_%d\" }}\n),\n", i)
	fmt.Fprintf(&b, "b as (\n    select * from {{ source \"app\" \"table_%d\" }}\n)\nselect\n", i)
	for c := range 15 {
		fmt.Fprintf(&b, "    a.column_%d as renamed_column_%d,\n", c, c)
	}
	b.WriteString("    '{{ var \"region\" \"eu\" }}' as region\nfrom a join b using (id)\n{{- if is_incremental }}\nwhere a.updated_at > (select max(updated_at) from {{ this }})\n{{- end }}\n")
	return source.NewFile(fmt.Sprintf("models/m%d.sql", i), []byte(b.String()))
}

// BenchmarkParseRender10k is the budget: 10,000 models parsed, their calls listed and
// rendered in at most 300 ms on two cores.
func BenchmarkParseRender10k(b *testing.B) {
	files := make([]*source.File, 10_000)
	for i := range files {
		files[i] = typicalModel(i)
	}
	lib, ds := Macros([]*source.File{source.NewFile("macros/cents.tmpl", []byte("({{ . }} / 100)\n"))})
	if len(ds) > 0 {
		b.Fatal(ds)
	}
	b.ReportAllocs()
	for b.Loop() {
		var wg sync.WaitGroup
		workers := runtime.GOMAXPROCS(0)
		for w := range workers {
			wg.Go(func() {
				env := testEnv()
				for i := w; i < len(files); i += workers {
					t, ds := Parse(files[i], lib)
					if len(ds) > 0 {
						b.Error(ds)
						return
					}
					if len(t.Calls()) != 6 {
						b.Error(len(t.Calls()))
						return
					}
					if _, ds = t.Render(env); len(ds) > 0 {
						b.Error(ds)
						return
					}
				}
			})
		}
		wg.Wait()
	}
}

func testEnv() Env {
	return Env{
		Ref:    func(args []any) (string, error) { return fmt.Sprintf(`"s"."%v"`, args[len(args)-1]), nil },
		Source: func(s, t string) (string, error) { return fmt.Sprintf(`"%s"."%s"`, s, t), nil },
		Var: func(name string, def []any) (any, error) {
			if len(def) > 0 {
				return def[0], nil
			}
			return nil, fmt.Errorf("no variable %q", name)
		},
		EnvVar:        func(name string, def []any) (string, error) { return "env:" + name, nil },
		This:          func() string { return `"s"."me"` },
		Target:        map[string]any{"name": "dev", "schema": "s", "type": "duckdb"},
		IsIncremental: func() bool { return true },
	}
}
