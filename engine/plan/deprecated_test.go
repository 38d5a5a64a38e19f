package plan

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
)

// TestDeprecated looks at one reader of a deprecated version at several times.
func TestDeprecated(t *testing.T) {
	file := source.NewFile("models/orders.yml", []byte("2027-01-31"))
	date := time.Date(2027, time.January, 31, 0, 0, 0, 0, time.UTC)
	version := func(v string, age int) *project.Version {
		return &project.Version{Model: "orders", V: project.Value[string]{V: v, At: file.Whole()}, Latest: "2", Age: age, All: []string{"1", "2"}}
	}
	model := func(name string) addr.Node { return addr.Node{Kind: addr.Model, Name: name} }
	old, latest, reader, exposure := model("orders.v1"), model("orders.v2"), model("reader"), addr.Node{Kind: addr.Exposure, Name: "board"}
	p := &compile.Program{
		Order: []addr.Node{old, latest, reader},
		Nodes: map[addr.Node]*compile.Node{
			old:    {ID: old, Version: version("1", -1), Props: &project.Props{DeprecationDate: project.Value[time.Time]{V: date, At: file.Whole()}}},
			latest: {ID: latest, Version: version("2", 0)},
			reader: {ID: reader, Refs: []compile.Ref{{To: old}, {To: latest}, {To: old}}},
		},
		Exposures: []*compile.Exposure{{ID: exposure, Parents: []addr.Node{old}}},
	}
	day := 24 * time.Hour
	for _, c := range []struct {
		name     string
		at       time.Time
		selected []addr.Node
		want     []string
	}{
		{"no clock", time.Time{}, []addr.Node{old, reader}, nil},
		{"long before", date.Add(-31 * day), []addr.Node{old, reader}, nil},
		{"soon", date.Add(-29 * day), []addr.Node{reader}, []string{`model.reader: "reader" reads version 1 of model "orders", which is deprecated from 2027-01-31 on; read the latest version: ref "orders"`}},
		{"since", date, []addr.Node{old}, []string{`exposure.board: "board" reads version 1 of model "orders", which is deprecated since 2027-01-31; read the latest version: ref "orders"`}},
		{"another is selected", date.Add(day), []addr.Node{latest}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			sel := Selection{At: c.at, Nodes: map[addr.Node]bool{}}
			for _, n := range c.selected {
				sel.Nodes[n] = true
			}
			var got []string
			for _, d := range Deprecated(p, sel) {
				got = append(got, d.Model.String()+": "+d.Message+"; "+d.Help)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
