package distribute

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/warehouse"
)

func model(name string) addr.Node { return addr.Node{Kind: addr.Model, Name: name} }

func number(n int64) tenant.Key { return tenant.Key{Int: n, Text: fmt.Sprint(n), Number: true} }

// company is what the tests start from: three customers, two models and a lake.
func company() In {
	columns := []tenant.Column{{Name: "id", Type: "BIGINT", Number: true, Visible: true}, {Name: "tenant_id", Type: "BIGINT", Number: true, Visible: true}, {Name: "custom", Type: "JSON"}}
	rules := []tenant.Rule{
		{Node: model("material"), Relation: addr.Relation{Schema: "dw", Name: "material"}, As: "material", Tenant: "tenant_id", Links: []tenant.Link{{Entity: "material", Column: "id"}}, Via: []tenant.Link{{Entity: "material", Column: "id"}}, Columns: columns, Fields: &tenant.FieldSource{Column: "custom", Prefix: "cf_"}},
		{Node: model("unit"), Relation: addr.Relation{Schema: "dw", Name: "unit"}, As: "unit", All: true, Columns: columns[:1]},
		{Node: model("bespoke"), Relation: addr.Relation{Schema: "dw", Name: "bespoke"}, As: "bespoke", Tenant: "tenant_id", Only: []string{"acme"}, Columns: columns[:2]},
		{Node: addr.Node{Kind: addr.Source, Name: "app.weighing"}, Relation: addr.Relation{Schema: "app", Name: "weighing"}, As: "weighing", Source: "app", Tenant: "tenant_id", Columns: columns[:2]},
	}
	customer := func(name string, tenants ...int64) tenant.Customer {
		c := tenant.Customer{Name: name, Tier: 2, Mode: tenant.Tables, Contract: 1, Enabled: true, Principals: []string{name + "_reader"}, Links: map[string]tenant.Keys{}, Transfers: map[string]tenant.Keys{}}
		for _, n := range tenants {
			c.Tenants = append(c.Tenants, number(n))
		}
		return c
	}
	held, relations := map[addr.Node]string{}, map[addr.Node]warehouse.Relation{}
	for _, r := range rules {
		held[r.Node] = "content of " + r.As
		relations[r.Node] = warehouse.Relation{Name: r.Relation, Kind: warehouse.Table, Rows: 1000, Bytes: 8000}
	}
	return In{
		Setting: Setting{
			Project: "shop", Target: "prod", Split: SplitAuto, Accounts: true, MaxInline: 500, Contracts: []tenant.Contract{{Version: 1}},
			Places: func(c *tenant.Customer) Places {
				return Places{Serving: "dw_" + c.Name, Tables: "dw_" + c.Name, Lakes: map[string]string{"app": "dl_" + c.Name + "_app"}}
			},
		},
		Rules: rules, Config: &tenant.Config{Hash: "h", Customers: []tenant.Customer{customer("acme", 1, 2), customer("bmw", 3), customer("cascade", 4)}},
		Held: held, Relations: relations, Shapes: state.Shapes{},
	}
}

// done is what the records say after a plan was done.
func done(in In, p *Plan) In {
	past := map[string]state.Release{}
	for name, r := range in.Past {
		past[name] = r
	}
	for _, c := range p.Customers {
		r := state.Release{Customer: c.Name, Run: "r", At: time.Unix(1, 0), Contract: c.Contract, Mode: c.Mode, Pairs: map[addr.Node]state.ReleasedPair{}, Granted: c.config.Principals, Markers: p.marks, Views: c.views, Published: "r"}
		for _, one := range c.members {
			r.Members = append(r.Members, one.Name)
		}
		for _, e := range c.all {
			r.Pairs[e.model.Node] = e.pair
		}
		past[c.Name] = r
	}
	shapes := state.Shapes{}
	for _, known := range []state.Shapes{in.Shapes, p.shapes} {
		for hash, columns := range known {
			shapes[hash] = columns
		}
	}
	in.Past, in.Shapes = past, shapes
	return in
}

// short writes a plan in a few words.
func short(p *Plan) []string {
	out := []string{}
	for _, c := range p.Customers {
		line := c.Name + ":"
		for _, r := range c.Reasons {
			line += " " + string(r)
		}
		for _, pair := range c.Pairs {
			line += " " + pair.As.String() + "=" + string(pair.Reason) + "/" + string(pair.Way)
		}
		for _, g := range c.Gone {
			line += " -" + g.Name
		}
		for _, g := range c.Grant {
			line += " +" + g
		}
		for _, r := range c.Revoke {
			line += " -" + r
		}
		out = append(out, line)
	}
	return out
}

