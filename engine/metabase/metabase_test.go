package metabase

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/project"
	peer "github.com/engine-build/engine/internal/testpeer/metabase"
)

// clock counts what is slept, and sleeps nothing.
type clock struct {
	mu    sync.Mutex
	slept []time.Duration
	said  []string
}

func (c *clock) wait(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slept = append(c.slept, d)
	return ctx.Err()
}

func (c *clock) say(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = append(c.said, text)
}

// start is a peer and a client of it, by its key.
func start(t *testing.T) (*peer.Server, *Server, *clock) {
	t.Helper()
	p, c := peer.Start(), &clock{}
	t.Cleanup(p.Close)
	return p, NewServer(project.MetabaseAccess{URL: p.URL, APIKey: p.Key}, http.DefaultClient, c.wait, c.say), c
}

func model(name string) addr.Node { return addr.Node{Kind: addr.Model, Name: name} }

// orders refer to customers, and have something of every sort.
func shop() []Table {
	return []Table{
		{Node: model("customers"), Schema: "main", Name: "customers", Set: map[string]any{"description": "Who buys."}, Columns: []Column{
			{Name: "id", Set: map[string]any{semanticType: typePK}},
			{Name: "name", Set: map[string]any{"description": "Full name.", semanticType: "type/Name", "visibility_type": "sensitive"}},
		}},
		{Node: model("orders"), Schema: "main", Name: "orders", Set: map[string]any{"description": "What was bought.", "display_name": "All orders", "caveats": "Not those of today."}, Ordered: true, Columns: []Column{
			{Name: "id", Set: map[string]any{"description": "Number."}},
			{Name: "customer_id", Set: map[string]any{semanticType: typeFK}, To: &Target{Node: model("customers"), Column: "id"}},
			{Name: "amount", Set: map[string]any{}, Settings: map[string]any{"number_style": "currency", "decimals": int64(2)}},
		}},
	}
}

func fill(p *peer.Server) *peer.Base {
	b := p.AddBase("Warehouse", "duckdb")
	p.AddTable(b, "main", "customers", "id", "name")
	p.AddTable(b, "main", "orders", "amount", "id", "customer_id")
	return b
}

