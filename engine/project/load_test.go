package project

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

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
		"seed": *p.Seeds[1], "seeds": len(p.Seeds), "format": p.Seeds[0].Format, "version": p.Settings.Version, "paths": p.Settings.ModelPaths, "target": p.Settings.TargetPath,
	}
	want := map[string]any{
		"models":    []string{"UPPER models/UPPER.SQL", "b models/b.sql", "a models/staging/a.sql"},
		"snapshots": []string{"sn snapshots/sn.sql"},
		"tests":     []string{"u checks/sub/generic/u.sql", "t checks/t.sql"},
		"generics":  []string{"g checks/generic/g.sql"},
		"macros":    []string{"m macros/m.tmpl"},
		"seed":      Seed{Name: "s", Path: "seeds/raw/s.csv", Format: "csv", Size: 5, Hash: hex.EncodeToString(sum[:]), At: pathOnly("seeds/raw/s.csv")},
		"seeds":     2, "format": "parquet", "version": "1.2", "paths": []string{"models"}, "target": "target",
	}
	if diff := cmp.Diff(want, got, asWritten); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if got := string(p.Models[2].Source.Data); got != "select 1\n" {
		t.Errorf("text of a model = %q", got)
	}
}