func TestMake(t *testing.T) {
	nothing := []string{}
	for name, test := range map[string]struct {
		change func(*In)
		want   []string
		fails  string
	}{
		"unchanged": {func(*In) {}, nothing, ""},
		"rows": {func(in *In) { in.Held[model("material")] = "new" },
			[]string{"acme: dw_acme.material=rows/direct", "bmw: dw_bmw.material=rows/direct", "cascade: dw_cascade.material=rows/direct"}, ""},
		"unknown rows": {func(in *In) { delete(in.Held, addr.Node{Kind: addr.Source, Name: "app.weighing"}) },
			[]string{"acme: dl_acme_app.weighing=unknown/direct", "bmw: dl_bmw_app.weighing=unknown/direct", "cascade: dl_cascade_app.weighing=unknown/direct"}, ""},
		"a tenant more": {func(in *In) { in.Config.Customers[1].Tenants = []tenant.Key{number(3), number(5)} },
			[]string{"bmw: dw_bmw.material=slice/direct dl_bmw_app.weighing=slice/direct"}, ""},
		"a text is no number": {func(in *In) { in.Config.Customers[1].Tenants = []tenant.Key{{Text: "3"}} },
			[]string{"bmw: dw_bmw.material=slice/direct dl_bmw_app.weighing=slice/direct"}, ""},
		"a link": {func(in *In) { in.Config.Customers[1].Links["material"] = tenant.Keys{Count: 1, Hash: "x"} },
			[]string{"bmw: dw_bmw.material=slice/direct"}, ""},
		"a link that no model has": {func(in *In) { in.Config.Customers[1].Links["plot"] = tenant.Keys{Count: 1, Hash: "x"} }, nothing, ""},
		"a transfer": {func(in *In) { in.Config.Customers[1].Transfers["material"] = tenant.Keys{Count: 1, Hash: "x"} },
			[]string{"bmw: dw_bmw.material=slice/direct"}, ""},
		"a field": {func(in *In) {
			in.Config.Customers[0].Fields = map[string][]tenant.Field{"material": {{ID: "thc", Column: "cf_thc", Type: warehouse.FieldNumber}}}
		}, []string{"acme: dw_acme.material=slice/direct"}, ""},
		"a field's new name": {func(in *In) { in.Config.Customers[0].Title = "other" }, nothing, ""},
		"a mask": {func(in *In) {
			in.Rules[0].Columns = append([]tenant.Column{}, in.Rules[0].Columns...)
			in.Rules[0].Columns[2].Mask = tenant.Mask{Kind: tenant.MaskHash}
		}, []string{"acme: dw_acme.material=definition/direct", "bmw: dw_bmw.material=definition/direct", "cascade: dw_cascade.material=definition/direct"}, ""},
		"principals":  {func(in *In) { in.Config.Customers[1].Principals = []string{"other"} }, []string{"bmw: access +other -bmw_reader"}, ""},
		"no accounts": {func(in *In) { in.Setting.Accounts = false; in.Config.Customers[1].Principals = []string{"other"} }, nothing, ""},
		"disabled":    {func(in *In) { in.Config.Customers[1].Enabled = false; in.Held[model("unit")] = "new" }, []string{"acme: dw_acme.unit=rows/direct", "cascade: dw_cascade.unit=rows/direct"}, ""},
		"disabled without access": {func(in *In) {
			in.Config.Customers[1].Enabled, in.Config.Customers[1].Principals = false, nil
		}, []string{"bmw: withdrawn -bmw_reader"}, ""},
		"gone": {func(in *In) { in.Config.Customers = in.Config.Customers[:2] }, []string{"cascade: withdrawn -cascade_reader"}, ""},
		"all gone": {func(in *In) { in.Config.Customers = nil }, nothing,
			`"customers" of the distribution has no rows any more, which would take from all customers what they have`},
		"all gone but a canary": {func(in *In) {
			in.Config.Customers = in.Config.Customers[2:]
			in.Config.Customers[0].Canary = true
		}, nothing, `"customers" of the distribution has no rows any more, which would take from all customers what they have`},
		"all tenants gone but a canary's": {func(in *In) {
			in.Config.Customers[0].Tenants, in.Config.Customers[1].Tenants = nil, nil
			in.Config.Customers[2].Canary = true
		}, nothing, `"customer_tenants" of the distribution has no rows any more, which would take from all customers what they have`},
		"a canary without tenants": {func(in *In) {
			in.Config.Customers[2].Canary, in.Config.Customers[2].Tenants = true, nil
		}, []string{"cascade: dw_cascade.material=slice/direct dl_cascade_app.weighing=slice/direct"}, ""},
		"all gone, and that is meant": {func(in *In) { in.Config.Customers = nil; in.AllowEmpty = true },
			[]string{"acme: withdrawn -acme_reader", "bmw: withdrawn -bmw_reader", "cascade: withdrawn -cascade_reader"}, ""},
		"no tenants": {func(in *In) {
			for i := range in.Config.Customers {
				in.Config.Customers[i].Tenants = nil
			}
		}, nothing, `"customer_tenants" of the distribution has no rows any more, which would take from all customers what they have`},
		"a tenant less": {func(in *In) { in.Config.Customers[1].Tenants = nil },
			[]string{"bmw: dw_bmw.material=slice/direct dl_bmw_app.weighing=slice/direct"}, ""},
		"a principal that has become unfit": {func(in *In) { in.Unfit = map[string]bool{"acme_reader": true, "bmw_reader": false} },
			[]string{"bmw: access"}, ""},
		"only others": {func(in *In) { in.Rules[2].Only = []string{"bmw"} },
			[]string{"acme: gone -bespoke", "bmw: dw_bmw.bespoke=new/direct"}, ""},
		"asked": {func(in *In) { in.Held[model("unit")] = "new"; in.Only = []string{"bmw"} }, []string{"bmw: dw_bmw.unit=rows/direct"}, ""},
		"forced": {func(in *In) { in.Force = true; in.Only = []string{"cascade"} },
			[]string{"cascade: dw_cascade.material=forced/direct dw_cascade.unit=forced/direct dl_cascade_app.weighing=forced/direct"}, ""},
		"view": {func(in *In) { in.Config.Customers[2].Mode = tenant.Views },
			[]string{"cascade: dw_cascade.material=definition/view dw_cascade.unit=definition/view dl_cascade_app.weighing=definition/view"}, ""},
		"a run that died": {func(in *In) {
			r := in.Past["bmw"]
			r.Begun, r.Pairs = true, map[addr.Node]state.ReleasedPair{model("unit"): r.Pairs[model("unit")]}
			in.Past["bmw"] = r
		}, []string{"bmw: unfinished dw_bmw.material=unfinished/direct dl_bmw_app.weighing=unfinished/direct"}, ""},
		"what somebody has dropped": {func(in *In) {
			unit := addr.Relation{Schema: "dw_acme", Name: "unit"}
			in.Stock = map[string]warehouse.Stock{"acme": {Relations: map[addr.Relation]bool{{Schema: "dw_acme", Name: "material"}: true, {Schema: "dw_acme", Name: "bespoke"}: true, {Schema: "dl_acme_app", Name: "weighing"}: true}}, "cascade": {}}
			delete(in.Stock["acme"].Relations, unit)
		}, []string{"acme: dw_acme.unit=lost/direct", "bmw: dw_bmw.material=lost/direct dw_bmw.unit=lost/direct dl_bmw_app.weighing=lost/direct"}, ""},
		"markers": {func(in *In) { in.Config.Customers[2].Canary, in.Config.Customers[2].Markers = true, []string{"tweet"} },
			[]string{"acme: markers", "bmw: markers", "cascade: markers"}, ""},
		"never split": {func(in *In) {
			in.Setting.Split = SplitNever
			in.Held[addr.Node{Kind: addr.Source, Name: "app.weighing"}] = "new"
		},
			[]string{"acme: dl_acme_app.weighing=rows/direct", "bmw: dl_bmw_app.weighing=rows/direct", "cascade: dl_cascade_app.weighing=rows/direct"}, ""},
		"always split, but what is everybody's": {func(in *In) { in.Setting.Split = SplitAlways; in.Force = true; in.Only = []string{"bmw"} },
			[]string{"bmw: dw_bmw.material=forced/split dw_bmw.unit=forced/direct dl_bmw_app.weighing=forced/split"}, ""},
		"a column more": {func(in *In) {
			in.Rules[1].Columns = append([]tenant.Column{in.Rules[1].Columns[0]}, tenant.Column{Name: "more", Type: "BIGINT"})
			in.Only = []string{"bmw"}
		}, []string{"bmw: dw_bmw.unit=definition/direct"}, ""},
		"a column less": {func(in *In) { in.Rules[0].Columns = in.Rules[0].Columns[:2]; in.Rules[0].Fields = nil },
			nil, `material breaks contract 1 of acme, bmw and cascade: "custom" is gone`},
		"a column less of a lake": {func(in *In) { in.Rules[3].Columns = in.Rules[3].Columns[1:]; in.Only = []string{"bmw"} },
			[]string{"bmw: dl_bmw_app.weighing=definition/direct"}, ""},
		"a column less with a new contract": {func(in *In) {
			in.Rules[0].Columns, in.Rules[0].Fields = in.Rules[0].Columns[:2], nil
			in.Setting.Contracts = []tenant.Contract{{Version: 1, Changes: []tenant.Change{{Model: "material", Removed: map[string]string{"custom": "JSON"}}}}, {Version: 2}}
			in.Only = []string{"bmw"}
		}, []string{"bmw: contract dw_bmw.material=definition/direct"}, ""},
		"a model less": {func(in *In) { in.Rules = append(in.Rules[:1:1], in.Rules[2:]...) },
			nil, `unit breaks contract 1 of acme, bmw and cascade: "id" is gone`},
		"rows mode": {func(in *In) { in.Config.Customers[0].Mode, in.Config.Customers[1].Mode = tenant.Rows, tenant.Rows },
			[]string{
				"_rows: access dw__rows.bespoke=new/direct dw__rows.material=new/direct dw__rows.unit=new/direct dl__rows_app.weighing=new/direct +acme_reader +bmw_reader",
				"acme: gone access -bespoke -material -unit -app.weighing -acme_reader", "bmw: gone access -material -unit -app.weighing -bmw_reader"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			in := company()
			first, found := Make(in)
			if found.HasErrors() {
				t.Fatal(found)
			}
			in = done(in, first)
			test.change(&in)
			p, found := Make(in)
			if test.fails != "" {
				if len(found) != 1 || found[0].Message != test.fails {
					t.Fatalf("got %v, want %q", found, test.fails)
				}
				return
			}
			if found.HasErrors() {
				t.Fatal(found)
			}
			if diff := cmp.Diff(test.want, short(p)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestMakeFromNothing keeps the first plan, and that it has the same bytes each time.
func TestMakeFromNothing(t *testing.T) {
	p, _ := Make(company())
	want := []string{
		"acme: access dw_acme.bespoke=new/direct dw_acme.material=new/direct dw_acme.unit=new/direct dl_acme_app.weighing=new/direct +acme_reader",
		"bmw: access dw_bmw.material=new/direct dw_bmw.unit=new/direct dl_bmw_app.weighing=new/direct +bmw_reader",
		"cascade: access dw_cascade.material=new/direct dw_cascade.unit=new/direct dl_cascade_app.weighing=new/direct +cascade_reader",
	}
	if diff := cmp.Diff(want, short(p)); diff != "" {
		t.Error(diff)
	}
	if p.Due != (Count{3, 10}) || p.Estimate.DirectRows != 10*1000 {
		t.Errorf("due %+v, estimate %+v", p.Due, p.Estimate)
	}
	one, err := p.JSON()
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		again, _ := Make(company())
		if two, _ := again.JSON(); !bytes.Equal(one, two) {
			t.Fatalf("two plans differ:\n%s", cmp.Diff(string(one), string(two)))
		}
	}
}

// crowd are so many customers and models.
func crowd(customers, models int) In {
	in := company()
	in.Rules, in.Config = nil, &tenant.Config{Hash: "h"}
	for i := range models {
		name := fmt.Sprintf("model_%02d", i)
		rule := company().Rules[0]
		rule.Node, rule.As, rule.Relation.Name = model(name), name, name
		in.Rules = append(in.Rules, rule)
		in.Held[rule.Node], in.Relations[rule.Node] = name, warehouse.Relation{Rows: 1e6, Bytes: 1e9}
	}
	for i := range customers {
		c := company().Config.Customers[0]
		c.Name = fmt.Sprintf("customer_%05d", i)
		c.Tenants = []tenant.Key{number(int64(i)), number(int64(i + 1))}
		in.Config.Customers = append(in.Config.Customers, c)
	}
	return in
}

// BenchmarkMake plans for 10,000 customers and 40 models: from nothing, and with one customer
// changed.
func BenchmarkMake(b *testing.B) {
	fresh := crowd(10_000, 40)
	first, _ := Make(fresh)
	settled := done(fresh, first)
	settled.Config.Customers[77].Tenants = []tenant.Key{number(1)}
	for name, in := range map[string]In{"new": fresh, "one": settled} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Make(in)
			}
		})
	}
}

// TestStrangers: access that somebody else has given is reported of customers that get nothing
// new, too.
func TestStrangers(t *testing.T) {
	in := company()
	first, _ := Make(in)
	in = done(in, first)
	in.Stock = map[string]warehouse.Stock{}
	for _, c := range first.Customers {
		stock := warehouse.Stock{Relations: map[addr.Relation]bool{}}
		for _, e := range c.all {
			stock.Relations[c.places.final(e.model)] = true
		}
		in.Stock[c.Name] = stock
	}
	bmw := in.Stock["bmw"]
	bmw.Strangers = []string{"eve", "public"}
	in.Stock["bmw"] = bmw
	p, found := Make(in)
	if len(p.Customers) > 0 || len(found) != 1 || found[0].Severity != diag.Warning || found[0].Message != "bmw: not the engine's, left alone: access of eve, public" {
		t.Errorf("%v, %v", short(p), found)
	}
}