// sync is one whole sync: its plan, what is to be remembered, and what was sent.
func (r *round) sync(t *testing.T, tables []Table, force bool) (*Plan, []peer.Request) {
	t.Helper()
	p := r.plan(t, tables, force)
	r.peer.Requests()
	if err := r.server.Apply(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	for key, values := range p.Remember(r.memory) {
		r.memory[key] = values
	}
	return p, peer.Writes(r.peer.Requests())
}

func (r *round) plan(t *testing.T, tables []Table, force bool) *Plan {
	t.Helper()
	all, err := r.server.Databases(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	base, err := Find(all, r.name)
	if err != nil {
		t.Fatal(err)
	}
	f, err := r.server.Look(t.Context(), base, tables, 0)
	if err != nil {
		t.Fatal(err)
	}
	return Make(In{Server: r.server.URL(), Tables: tables, Found: f, Memory: r.memory, Force: force})
}

type round struct {
	peer   *peer.Server
	server *Server
	name   string
	memory Memory
}

func (r *round) field(base *peer.Base, table, column string) map[string]any {
	var out map[string]any
	r.peer.Do(func() {
		for _, t := range base.Tables {
			if t.Name == table {
				out = t.Field(column).Values
			}
		}
	})
	return out
}

func paths(list []peer.Request) string {
	var out []string
	for _, r := range list {
		out = append(out, r.Method+" "+r.Path+" "+r.Body)
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

func TestSecondSyncWritesNothing(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*peer.Server)
	}{
		{"as it is", func(*peer.Server) {}},
		{"wrapped lists", func(p *peer.Server) { p.Wrapped = true }},
		{"special_type", func(p *peer.Server) { p.SpecialType = true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, s, _ := start(t)
			c.set(p)
			b := fill(p)
			r := &round{p, s, "warehouse", Memory{}}
			first, sent := r.sync(t, shop(), false)
			if len(sent) != 8 || first.Count().Failed != 0 {
				t.Fatalf("the first sync sent\n%s\n%+v", paths(sent), first.Count())
			}
			if d := cmp.Diff(map[string]any{"display_name": "Customer ID", "visibility_type": "normal", "has_field_values": "list", "semantic_type": typeFK, "fk_target_field_id": float64(b.Tables[0].Field("id").ID)}, r.field(b, "orders", "customer_id")); d != "" {
				t.Error(d)
			}
			if got := b.Tables[1].Fields[0].Name + b.Tables[1].Fields[1].Name + b.Tables[1].Fields[2].Name; got != "idcustomer_idamount" {
				t.Errorf("the order is %s", got)
			}
			if d := cmp.Diff(map[string]any{"number_style": "currency", "decimals": 2.0}, b.Tables[1].Field("amount").Settings); d != "" {
				t.Error(d)
			}
			second, sent := r.sync(t, shop(), false)
			if len(sent) != 0 || len(second.Remember(r.memory)) != 0 {
				t.Errorf("the second sync sent\n%s\nand learnt %v", paths(sent), second.Remember(r.memory))
			}
			// Without a memory nothing is sent either: what is there is what is wanted.
			r.memory = Memory{}
			if _, sent := r.sync(t, shop(), false); len(sent) != 0 {
				t.Errorf("without a memory it sent\n%s", paths(sent))
			}
			if len(r.memory) != 2 {
				t.Errorf("what was found is not remembered: %v", r.memory)
			}
		})
	}
}

func TestHumanEditsStay(t *testing.T) {
	p, s, _ := start(t)
	b := fill(p)
	r := &round{p, s, "Warehouse", Memory{}}
	// Before the first sync somebody wrote a description and chose a type; Metabase guesses types.
	p.Do(func() {
		b.Tables[0].Field("name").Values["description"] = "As people know it."
		b.Tables[0].Field("name").Values["semantic_type"] = "type/Category"
	})
	plan, _ := r.sync(t, shop(), false)
	if d := cmp.Diff([]Change{{"main.customers.name: description", "As people know it.", "Full name."}}, plan.Tables[0].Kept); d != "" {
		t.Error(d)
	}
	if got := r.field(b, "customers", "name")["semantic_type"]; got != "type/Name" {
		t.Errorf("a guess of Metabase stays: %v", got)
	}
	// Now somebody changes what we wrote, and we change our minds at the same time.
	p.Do(func() {
		b.Tables[0].Field("name").Values["semantic_type"] = "type/Title"
		b.Tables[1].Values["description"] = "Our orders!"
		b.Tables[1].Field("amount").Settings["decimals"] = 0.0
		b.Tables[1].Fields[0], b.Tables[1].Fields[1] = b.Tables[1].Fields[1], b.Tables[1].Fields[0]
	})
	tables := shop()
	tables[1].Set["description"], tables[1].Set["caveats"] = "What was ordered.", "None."
	plan, sent := r.sync(t, tables, false)
	if d := cmp.Diff(fmt.Sprintf(`PUT /api/table/%d {"caveats":"None."}`, b.Tables[1].ID), paths(sent)); d != "" {
		t.Errorf("only what nobody touched is written (-want +got):\n%s", d)
	}
	if n := plan.Count().Kept; n != 5 {
		t.Errorf("%d are kept, want 5: %v %v", n, plan.Tables[0].Kept, plan.Tables[1].Kept)
	}
	// A setting of somebody else stays beside ours, and in the same request.
	p.Do(func() { b.Tables[1].Field("amount").Settings["prefix"] = "~" })
	if _, sent = r.sync(t, tables, true); len(sent) != 4 {
		t.Errorf("--force sent\n%s", paths(sent))
	}
	if d := cmp.Diff(map[string]any{"number_style": "currency", "decimals": 2.0, "prefix": "~"}, b.Tables[1].Field("amount").Settings); d != "" {
		t.Error(d)
	}
	if _, sent = r.sync(t, tables, false); len(sent) != 0 {
		t.Errorf("after --force it sent\n%s", paths(sent))
	}
}

func TestTakenBack(t *testing.T) {
	p, s, _ := start(t)
	b := fill(p)
	r := &round{p, s, "Warehouse", Memory{}}
	p.Do(func() { b.Tables[1].Values["points_of_interest"] = "Somebody's." })
	r.sync(t, shop(), false)
	// All that the project said is gone; what somebody said is not ours to take.
	p.Do(func() { b.Tables[0].Field("name").Values["description"] = "By hand." })
	bare := shop()
	for i := range bare {
		bare[i].Set, bare[i].Ordered = map[string]any{}, false
		for j := range bare[i].Columns {
			bare[i].Columns[j] = Column{Name: bare[i].Columns[j].Name}
		}
	}
	r.sync(t, bare, false)
	if d := cmp.Diff(map[string]any{"display_name": "Orders", "description": nil, "caveats": nil, "points_of_interest": "Somebody's."}, b.Tables[1].Values); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]any{"display_name": "Name", "description": "By hand.", "visibility_type": "normal", "semantic_type": nil, "has_field_values": "list", "fk_target_field_id": nil}, r.field(b, "customers", "name")); d != "" {
		t.Error(d)
	}
	if got := r.field(b, "orders", "customer_id"); got["semantic_type"] != nil || got["fk_target_field_id"] != nil {
		t.Errorf("the foreign key is still there: %v", got)
	}
	if got := b.Tables[1].Field("amount").Settings; len(got) != 0 {
		t.Errorf("settings are still there: %v", got)
	}
	if len(r.memory[s.URL()+"/Warehouse/main.orders"]) != 0 {
		t.Errorf("it is still remembered: %v", r.memory)
	}
	if _, sent := r.sync(t, bare, false); len(sent) != 0 {
		t.Errorf("then it sent\n%s", paths(sent))
	}
}

