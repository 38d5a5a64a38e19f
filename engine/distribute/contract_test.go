package distribute

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/warehouse"
)

// versions are contracts in the second of which material has lost and gained a name.
func versions(changes ...tenant.Change) []tenant.Contract {
	return []tenant.Contract{{Version: 1, Changes: changes}, {Version: 2}}
}

// TestMakeOfOldContracts is about customers whose models stay as they are while the contract
// that they read is changed under them.
func TestMakeOfOldContracts(t *testing.T) {
	renamed := func(old, now string) tenant.Change {
		return tenant.Change{Model: "material", Renamed: map[string]string{old: now}}
	}
	dropped := tenant.Change{Model: "plot", Dropped: true, Removed: map[string]string{"id": "BIGINT"}}
	for name, test := range map[string]struct {
		before, after []tenant.Change
		want          []string
		fails         string
	}{
		"the same":           {[]tenant.Change{renamed("number", "id"), dropped}, []tenant.Change{renamed("number", "id"), dropped}, []string{}, ""},
		"another name":       {[]tenant.Change{renamed("number", "id")}, []tenant.Change{renamed("nr", "id")}, nil, `material breaks contract 1 of bmw: "number" is gone, perhaps renamed to "nr"`},
		"a model less":       {[]tenant.Change{dropped}, nil, nil, `plot breaks contract 1 of bmw: "id" is gone`},
		"a model more":       {nil, []tenant.Change{dropped}, []string{"bmw: contract"}, ""},
		"from other columns": {[]tenant.Change{renamed("number", "id")}, []tenant.Change{{Model: "material", Renamed: map[string]string{"number": "tenant_id"}, Removed: map[string]string{"tenant_id": "BIGINT"}}}, []string{"bmw: contract"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			in := company()
			in.Config.Customers = in.Config.Customers[1:2]
			in.Setting.Contracts = versions(test.before...)
			first, found := Make(in)
			if found.HasErrors() {
				t.Fatal(found)
			}
			in = done(in, first)
			in.Setting.Contracts = versions(test.after...)
			p, found := Make(in)
			if test.fails != "" {
				if len(found) != 1 || found[0].Message != test.fails {
					t.Fatalf("got %v, want %q", found, test.fails)
				}
				return
			}
			if diff := cmp.Diff(test.want, short(p)); diff != "" || found.HasErrors() {
				t.Error(diff, found)
			}
		})
	}
}

// TestMakeAfterADeadRun is about what a run has left that died after it had begun to publish: its
// record, made by the code that makes it, keeps what the contract is held to.
func TestMakeAfterADeadRun(t *testing.T) {
	in := company()
	in.Config.Customers = in.Config.Customers[1:2]
	first, _ := Make(in)
	in = done(in, first)
	in.Held[model("material")] = "new"
	second, found := Make(in)
	if found.HasErrors() || len(second.Customers) != 1 {
		t.Fatal(found, short(second))
	}
	c := second.Customers[0]
	rec := state.Release{Customer: c.Name, Run: "r2", Begun: true, Contract: c.Contract, Mode: c.Mode, Pairs: map[addr.Node]state.ReleasedPair{}, Granted: c.config.Principals}
	for _, e := range c.all {
		if !e.due {
			rec.Pairs[e.model.Node] = e.pair
		}
	}
	(&publication{c: c}).unsure(&rec)
	if pair := rec.Pairs[model("material")]; pair.Fingerprint != "" || pair.Shape == "" {
		t.Errorf("what the run began to publish is recorded as %+v", pair)
	}
	in.Past = map[string]state.Release{c.Name: rec}
	again, found := Make(in)
	if diff := cmp.Diff([]string{"bmw: unfinished dw_bmw.material=unfinished/direct"}, short(again)); diff != "" || found.HasErrors() {
		t.Error(diff, found)
	}
	in.Rules[0].Columns, in.Rules[0].Fields = in.Rules[0].Columns[:2], nil
	if _, found = Make(in); len(found) != 1 || found[0].Message != `material breaks contract 1 of bmw: "custom" is gone` {
		t.Errorf("a column that goes after a run that died: %v", found)
	}
	in.Rules = company().Rules[1:]
	if _, found = Make(in); len(found) != 1 || found[0].Message != `material breaks contract 1 of bmw: "custom" is gone; "id" is gone; "tenant_id" is gone` {
		t.Errorf("a model that goes after a run that died: %v", found)
	}
}

// TestOwner: two developers who share a target's name publish into schemas of their own, or not
// at all.
func TestOwner(t *testing.T) {
	ann, ben := company().Setting, company().Setting
	ann.Schema, ben.Schema = "dw_ann", "dw_ben"
	if ann.Owner() == ben.Owner() {
		t.Errorf("both are %q", ann.Owner())
	}
}

