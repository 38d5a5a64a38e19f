package distribute

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/tenant"
	"github.com/engine-build/engine/engine/warehouse"
)

// TestGathered: names stand in statements where they are few. More of them are everybody in the
// lists, which are narrowed first unless all of them are due.
func TestGathered(t *testing.T) {
	type answer struct {
		Names  []string
		Others bool
	}
	due := []string{"acme", "bmw", "cascade"}
	for name, c := range map[string]struct {
		inline, everybody int
		want              answer
	}{
		"few":                  {3, 20_000, answer{Names: due}},
		"few, and all of them": {500, 3, answer{Names: due}},
		"some of many":         {2, 20_000, answer{Others: true}},
		"all":                  {2, 3, answer{}},
		"no names at all":      {0, 4, answer{Others: true}},
	} {
		names, others := gathered(due, c.inline, c.everybody)
		if d := cmp.Diff(c.want, answer{names, others}); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

// TestAsked: what customers share is nobody that one can ask for.
func TestAsked(t *testing.T) {
	config := &tenant.Config{Customers: []tenant.Customer{{Name: "acme"}}}
	past := map[string]state.Release{"acme": {}, "gone": {}, SharedRows: {}}
	for name, want := range map[string]string{"acme": "", "gone": "", SharedRows: `there is no customer "_rows"`, "acmee": `there is no customer "acmee"`} {
		found := asked([]string{name}, config, past)
		got := ""
		if len(found) > 0 {
			got = found[0].Message
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// TestSpent: a publication that ends a build has what the build has left of the budget.
func TestSpent(t *testing.T) {
	for _, c := range []struct {
		most, before, now int64
		want              bool
	}{
		{0, 100, 100, false},
		{10, 0, 9, false},
		{10, 4, 5, false},
		{10, 4, 6, true},
		{10, 10, 0, true},
	} {
		r := runner{options: Options{MaxBilled: c.most, Billed: c.before}}
		r.billed = c.now
		if got := r.spent(); got != c.want {
			t.Errorf("%+v: got %v", c, got)
		}
	}
}

// TestConfigurationIsBounded: relations with configuration are held in memory, so far and no
// further.
func TestConfigurationIsBounded(t *testing.T) {
	f := &freezer{most: 2, texts: map[string]any{}}
	table := tenant.Table{}
	row := []any{"acme", "material", int64(1)}
	for i := range 2 {
		row[2] = int64(i) // drivers use a row again
		if err := f.add(&table, row); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff([][]any{{"acme", "material", int64(0)}, {"acme", "material", int64(1)}}, table.Rows); d != "" {
		t.Error(d)
	}
	var many *tooManyError
	if err := f.add(&table, row); !errors.As(err, &many) || many.most != 2 || len(table.Rows) != 2 {
		t.Errorf("%v, %d rows", err, len(table.Rows))
	}
	d := sourceTooLong(&project.Part{Name: project.Links}, mostRows)
	if d.Code != codeLong || d.Message != `"links" of the distribution has more than 5000000 rows` {
		t.Errorf("%+v", d)
	}
}

// TestDepartedShared: the last one that shares tables leaves its rows in them, and that is said.
func TestDepartedShared(t *testing.T) {
	const want = "no customer shares tables any more: those who read them lose their access, and the tables keep the rows of all who shared them"
	if got := departed(SharedRows, true).Message; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestWrittenKeys: rows that are written in the project reach a Filler as a statement has them, in
// batches, each once.
func TestWrittenKeys(t *testing.T) {
	table := tenant.Table{Columns: []string{"key", "entity", "customer"}, Rows: [][]any{
		{int64(7), "material", "acme"}, {"7", "material", "acme"}, {"07", "material", "acme"}, {nil, "material", "acme"}, {"x", "", "acme"}, {"x", "site", nil}, {"9", "site"},
	}}
	want := writtenKeys{{customer: "acme", entity: "material", text: "7", number: 7, whole: true}, {customer: "acme", entity: "material", text: "07"}}
	if d := cmp.Diff(want, keysOf(table, "key", true), cmp.AllowUnexported(writtenKey{})); d != "" {
		t.Error(d)
	}
	next := want.batches(true)
	b, err := next()
	if err != nil {
		t.Fatal(err)
	}
	got := &warehouse.Batch{Rows: 2, Columns: []warehouse.Vector{
		{Texts: []string{"acme", "acme"}}, {Texts: []string{"material", "material"}}, {Ints: []int64{7, 0}, Null: []bool{false, true}}, {Texts: []string{"7", "07"}},
	}}
	if d := cmp.Diff(got, b); d != "" {
		t.Error(d)
	}
	if b, err := next(); b != nil || err != nil {
		t.Errorf("after the last: %v, %v", b, err)
	}
	many := make(writtenKeys, 2*bulk+1)
	rows := 0
	for next := many.batches(false); ; {
		b, err := next()
		if err != nil {
			t.Fatal(err)
		}
		if b == nil {
			break
		}
		if len(b.Columns) != 3 || len(b.Columns[0].Texts) != b.Rows {
			t.Fatalf("%d columns of %d rows", len(b.Columns), b.Rows)
		}
		rows += b.Rows
	}
	if rows != len(many) {
		t.Errorf("%d rows of %d", rows, len(many))
	}
}