// TestHundredTables: 2 of 100 are missing, the others are described, by 4 requests at a time.
func TestHundredTables(t *testing.T) {
	p, s, _ := start(t)
	b := p.AddBase("Warehouse", "postgres")
	var tables []Table
	for i := range 100 {
		name := fmt.Sprintf("t%03d", i)
		if i != 7 && i != 70 {
			p.AddTable(b, "main", name, "id")
		}
		tables = append(tables, Table{Node: model(name), Schema: "main", Name: name, Set: map[string]any{"description": name}, Columns: []Column{{Name: "id", Set: map[string]any{"description": "its number"}}}})
	}
	r := &round{p, s, "Warehouse", Memory{}}
	plan, sent := r.sync(t, tables, false)
	if d := cmp.Diff(Counts{Tables: 100, Missing: 2, Writes: 196}, plan.Count()); d != "" || len(sent) != 196 {
		t.Errorf("%d requests; %s", len(sent), d)
	}
	for _, i := range []int{7, 70} {
		if plan.Tables[i].Missing == "" {
			t.Errorf("%s is not missing", plan.Tables[i].Table)
		}
	}
	if n := p.MostAtOnce(); n > Parallel {
		t.Errorf("%d requests at once", n)
	}
	if plan, sent = r.sync(t, tables, false); len(sent) != 0 || plan.Count().Missing != 2 {
		t.Errorf("the second sync sent %d; %+v", len(sent), plan.Count())
	}
	again := r.plan(t, tables, false)
	slices.Reverse(tables)
	if a, b := r.plan(t, tables, false).Count(), again.Count(); a != b {
		t.Errorf("the order of tables matters: %+v, %+v", a, b)
	}
}