// TestMakeOfStock compares what was published with what is there.
func TestMakeOfStock(t *testing.T) {
	view := addr.Relation{Schema: "dw_bmw", Name: "material"}
	for name, test := range map[string]struct {
		change func(*In, map[addr.Relation]bool, *warehouse.Stock)
		want   []string
		warns  string
	}{
		"all there": {func(*In, map[addr.Relation]bool, *warehouse.Stock) {}, []string{}, ""},
		"a view of an old contract": {func(_ *In, have map[addr.Relation]bool, _ *warehouse.Stock) { delete(have, view) },
			[]string{"bmw: lost"}, ""},
		"an old copy": {func(_ *In, _ map[addr.Relation]bool, s *warehouse.Stock) { *s.Run = "r0" },
			[]string{"bmw: dw_bmw_v2.material=lost/direct dw_bmw_v2.unit=lost/direct dl_bmw_app.weighing=lost/direct"}, ""},
		"what a run that died has published": {func(in *In, _ map[addr.Relation]bool, s *warehouse.Stock) {
			past := in.Past["bmw"]
			past.Begun, past.Run = true, "r2"
			in.Past["bmw"], *s.Run = past, "r2"
		}, []string{"bmw: unfinished"}, ""},
		"a right that was revoked": {func(_ *In, _ map[addr.Relation]bool, s *warehouse.Stock) {
			s.Hidden = map[addr.Relation]bool{view: true}
		},
			[]string{"bmw: access"}, ""},
		"a stranger's table that is hidden": {func(_ *In, _ map[addr.Relation]bool, s *warehouse.Stock) {
			s.Hidden = map[addr.Relation]bool{{Schema: "dw_bmw", Name: "mine"}: true}
		}, []string{}, ""},
		"a customer that left, without accounts": {func(in *In, _ map[addr.Relation]bool, _ *warehouse.Stock) {
			past := in.Past["bmw"]
			past.Granted, in.Config.Customers, in.Setting.Accounts = nil, nil, false
			in.Past["bmw"] = past
		}, []string{}, "customer bmw is not configured any more: what it was given stays"},
		"a customer that left, and has nothing any more": {func(in *In, _ map[addr.Relation]bool, _ *warehouse.Stock) {
			past := in.Past["bmw"]
			past.Granted, in.Config.Customers = nil, nil
			in.Past["bmw"] = past
			delete(in.Stock, "bmw")
		}, []string{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			in := company()
			in.Config.Customers = in.Config.Customers[1:2]
			in.Setting.Contracts = versions(tenant.Change{Model: "material", Renamed: map[string]string{"number": "id"}})
			in.Setting.Places = func(c *tenant.Customer) Places {
				return Places{Serving: "dw_" + c.Name, Tables: "dw_" + c.Name + "_v2", Lakes: map[string]string{"app": "dl_" + c.Name + "_app"}}
			}
			first, found := Make(in)
			if found.HasErrors() {
				t.Fatal(found)
			}
			in = done(in, first)
			run, have := "r", map[addr.Relation]bool{view: true, {Schema: "dw_bmw", Name: "unit"}: true}
			for _, p := range first.Customers[0].Pairs {
				have[p.As] = true
			}
			stock := warehouse.Stock{Relations: have, Run: &run, Stamp: "new"}
			in.Stock = map[string]warehouse.Stock{"bmw": stock}
			test.change(&in, have, &stock)
			if _, there := in.Stock["bmw"]; there {
				in.Stock["bmw"] = stock
			}
			p, found := Make(in)
			if diff := cmp.Diff(test.want, short(p)); diff != "" {
				t.Error(diff)
			}
			// A stamp is kept of what is as it was published, and of nothing else.
			var kept []string
			for _, r := range p.stamped {
				kept = append(kept, r.Customer+" "+r.Stamp)
				if past := in.Past[r.Customer]; !r.At.After(past.At) || r.Run != past.Run || r.Published != past.Published {
					t.Errorf("the record %+v does not follow %+v", r, past)
				}
			}
			var due []string
			if configured := len(in.Config.Customers) > 0; configured && len(test.want) == 0 {
				due = []string{"bmw new"}
			}
			if diff := cmp.Diff(due, kept); diff != "" {
				t.Errorf("stamps that are kept:\n%s", diff)
			}
			if test.warns == "" && len(found) > 0 || test.warns != "" && (len(found) != 1 || found[0].Message != test.warns) {
				t.Errorf("got %v, want %q", found, test.warns)
			}
		})
	}
}
