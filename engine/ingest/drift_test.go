package ingest_test

import (
	"cmp"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/ingest"
	"github.com/engine-build/engine/engine/project"
)

func remote(pairs ...string) []project.RemoteColumn {
	var out []project.RemoteColumn
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, project.RemoteColumn{Name: pairs[i], Type: pairs[i+1], Taken: true})
	}
	return out
}

func policies(table, column, removed, retyped string) project.Drift {
	word := func(s string) project.Value[string] { return project.Value[string]{V: s} }
	return project.Drift{NewTable: word(table), NewColumn: word(column), RemovedColumn: word(removed), TypeChange: word(retyped)}
}

var usual = policies("report", "report", "fail", "fail")

func TestDrift(t *testing.T) {
	strict := policies("fail", "fail", "fail", "fail")
	mild := policies("ignore", "ignore", "null_fill", "text")
	old := remote("id", "bigint", "name", "text", "amount", "numeric(10,2)")
	cases := map[string]struct {
		was, is  []project.RemoteColumn
		gone     bool
		needed   []string
		policies project.Drift
		want     []string
	}{
		"nothing":            {old, old, false, nil, strict, nil},
		"another order":      {old, remote("name", "text", "id", "bigint", "amount", "numeric(10,2)"), false, nil, strict, nil},
		"gone table":         {old, nil, true, nil, mild, []string{`refusal: table "t" is gone`}},
		"new":                {old, append(slices.Clone(old), remote("x", "date")...), false, nil, strict, []string{`refusal: column "x" (date) is new`}},
		"new reported":       {old, append(slices.Clone(old), remote("x", "date")...), false, nil, usual, []string{`warning: column "x" (date) is new`}},
		"new ignored":        {old, append(slices.Clone(old), remote("x", "date")...), false, nil, mild, []string{`note: column "x" (date) is new`}},
		"new and named":      {old, append(slices.Clone(old), remote("named", "date", "x", "date")...), false, nil, strict, []string{`note: taken: column "named" (date) is new`, `refusal: column "x" (date) is new`}},
		"removed":            {old, old[:2], false, nil, usual, []string{`refusal: column "amount" (numeric(10,2)) is gone`}},
		"removed and filled": {old, old[:2], false, nil, mild, []string{`warning: column "amount" (numeric(10,2)) is gone`}},
		"key removed":        {old, old[1:], false, []string{"id"}, mild, []string{`refusal: column "id" (bigint) is gone`}},
		"not taken removed": {append([]project.RemoteColumn{{Name: "secret", Type: "text"}}, old...), old, false, nil, strict,
			[]string{`note: column "secret" (text) is gone`}},
		"retyped": {old, remote("id", "bigint", "name", "text", "amount", "text"), false, nil, strict, []string{`refusal: column "amount" was numeric(10,2) and is text`}},
		"retyped text": {old, remote("id", "bigint", "name", "text", "amount", "text"), false, nil, mild,
			[]string{`warning: column "amount" was numeric(10,2) and is text`}},
		"retyped key": {old, remote("id", "text", "name", "text", "amount", "numeric(10,2)"), false, []string{"id"}, mild,
			[]string{`refusal: column "id" was bigint and is text`}},
		"lands alike": {old, remote("id", "bigint", "name", "varchar(9)", "amount", "numeric(10,2)"), false, nil, strict,
			[]string{`note: column "name" was text and is varchar(9)`}},
		"retyped below a domain": {[]project.RemoteColumn{{Name: "id", Type: "price", Base: "numeric(10,2)", Taken: true}}, []project.RemoteColumn{{Name: "id", Type: "price", Base: "text"}}, false, nil, usual,
			[]string{`refusal: column "id" was price of numeric(10,2) and is price of text`}},
		"another domain of the type": {[]project.RemoteColumn{{Name: "id", Type: "price", Base: "bigint", Taken: true}}, []project.RemoteColumn{{Name: "id", Type: "cost", Base: "bigint"}}, false, nil, strict,
			[]string{`note: column "id" was price and is cost`}},
		"a domain not written down": {remote("id", "price"), []project.RemoteColumn{{Name: "id", Type: "price", Base: "bigint"}}, false, nil, strict, nil},
		"renamed in its place": {old, remote("id", "bigint", "title", "text", "amount", "numeric(10,2)"), false, nil, mild,
			[]string{`warning: column "name" (text) is gone, maybe renamed to "title"`, `note: column "title" (text) is new, maybe "name" renamed`}},
		"renamed elsewhere": {old, remote("id", "bigint", "name", "text", "x", "date", "amounts", "numeric(10,2)"), false, nil, mild,
			[]string{`warning: column "amount" (numeric(10,2)) is gone, maybe renamed to "amounts"`, `note: column "x" (date) is new`, `note: column "amounts" (numeric(10,2)) is new, maybe "amount" renamed`}},
		"another type is no rename": {old, remote("id", "bigint", "title", "date", "amount", "numeric(10,2)"), false, nil, mild,
			[]string{`warning: column "name" (text) is gone`, `note: column "title" (date) is new`}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, ch := range ingest.Drift(ingest.Compared{
				Source: "app.t", Was: &project.LockedTable{Name: "t", Columns: c.was}, Is: c.is, Gone: c.gone, Needed: c.needed, Policies: c.policies,
				Wanted: func(name string) bool { return name != "secret" },
				Named:  func(name string) bool { return name == "named" },
				Lands: func(c project.RemoteColumn) string {
					if c.Type == "varchar(9)" {
						return "text"
					}
					return cmp.Or(c.Base, c.Type)
				},
			}) {
				if ch.Outcome == "" || ch.Source != "app.t" || ch.Table != "t" {
					t.Errorf("incomplete: %+v", ch)
				}
				word := string(ch.Level) + ": "
				if ch.Taken != (ch.Outcome != "it is not taken" && ch.Outcome != "it was not taken" && ch.Outcome != "it is neither agreed to nor refused") {
					t.Errorf("taken is %v, and it says %q", ch.Taken, ch.Outcome)
				}
				if ch.Kind == ingest.NewColumn && ch.Taken {
					word += "taken: "
				}
				got = append(got, word+ch.String())
			}
			if d := gocmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestNobodyAgreedYet(t *testing.T) {
	if got := ingest.Drift(ingest.Compared{Source: "app.t", Is: remote("id", "bigint")}); got != nil {
		t.Errorf("changes against nothing: %v", got)
	}
	if got := ingest.DriftOfTables("app", nil, []string{"t"}, nil, usual); got != nil {
		t.Errorf("changes against nothing: %v", got)
	}
}

func TestDriftOfTables(t *testing.T) {
	for policy, want := range map[string]string{"ignore": "note", "report": "warning", "fail": "refusal"} {
		got := ingest.DriftOfTables("app", &project.LockedRemote{Tables: []string{"a", "b", "c"}}, []string{"b", "c", "d", "e"}, []string{"c", "d"}, policies(policy, "", "", ""))
		var words []string
		for _, c := range got {
			words = append(words, string(c.Level)+": "+c.String())
		}
		if d := gocmp.Diff([]string{`note: table "a" is gone`, want + `: table "e" is new`}, words); d != "" {
			t.Errorf("%s: %s", policy, d)
		}
	}
}