func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name   string
		fault  peer.Fault
		slept  int
		failed int
		ended  bool
	}{
		{"busy, with a time", peer.Fault{Method: "PUT", Status: 429, Times: 2, RetryAfter: "7"}, 2, 0, false},
		{"stumbles", peer.Fault{Method: "PUT", Status: 503, Times: 3}, 3, 0, false},
		{"closes the connection", peer.Fault{Method: "PUT", Status: 0, Times: 1}, 1, 0, false},
		{"one is refused", peer.Fault{Method: "PUT", Path: "/api/field", Status: 400, Times: 1, Body: `{"errors": {"semantic_type": "no"}}`}, 0, 1, false},
		{"one went away", peer.Fault{Method: "PUT", Path: "/api/field", Status: 404, Times: 1, Body: "Not found."}, 0, 1, false},
		{"tables may not be written", peer.Fault{Method: "PUT", Path: "/api/table", Status: 403, Times: 3, Body: "You don't have permissions to do that."}, 0, 3, false},
		{"let in no more", peer.Fault{Method: "PUT", Status: 401, Times: 100, Body: "Unauthenticated"}, 0, 8, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, s, clock := start(t)
			fill(p)
			r := &round{p, s, "Warehouse", Memory{}}
			plan := r.plan(t, shop(), false)
			p.Break(&c.fault)
			err := s.Apply(t.Context(), plan)
			if (err != nil) != c.ended {
				t.Errorf("it ended with %v", err)
			}
			if got := plan.Count(); got.Failed != c.failed || len(clock.slept) != c.slept {
				t.Errorf("%d failed, want %d; waited %v", got.Failed, c.failed, clock.slept)
			}
			if c.fault.RetryAfter != "" && clock.slept[0] != 7*time.Second {
				t.Errorf("waited %v", clock.slept)
			}
			// What failed is not remembered, and is sent again; then all is well.
			p.Do(func() { c.fault.Times = 0 })
			for key, values := range plan.Remember(r.memory) {
				r.memory[key] = values
			}
			again, sent := r.sync(t, shop(), false)
			if again.Count().Failed != 0 || len(sent) != c.failed {
				t.Errorf("the next sync sent %d, want %d:\n%s", len(sent), c.failed, paths(sent))
			}
			if _, sent := r.sync(t, shop(), false); len(sent) != 0 {
				t.Errorf("and the one after that\n%s", paths(sent))
			}
		})
	}
}

// TestGivesUp: a server that stumbles for ever is asked five times.
func TestGivesUp(t *testing.T) {
	p, s, clock := start(t)
	p.Break(&peer.Fault{Status: 502, Times: 100})
	_, err := s.Databases(t.Context())
	if statusOf(err) != 502 {
		t.Errorf("got %v", err)
	}
	if d := cmp.Diff([]time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second}, clock.slept); d != "" {
		t.Error(d)
	}
}

func TestSecretsAreNotSaid(t *testing.T) {
	p := peer.Start()
	defer p.Close()
	other := peer.Start()
	defer other.Close()
	c := &clock{}
	key := "mb_secret/Key+1"
	p.Break(&peer.Fault{Status: 500, Times: 2, Body: "boom " + key}, &peer.Fault{Status: 302, Times: 1, Body: other.URL + "/api/database"})
	s := NewServer(project.MetabaseAccess{URL: p.URL, APIKey: key}, http.DefaultClient, c.wait, c.say)
	_, err := s.Databases(t.Context())
	if statusOf(err) != 302 || len(other.Requests()) != 0 {
		t.Errorf("the redirect was followed: %v", err)
	}
	_, err = s.Databases(t.Context())
	if statusOf(err) != 401 {
		t.Errorf("got %v", err)
	}
	for _, text := range append(c.said, err.Error()) {
		if strings.Contains(text, key) {
			t.Errorf("it says %q", text)
		}
	}
	if len(c.said) != 2 || !strings.Contains(c.said[0], "boom ***") {
		t.Errorf("it says %q", c.said)
	}
	s = NewServer(project.MetabaseAccess{URL: "http://127.0.0.1:1", APIKey: key}, http.DefaultClient, c.wait, c.say)
	if _, err = s.Databases(t.Context()); err == nil || strings.Contains(err.Error(), key) {
		t.Errorf("got %v", err)
	}
}

