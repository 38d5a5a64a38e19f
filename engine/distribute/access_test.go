package distribute

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/tenant"
)

// TestTurns: whoever changes how it reads gets the new before it loses the old.
func TestTurns(t *testing.T) {
	rows := func(in *In, who ...int) {
		for i := range in.Config.Customers {
			in.Config.Customers[i].Mode = tenant.Tables
		}
		for _, i := range who {
			in.Config.Customers[i].Mode = tenant.Rows
		}
	}
	for name, test := range map[string]struct {
		before []int // with mode rows
		change func(*In)
		want   []string
	}{
		"nobody shares":   {nil, func(in *In) { in.Force = true }, []string{"acme 0", "bmw 0", "cascade 0"}},
		"one joins":       {[]int{1}, func(in *In) { rows(in, 0, 1) }, []string{"_rows 0", "acme 2 keeps acme_reader"}},
		"one leaves":      {[]int{0, 1}, func(in *In) { rows(in, 0) }, []string{"_rows 1 bmw leaves", "bmw 0"}},
		"one each":        {[]int{1}, func(in *In) { rows(in, 0) }, []string{"_rows 1 bmw leaves", "acme 2 keeps acme_reader", "bmw 0"}},
		"the last leaves": {[]int{1}, func(in *In) { rows(in) }, []string{"_rows 1 bmw leaves", "bmw 0"}},
		"a run before did not end": {[]int{0, 1}, func(in *In) {
			rows(in, 0)
			in.Past["bmw"] = state.Release{Customer: "bmw", Begun: true, Granted: []string{"bmw_reader"}}
		}, []string{"_rows 1 bmw leaves", "bmw 0"}},
		"one has its own already": {[]int{0, 1}, func(in *In) {
			rows(in, 0)
			in.Past["bmw"] = state.Release{Customer: "bmw", Granted: []string{"bmw_reader"}}
		}, []string{"_rows 0", "bmw 0"}},
		"one is disabled": {[]int{0, 1}, func(in *In) { rows(in, 0); in.Config.Customers[1].Enabled = false }, []string{"_rows 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			in := company()
			rows(&in, test.before...)
			first, found := Make(in)
			if found.HasErrors() {
				t.Fatal(found)
			}
			in = done(in, first)
			test.change(&in)
			p, found := Make(in)
			if found.HasErrors() {
				t.Fatal(found)
			}
			var got []string
			for _, c := range p.Customers {
				line := fmt.Sprint(c.Name, " ", c.turn())
				for _, one := range c.leaving {
					line += " " + one.Name + " leaves"
				}
				if len(c.keeps) > 0 {
					line += " keeps " + strings.Join(c.keeps, " ")
				}
				got = append(got, line)
			}
			if d := cmp.Diff(test.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}