func TestSession(t *testing.T) {
	p, _, c := start(t)
	p.Key = ""
	p.AddBase("Warehouse", "duckdb")
	s := NewServer(project.MetabaseAccess{URL: p.URL, User: p.User, Password: p.Password}, http.DefaultClient, c.wait, c.say)
	for range 2 {
		if _, err := s.Databases(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	// The session ends, and a new one begins by itself.
	p.Break(&peer.Fault{Path: "/api/database", Status: 401, Times: 1, Body: "Unauthenticated"})
	if _, err := s.Databases(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Close(t.Context())
	var got []string
	for _, r := range p.Requests() {
		got = append(got, fmt.Sprint(r.Method, " ", r.Path, " ", r.Status))
	}
	want := []string{"POST /api/session 200", "GET /api/database 200", "GET /api/database 200", "GET /api/database 401", "POST /api/session 200", "GET /api/database 200", "DELETE /api/session 204"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	wrong := NewServer(project.MetabaseAccess{URL: p.URL, User: p.User, Password: "wrong horse"}, http.DefaultClient, c.wait, c.say)
	_, err := wrong.Databases(t.Context())
	if statusOf(err) != 401 || strings.Contains(err.Error(), "wrong horse") {
		t.Errorf("got %v", err)
	}
}

func TestLook(t *testing.T) {
	for _, c := range []struct {
		name           string
		lag            int
		timeout        time.Duration
		there, synced  bool
		waited, atMost time.Duration
	}{
		{"all is there", 0, time.Minute, true, false, 0, 0},
		{"found in time", 3, time.Minute, true, true, 3 * time.Second, 20 * time.Second},
		{"not found in time", 1000, 30 * time.Second, false, true, 30 * time.Second, 30 * time.Second},
		{"not asked", 0, 0, false, false, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, s, clock := start(t)
			p.Lag = c.lag
			b := p.AddBase("Warehouse", "duckdb")
			p.AddTable(b, "main", "customers", "id", "name")
			if c.synced || !c.there {
				p.AddUnseen(b, "main", "orders", "id", "customer_id", "amount")
			} else {
				p.AddTable(b, "main", "orders", "id", "customer_id", "amount")
			}
			f, err := s.Look(t.Context(), Base{ID: b.ID}, shop(), c.timeout)
			if err != nil {
				t.Fatal(err)
			}
			if Complete(shop(), f) != c.there {
				t.Errorf("complete: %v", !c.there)
			}
			synced := slices.ContainsFunc(p.Requests(), func(r peer.Request) bool { return strings.HasSuffix(r.Path, "/sync_schema") })
			if synced != c.synced {
				t.Errorf("asked to look: %v", synced)
			}
			var waited time.Duration
			for _, d := range clock.slept {
				waited += d
			}
			if waited < c.waited || waited > c.atMost {
				t.Errorf("waited %v: %v", waited, clock.slept)
			}
		})
	}
}

func TestCanceled(t *testing.T) {
	p, s, _ := start(t)
	fill(p)
	r := &round{p, s, "Warehouse", Memory{}}
	plan := r.plan(t, shop(), false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Apply(ctx, plan); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if c := plan.Count(); c.Failed != c.Writes {
		t.Errorf("%+v", c)
	}
}

func TestFound(t *testing.T) {
	p, s, _ := start(t)
	b := p.AddBase("BQ", "bigquery-cloud-sdk")
	p.Do(func() { b.Details["dataset-id"] = "dw" })
	p.AddTable(b, "", "Orders", "ID", "shipping", "shipping.city", "geo_id")
	p.AddTable(b, "x", "twice", "a")
	p.AddTable(b, "x", "TWICE", "a")
	p.AddTable(b, "x", "hidden", "a")
	p.Do(func() { b.Tables[3].Values["visibility_type"] = "hidden" })
	r := &round{p, s, "bq", Memory{}}
	tables := []Table{
		{Node: model("orders"), Schema: "dw", Name: "orders", Set: map[string]any{"visibility_type": nil}, Columns: []Column{
			{Name: "id", Set: map[string]any{"description": "d"}}, {Name: "shipping"}, {Name: "shipping.city", Nested: true, Set: map[string]any{"description": "town"}},
			{Name: "shipping.street", Nested: true, Set: map[string]any{"description": "not there"}}, {Name: "new_column"},
			{Name: "geo_id", Set: map[string]any{semanticType: typeFK}, To: &Target{Schema: "dw", Table: "geo", Column: "id"}},
		}},
		{Node: model("t"), Schema: "x", Name: "Twice", Set: map[string]any{"description": "?"}},
		{Node: model("h"), Schema: "x", Name: "hidden", Set: map[string]any{"description": "shy"}, Columns: []Column{{Name: "a", Set: map[string]any{"description": "not written"}}, {Name: "not_there"}}},
	}
	plan, sent := r.sync(t, tables, false)
	want := fmt.Sprintf("PUT /api/field/%d {\"description\":\"d\"}\nPUT /api/field/%d {\"description\":\"town\"}\nPUT /api/table/%d {\"description\":\"shy\"}", b.Tables[0].Field("ID").ID, b.Tables[0].Field("city").ID, b.Tables[3].ID)
	if d := cmp.Diff(want, paths(sent)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"new_column"}, plan.Tables[0].Lacks); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"geo_id"}, plan.Tables[0].Loose); d != "" {
		t.Error(d)
	}
	if !strings.Contains(plan.Tables[1].Missing, "differ in case only") || len(plan.Tables[2].Lacks) != 0 {
		t.Errorf("%+v %+v", plan.Tables[1], plan.Tables[2])
	}
}

// TestFind: where several databases could be meant, none is.
func TestFind(t *testing.T) {
	all := []Base{{ID: 1, Name: "DW"}, {ID: 2, Name: "Dw"}, {ID: 3, Name: "Shop"}, {ID: 4, Name: "Twice"}, {ID: 5, Name: "Twice"}, {ID: 6, Name: "twice"}}
	for name, want := range map[string]string{
		"DW": "1", "Shop": "3", "shop": "3", "twice": "6",
		"dw":    `Metabase has several databases "dw" that differ in case`,
		"Twice": `Metabase has several databases of the name "Twice"`,
		"TWICE": `Metabase has several databases "TWICE" that differ in case`,
		"Other": `Metabase has no database "Other"`,
	} {
		b, err := Find(all, name)
		got := fmt.Sprint(b.ID)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("Find(%q) is %s, want %s", name, got, want)
		}
	}
}

// TestRetired: a column that somebody retired is lacking, as Metabase shows it no more, and the
// others are described.
func TestRetired(t *testing.T) {
	p, s, _ := start(t)
	b := p.AddBase("DW", "postgres")
	table := p.AddTable(b, "x", "orders", "id", "old")
	p.Do(func() { table.Field("old").Values["visibility_type"] = "retired" })
	r := &round{p, s, "DW", Memory{}}
	plan, sent := r.sync(t, []Table{{Node: model("orders"), Schema: "x", Name: "orders", Columns: []Column{
		{Name: "id", Set: map[string]any{"description": "d"}}, {Name: "old", Set: map[string]any{"description": "d"}},
	}}}, false)
	if d := cmp.Diff(fmt.Sprintf("PUT /api/field/%d {\"description\":\"d\"}", table.Field("id").ID), paths(sent)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"old"}, plan.Tables[0].Lacks); d != "" {
		t.Error(d)
	}
}

// TestReferredIsKey: a column that a foreign key leads to is a key, be its table chosen or not.
func TestReferredIsKey(t *testing.T) {
	p, s, _ := start(t)
	b := fill(p)
	r := &round{p, s, "Warehouse", Memory{}}
	tables := shop()[1:]
	tables[0].Columns[1].To = &Target{Schema: "main", Table: "customers", Column: "ID"}
	r.sync(t, tables, false)
	if got := r.field(b, "customers", "id")["semantic_type"]; got != typePK {
		t.Errorf("it is %v", got)
	}
	if _, sent := r.sync(t, tables, false); len(sent) != 0 {
		t.Errorf("then it sent\n%s", paths(sent))
	}
	// Chosen alone, the other table keeps what the first sync wrote.
	if _, sent := r.sync(t, shop()[:1], false); len(sent) != 2 {
		t.Errorf("then it sent\n%s", paths(sent))
	}
}

// TestInterrupted: a sync ends after it wrote, or before, and nobody could say which. What it
// wrote is ours at the next one, what stood there before is, too, and what somebody wrote since
// is not.
func TestInterrupted(t *testing.T) {
	for _, sent := range []bool{false, true} {
		for _, first := range []bool{false, true} {
			p, s, _ := start(t)
			b := fill(p)
			r := &round{p, s, "Warehouse", Memory{}}
			// Metabase has guessed a type, and a column has an order that is ours.
			p.Do(func() { b.Tables[0].Field("name").Values["semantic_type"] = "type/Category" })
			if !first {
				r.sync(t, shop(), false)
			}
			changed := shop()
			changed[0].Set["description"], changed[0].Columns[1].Set[semanticType] = "Changed.", "type/Title"
			changed[1].Columns[0], changed[1].Columns[1] = changed[1].Columns[1], changed[1].Columns[0]
			delete(changed[1].Set, "caveats")
			plan := r.plan(t, changed, false)
			for range 2 { // the second finds nothing to add
				for key, values := range plan.Intend(r.memory) {
					r.memory[key] = values
				}
			}
			if len(plan.Intend(r.memory)) != 0 {
				t.Errorf("it intends more: %v", plan.Intend(r.memory))
			}
			if sent {
				if err := s.Apply(t.Context(), plan); err != nil {
					t.Fatal(err)
				}
			}
			p.Do(func() { b.Tables[1].Values["display_name"] = "By hand" })
			again := shop()
			again[0].Set["description"], again[0].Columns[1].Set[semanticType] = "Changed again.", "type/Author"
			got, _ := r.sync(t, again, false)
			if c := got.Count(); c.Kept != 1 || c.Failed != 0 || len(got.Tables[1].Kept) != 1 || got.Tables[1].Kept[0].What != "main.orders: display_name" {
				t.Errorf("sent %v, first %v: kept %+v %+v", sent, first, got.Tables[0].Kept, got.Tables[1].Kept)
			}
			if d := cmp.Diff("Changed again. type/Author id", fmt.Sprint(b.Tables[0].Values["description"], " ", r.field(b, "customers", "name")["semantic_type"], " ", b.Tables[1].Fields[0].Name)); d != "" {
				t.Errorf("sent %v, first %v: %s", sent, first, d)
			}
			for table, values := range r.memory {
				for key, text := range values {
					if strings.Contains(text, either) && key != "display_name" {
						t.Errorf("sent %v, first %v: %s %s is not settled: %q", sent, first, table, key, text)
					}
				}
			}
			if got, requests := r.sync(t, again, false); len(requests) != 0 || got.Count().Kept != 1 {
				t.Errorf("then it sent\n%s", paths(requests))
			}
		}
	}
}

// TestChosenAlone: what a foreign key of a table beside made a key stays one, and tables
// beside are left alone.
func TestChosenAlone(t *testing.T) {
	p, s, _ := start(t)
	b := fill(p)
	r := &round{p, s, "Warehouse", Memory{}}
	tables := shop()
	tables[0].Columns[0].Set = map[string]any{} // only orders says that it is a key
	r.sync(t, tables, false)
	tables[1].Beside = true
	tables[1].Set = map[string]any{"description": "not now"}
	if plan, sent := r.sync(t, tables, false); len(sent) != 0 || plan.Count().Tables != 1 {
		t.Errorf("it sent\n%s\n%+v", paths(sent), plan.Count())
	}
	if got := r.field(b, "customers", "id")["semantic_type"]; got != typePK {
		t.Errorf("the key is %v", got)
	}
	// The other way round nothing of customers is needed by what is chosen.
	r.memory = Memory{}
	p.Do(func() { b.Tables[0].Field("id").Values["semantic_type"] = nil })
	tables[0].Beside, tables[1].Beside = true, true
	if _, sent := r.sync(t, tables, false); len(sent) != 0 {
		t.Errorf("with nothing chosen it sent\n%s", paths(sent))
	}
}

func TestCustomers(t *testing.T) {
	all := shop()
	got := For(all, map[addr.Node]Copy{model("orders"): {Schema: "dw_acme", Name: "orders", Columns: map[string]bool{"id": true, "customer_id": true}}})
	if len(got) != 1 || got[0].Schema != "dw_acme" || len(got[0].Columns) != 2 || got[0].Columns[1].To != nil || got[0].Columns[1].Set[semanticType] != nil {
		t.Errorf("%+v", got)
	}
	if all[1].Columns[1].Set[semanticType] != typeFK || len(all[1].Columns) != 3 {
		t.Errorf("it changed what is wanted of the project's own tables: %+v", all[1])
	}
	got = For(all, map[addr.Node]Copy{model("orders"): {Schema: "dw_acme", Name: "orders"}, model("customers"): {Schema: "dw_acme", Name: "customers"}})
	if d := cmp.Diff(&Target{Node: model("customers"), Schema: "dw_acme", Table: "customers", Column: "id"}, got[1].Columns[1].To); d != "" {
		t.Error(d)
	}
}
