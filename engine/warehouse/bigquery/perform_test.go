package bigquery

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

func (s *service) perform(c *conn, ops ...warehouse.Op) {
	s.t.Helper()
	for _, op := range ops {
		stmts := []warehouse.Statement(nil)
		_, stmt, done, err := c.Perform(context.Background(), op)
		if err == nil && !done {
			if stmts, err = c.Dialect().Render(op); err == nil {
				for _, stmt = range stmts {
					if _, err = c.Exec(context.Background(), stmt); err != nil {
						break
					}
				}
			}
		}
		if err != nil {
			s.t.Fatalf("%s: %s: %v", warehouse.OpName(op), stmt.SQL, err)
		}
	}
}

func field(name, typ string, more ...any) map[string]any {
	f := map[string]any{"name": name, "type": typ}
	for i := 0; i+1 < len(more); i += 2 {
		f[more[i].(string)] = more[i+1]
	}
	return f
}

func table(fields ...any) map[string]any {
	return map[string]any{"etag": "e0", "type": "TABLE", "schema": map[string]any{"fields": fields}}
}

// TestPublish: a table is copied over the target, and one call gives it what a copy does not
// carry: comments kept back until then, labels, tags, keys, limits; nothing of the target
// that the engine does not know of is lost.
func TestPublish(t *testing.T) {
	s := newFake(t)
	c := s.connect(nil)
	staged := table(field("id", "INTEGER"), field("who", "RECORD", "fields", []any{field("email", "STRING")}))
	staged["expirationTime"] = "1700000000000"
	staged["labels"] = map[string]any{"team": "core"}
	staged["requirePartitionFilter"] = true
	staged["timePartitioning"] = map[string]any{"type": "DAY", "field": "day", "expirationMs": "1000"}
	staged["tableConstraints"] = map[string]any{"primaryKey": map[string]any{"columns": []any{"id"}}}
	staged["encryptionConfiguration"] = map[string]any{"kmsKeyName": "key"}
	target := table(field("id", "INTEGER", "description", "old"))
	target["description"], target["labels"] = "old", map[string]any{"team": "old", "gone": "x"}
	target["timePartitioning"] = map[string]any{"type": "DAY", "field": "day"}
	target["resourceTags"] = map[string]any{"k": "v"}
	s.tables["shop/_engine_new__orders"], s.tables["shop/orders"] = staged, target
	new, name := rel("_engine_new__orders"), rel("orders")
	s.perform(c,
		warehouse.CreateTableAs{Target: new, Query: "select 1 as id", Layout: &warehouse.Layout{Hours: 48, PolicyTags: map[string][]string{"who.email": {"projects/p/tag"}}}},
		warehouse.Comment{Relation: new, Kind: warehouse.Table, Text: "all orders"},
		warehouse.Comment{Relation: new, Kind: warehouse.Table, Column: "ID", Text: "the key"},
		warehouse.Comment{Relation: new, Kind: warehouse.Table, Column: "who.email", Text: "their address"})
	s.mu.Lock()
	s.lines = nil
	s.mu.Unlock()
	s.perform(c, warehouse.Swap{New: new, NewKind: warehouse.Table, Target: name, Old: warehouse.Table})
	want := []string{
		"GET test-project/datasets/shop/tables/_engine_new__orders",
		"PATCH test-project/datasets/shop/tables/_engine_new__orders",
		"POST test-project/jobs",
		"GET test-project/datasets/shop/tables/orders",
		"PATCH test-project/datasets/shop/tables/orders",
		"DELETE test-project/datasets/shop/tables/_engine_new__orders",
	}
	if d := cmp.Diff(want, s.verbs()); d != "" {
		t.Error(d)
	}
	if count(s.calls(), `"kmsKeyName":"key"`) != 1 || count(s.calls(), "PATCH") != count(s.calls(), "If-Match") {
		t.Error(strings.Join(s.calls(), "\n"))
	}
	got := s.tables["shop/orders"]
	until, ok := got["expirationTime"].(string)
	if !ok || until <= millis(time.Now().Add(47*time.Hour)) || until >= millis(time.Now().Add(49*time.Hour)) {
		t.Errorf("it expires at %v", got["expirationTime"])
	}
	for _, key := range []string{"etag", "expirationTime"} {
		delete(got, key)
	}
	wanted := map[string]any{
		"type": "TABLE", "description": "all orders", "requirePartitionFilter": true,
		"labels":           map[string]any{"team": "core", "gone": nil},
		"timePartitioning": map[string]any{"type": "DAY", "field": "day", "expirationMs": "1000"},
		"tableConstraints": staged["tableConstraints"],
		"resourceTags":     map[string]any{"k": "v"},
		"schema": map[string]any{"fields": []any{
			field("id", "INTEGER", "description", "the key"),
			field("who", "RECORD", "fields", []any{field("email", "STRING", "description", "their address", "policyTags", map[string]any{"names": []any{"projects/p/tag"}})}),
		}},
	}
	if d := cmp.Diff(wanted, got); d != "" {
		t.Error(d)
	}
	if len(c.details) != 0 {
		t.Errorf("details are left: %v", c.details)
	}
}

// TestPublishClone: what a clone was made from keeps its description although the copy back
// knows nothing of it.
func TestPublishClone(t *testing.T) {
	s := newFake(t)
	c := s.connect(nil)
	old := table(field("id", "INTEGER", "description", "the key"), field("x", "STRING"))
	old["description"], old["labels"], old["requirePartitionFilter"] = "kept", map[string]any{"team": "core"}, true
	s.tables["shop/orders"], s.tables["shop/_engine_copy__orders"] = old, table(field("id", "INTEGER"), field("x", "STRING"), field("new", "STRING"))
	s.tables["shop/_engine_copy__orders"]["requirePartitionFilter"] = true
	s.perform(c, warehouse.CloneTable{From: rel("orders"), To: rel("_engine_copy__orders")})
	if s.tables["shop/_engine_copy__orders"]["requirePartitionFilter"] != false {
		t.Error("the clone cannot be read as a whole")
	}
	s.perform(c,
		warehouse.Comment{Relation: rel("_engine_copy__orders"), Kind: warehouse.Table, Column: "new", Text: "fresh"},
		warehouse.Swap{New: rel("_engine_copy__orders"), NewKind: warehouse.Table, Target: rel("orders"), Old: warehouse.Table})
	got := s.tables["shop/orders"]
	delete(got, "etag")
	want := table(field("id", "INTEGER", "description", "the key"), field("x", "STRING"), field("new", "STRING", "description", "fresh"))
	want["description"], want["labels"], want["requirePartitionFilter"] = "kept", map[string]any{"team": "core"}, true
	delete(want, "etag")
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestPublishOtherwise: where no copy can be made the old table is renamed and dropped
// last; when the new one cannot take its name, it gets its own back.
func TestPublishOtherwise(t *testing.T) {
	tests := []struct {
		name  string
		swap  warehouse.Swap
		fails string // part of the statement that fails
		want  []string
	}{
		{"another spread", warehouse.Swap{New: rel("_engine_new__o"), NewKind: warehouse.Table, Target: rel("o"), Old: warehouse.Table, Respread: true}, "",
			[]string{"alter table `shop`.`o` rename to `_engine_old__o`", "alter table `shop`.`_engine_new__o` rename to `o`", "DELETE _engine_old__o"}},
		{"another spread, refused", warehouse.Swap{New: rel("_engine_new__o"), NewKind: warehouse.Table, Target: rel("o"), Old: warehouse.Table, Respread: true}, "rename to `o`",
			[]string{"alter table `shop`.`o` rename to `_engine_old__o`", "alter table `shop`.`_engine_new__o` rename to `o`", "alter table `shop`.`_engine_old__o` rename to `o`"}},
		{"table to view", warehouse.Swap{New: rel("_engine_new__o"), NewKind: warehouse.View, Target: rel("o"), Old: warehouse.Table, Query: "select 1 as id"}, "",
			[]string{"alter table `shop`.`o` rename to `_engine_old__o`", "create or replace view `shop`.`o` as (", "DELETE _engine_old__o", "DELETE _engine_new__o"}},
		{"table to view, refused", warehouse.Swap{New: rel("_engine_new__o"), NewKind: warehouse.View, Target: rel("o"), Old: warehouse.Table, Query: "select 1 as id"}, "create or replace view",
			[]string{"alter table `shop`.`o` rename to `_engine_old__o`", "create or replace view `shop`.`o` as (", "alter table `shop`.`_engine_old__o` rename to `o`"}},
		{"view to view", warehouse.Swap{New: rel("_engine_new__o"), NewKind: warehouse.View, Target: rel("o"), Old: warehouse.View, Query: "select 1 as id"}, "",
			[]string{"create or replace view `shop`.`o` as (", "DELETE _engine_new__o"}},
		{"view to materialized view", warehouse.Swap{New: rel("_engine_new__o"), NewKind: warehouse.MaterializedView, Target: rel("o"), Old: warehouse.View, Query: "select 1 as id"}, "",
			[]string{"DELETE o", "create or replace materialized view `shop`.`o` as (", "DELETE _engine_new__o"}},
		{"view to table", warehouse.Swap{New: rel("_engine_new__o"), NewKind: warehouse.Table, Target: rel("o"), Old: warehouse.View}, "",
			[]string{"DELETE o", "COPY _engine_new__o to o", "DELETE _engine_new__o"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newFake(t)
			c := s.connect(nil)
			s.tables["shop/_engine_new__o"], s.tables["shop/o"] = table(field("id", "INTEGER")), table(field("id", "INTEGER"))
			s.fate = func(sql string, _ int) (string, string, string) {
				if tt.fails != "" && strings.Contains(sql, tt.fails) && !strings.Contains(sql, "_engine_old__o` rename to") {
					return "DONE", "accessDenied", "no"
				}
				return "DONE", "", ""
			}
			_, _, _, err := c.Perform(context.Background(), tt.swap)
			if (err != nil) != (tt.fails != "") {
				t.Fatalf("error %v", err)
			}
			var got []string
			for _, l := range s.calls() {
				switch {
				case strings.Contains(l, `"copy"`):
					got = append(got, "COPY _engine_new__o to o")
				case strings.HasPrefix(l, "POST") && strings.Contains(l, `"query":"`):
					_, sql, _ := strings.Cut(l, `"query":"`)
					sql, _, _ = strings.Cut(sql, `","`)
					sql, _, _ = strings.Cut(sql, `\n`)
					got = append(got, sql)
				case strings.HasPrefix(l, "DELETE"):
					got = append(got, "DELETE "+l[strings.LastIndexByte(l, '/')+1:])
				}
			}
			// What an earlier run may have parked is removed first.
			if len(got) > 1 && got[0] == "DELETE _engine_old__o" {
				got = got[1:]
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestDatasets: a dataset is made where the target is, one elsewhere is refused, and a
// failing call is never taken for a missing dataset.
func TestDatasets(t *testing.T) {
	s := newFake(t)
	c := s.connect(map[string]string{"location": "EU", "labels": "team=core"})
	s.perform(c, warehouse.CreateSchema{Schema: "fresh"}, warehouse.CreateSchema{Schema: "fresh"})
	want := []string{"GET test-project/datasets/fresh", "POST test-project/datasets", "GET test-project/datasets/fresh"}
	if d := cmp.Diff(want, s.verbs()); d != "" || s.datasets["fresh"]["location"] != "EU" {
		t.Error(d, s.datasets)
	}
	s.datasets["far"] = map[string]any{"location": "us-east1"}
	for _, op := range []warehouse.Op{warehouse.CreateSchema{Schema: "far"}, warehouse.CreateSchema{Schema: "no-name"}} {
		if _, _, _, err := c.Perform(context.Background(), op); err == nil || !strings.Contains(err.Error(), "us-east1") && !strings.Contains(err.Error(), "letters, digits") {
			t.Errorf("error %v", err)
		}
	}
	s.before = func(_ int, r *http.Request) *fault {
		if strings.Contains(r.URL.Path, "/queries") {
			return &fault{status: 404, reason: "notFound"}
		}
		return nil
	}
	if found, err := c.List(context.Background(), "", "nowhere"); err != nil || len(found) != 0 {
		t.Errorf("%v, %v", found, err)
	}
	if _, err := c.List(context.Background(), "", "far"); err == nil || !strings.Contains(err.Error(), "us-east1") {
		t.Errorf("error %v", err)
	}
	if _, err := c.List(context.Background(), "", "fresh"); err == nil {
		t.Error("a dataset that exists is taken for missing")
	}
	for _, f := range []fault{{status: 403, reason: "accessDenied"}, {status: 403, reason: "quotaExceeded"}, {status: 400, reason: "invalid"}} {
		s.before = func(int, *http.Request) *fault { return &f }
		if _, err := c.List(context.Background(), "", "fresh"); err == nil {
			t.Errorf("%s is taken for an empty dataset", f.reason)
		}
		if _, err := c.Inspect(context.Background(), []addr.Relation{rel("o")}); err == nil {
			t.Errorf("%s is taken for a missing relation", f.reason)
		}
		if _, err := c.Probe(context.Background(), rel("o")); err == nil {
			t.Errorf("%s is taken for a missing relation", f.reason)
		}
	}
}

// TestAccess: entries and members are added without touching others, also when somebody
// else writes at the same time.
func TestAccess(t *testing.T) {
	s := newFake(t)
	c := s.connect(nil)
	other := map[string]any{"role": "READER", "userByEmail": "a@b.c", "condition": map[string]any{"expression": "x"}, "unknownToUs": []any{"y"}}
	s.datasets["raw"] = map[string]any{"etag": "e1", "access": []any{other}}
	turn := 0
	s.before = func(_ int, r *http.Request) *fault {
		if turn++; r.Method == http.MethodPatch && turn == 2 {
			s.datasets["raw"]["etag"] = "e2" // somebody was quicker
		}
		return nil
	}
	authorize := warehouse.Authorize{View: rel("v"), Schema: "raw"}
	s.perform(c, authorize, authorize)
	want := []any{other, map[string]any{"view": map[string]any{"projectId": "test-project", "datasetId": "shop", "tableId": "v"}}}
	if d := cmp.Diff(want, s.datasets["raw"]["access"]); d != "" {
		t.Error(d)
	}
	if n := count(s.calls(), "PATCH"); n != 2 || count(s.calls(), "accessPolicyVersion=3") != len(s.calls()) {
		t.Errorf("%d patches:\n%s", n, strings.Join(s.calls(), "\n"))
	}

	conditional := map[string]any{"role": "roles/bigquery.dataViewer", "members": []any{"user:c@b.c"}, "condition": map[string]any{"title": "x"}}
	s.policies["shop/o"] = map[string]any{"etag": "p1", "bindings": []any{
		map[string]any{"role": "roles/bigquery.dataOwner", "members": []any{"user:o@b.c"}}, conditional,
		map[string]any{"role": "roles/bigquery.dataViewer", "members": []any{"user:gone@b.c", "user:a@b.c"}},
	}}
	grant := warehouse.Grant{Relation: rel("o"), Kind: warehouse.Table, Privilege: "roles/bigquery.dataViewer", Grantees: []string{"user:b@b.c", "user:a@b.c", "user:a@b.c"}}
	s.perform(c, grant, grant)
	wantBindings := []any{
		map[string]any{"role": "roles/bigquery.dataOwner", "members": []any{"user:o@b.c"}}, conditional,
		map[string]any{"role": "roles/bigquery.dataViewer", "members": []any{"user:a@b.c", "user:b@b.c"}},
	}
	if d := cmp.Diff(wantBindings, s.policies["shop/o"]["bindings"]); d != "" || count(s.calls(), "setIamPolicy") != 1 {
		t.Error(d)
	}
	grant.Grantees = nil
	s.perform(c, grant)
	if d := cmp.Diff(wantBindings[:2], s.policies["shop/o"]["bindings"]); d != "" {
		t.Error(d)
	}
	for _, bad := range []warehouse.Grant{{Privilege: "select"}, {Privilege: "roles/x", Grantees: []string{"ann"}}} {
		if _, _, _, err := c.Perform(context.Background(), bad); err == nil {
			t.Errorf("%+v is granted", bad)
		}
	}
}

// TestDescribe: a comment or a nested field changes one thing of the schema, and everything
// else goes back as it came.
func TestDescribe(t *testing.T) {
	s := newFake(t)
	c := s.connect(nil)
	s.tables["shop/o"] = table(
		field("id", "INTEGER", "mode", "REQUIRED", "unknownToUs", "stays"),
		field("who", "RECORD", "mode", "REPEATED", "fields", []any{field("email", "STRING", "description", "x"), field("phone", "STRING")}))
	s.perform(c,
		warehouse.Comment{Relation: rel("o"), Kind: warehouse.Table, Column: "WHO.Email", Text: "it's\nan address"},
		warehouse.Comment{Relation: rel("o"), Kind: warehouse.Table, Text: "orders"},
		warehouse.Comment{Relation: rel("o"), Kind: warehouse.Table, Text: "orders"},
		warehouse.AddColumns{Target: rel("o"), Columns: []warehouse.Column{{Name: "who.addr", Type: "STRUCT<city STRING, tags ARRAY<NUMERIC(10, 2)>>"}, {Name: "who.EMAIL", Type: "STRING"}}})
	want := []any{
		field("id", "INTEGER", "mode", "REQUIRED", "unknownToUs", "stays"),
		field("who", "RECORD", "mode", "REPEATED", "fields", []any{
			field("email", "STRING", "description", "it's\nan address"), field("phone", "STRING"),
			field("addr", "RECORD", "fields", []any{field("city", "STRING"), field("tags", "NUMERIC", "mode", "REPEATED", "precision", "10", "scale", "2")}),
		}),
	}
	if d := cmp.Diff(want, s.tables["shop/o"]["schema"].(map[string]any)["fields"]); d != "" {
		t.Error(d)
	}
	if n := count(s.verbs(), "PATCH"); n != 3 {
		t.Errorf("%d patches, want 3: what is so already is not written", n)
	}
	for _, op := range []warehouse.Op{
		warehouse.Comment{Relation: rel("o"), Kind: warehouse.Table, Column: "who.fax", Text: "x"},
		warehouse.AddColumns{Target: rel("o"), Columns: []warehouse.Column{{Name: "whom.fax", Type: "STRING"}}},
	} {
		var missing *warehouse.ColumnError
		if _, _, _, err := c.Perform(context.Background(), op); !errors.As(err, &missing) {
			t.Errorf("error %v", err)
		}
	}
	s.before = func(_ int, r *http.Request) *fault {
		if r.Method == http.MethodPatch {
			return &fault{status: 412, reason: "conditionNotMet"}
		}
		return nil
	}
	if _, _, _, err := c.Perform(context.Background(), warehouse.Comment{Relation: rel("o"), Kind: warehouse.Table, Text: "other"}); !hasStatus(err, 412) {
		t.Errorf("error %v", err)
	}
}

// TestReshape: fields within records go, and change their types, in one statement that says
// everything of the table again.
func TestReshape(t *testing.T) {
	s := newFake(t)
	c := s.connect(nil)
	o := table(
		field("id", "INTEGER", "mode", "REQUIRED", "description", "key"), field("day", "DATE"), field("gone", "STRING"),
		field("who", "RECORD", "fields", []any{field("email", "STRING"), field("phone", "STRING")}),
		field("lines", "RECORD", "mode", "REPEATED", "fields", []any{field("n", "INTEGER"), field("sub", "RECORD", "fields", []any{field("a", "STRING"), field("b", "STRING")})}))
	o["description"], o["requirePartitionFilter"], o["labels"] = "orders", true, map[string]any{"team": "core"}
	o["timePartitioning"], o["clustering"] = map[string]any{"type": "MONTH", "field": "day"}, map[string]any{"fields": []any{"id"}}
	s.tables["shop/o"] = o
	s.perform(c,
		warehouse.DropColumns{Target: rel("o"), Columns: []string{"gone", "who.phone", "lines.sub.b"}},
		warehouse.RetypeColumns{Target: rel("o"), Columns: []warehouse.Column{{Name: "ID", Type: "STRING"}, {Name: "lines.n", Type: "FLOAT64"}}})
	var sqls []string
	for _, j := range []string{"engine-x1-1", "engine-x2-1"} {
		sqls = append(sqls, s.jobs[j]["configuration"].(map[string]any)["query"].(map[string]any)["query"].(string))
	}
	golden(t, "reshape.sql", strings.Join(sqls, ";\n\n")+";\n")
	for _, op := range []warehouse.Op{
		warehouse.DropColumns{Target: rel("o"), Columns: []string{"who.none"}},
		warehouse.DropColumns{Target: rel("o"), Columns: []string{"who.email", "who.phone"}},
		warehouse.RetypeColumns{Target: rel("o"), Columns: []warehouse.Column{{Name: "id", Type: "TEXTS"}}},
	} {
		if _, _, _, err := c.Perform(context.Background(), op); err == nil {
			t.Errorf("%+v succeeded", op)
		}
	}
}

// TestTablesWithTypes: what cannot be written without the types of a query asks for them
// first, with a dry run; a table divided by arrival is made empty and then filled.
func TestTablesWithTypes(t *testing.T) {
	s := newFake(t)
	c := s.connect(nil)
	s.rows = func(sql string) ([]any, []any) {
		if strings.HasPrefix(sql, "select cast(`k`") {
			return []any{field("k", "STRING"), field("at", "TIMESTAMP"), field("who", "STRING")}, nil
		}
		return []any{field("id", "INTEGER"), field("at", "TIMESTAMP"), field("who", "RECORD", "mode", "REPEATED", "fields", []any{field("a", "STRING")})}, nil
	}
	query := "select id, at, who from x -- all"
	s.perform(c,
		warehouse.CreateTableAs{Target: rel("a"), Query: query, Layout: &warehouse.Layout{Constraints: []warehouse.Constraint{{Type: "not_null", Columns: []string{"id"}}}}},
		warehouse.CreateTableAs{Target: rel("_engine_new__b"), Query: query, Layout: &warehouse.Layout{Partition: &warehouse.Partition{Type: "timestamp", Granularity: warehouse.Hour}, RequirePartitionFilter: true}},
		warehouse.CreateTableAs{Target: rel("c"), Query: query, Columns: []warehouse.Column{{Name: "k", Type: "STRING"}, {Name: "at"}, {Name: "who"}}, Layout: &warehouse.Layout{Constraints: []warehouse.Constraint{{Type: "primary_key", Columns: []string{"k"}}}}})
	var got []string
	for _, l := range s.calls() {
		if _, sql, ok := strings.Cut(l, `"query":"`); ok {
			sql, _, _ = strings.Cut(sql, `","use`)
			if strings.Contains(l, `"dryRun":true`) {
				sql = "dry run: " + sql
			}
			got = append(got, strings.NewReplacer(`\n`, "\n", `\u003c`, "<", `\u003e`, ">").Replace(sql))
		}
	}
	golden(t, "types.sql", strings.Join(got, ";\n\n")+";\n")
	s.fate = ends("invalidQuery", 99)
	_, stmt, done, err := c.Perform(context.Background(), warehouse.CreateTableAs{Target: rel("d"), Query: query})
	if err == nil || !done || stmt.SQL[stmt.BodyStart:stmt.BodyEnd] != query {
		t.Errorf("%v, %v, %+v", err, done, stmt)
	}
}

// TestLoadRequests: what load jobs are sent with, and that an upload whose answer is lost
// is sent again with the same id.
func TestLoadRequests(t *testing.T) {
	s := newFake(t)
	c := s.connect(nil)
	lost := 0
	s.before = func(_ int, r *http.Request) *fault {
		if strings.HasPrefix(r.URL.Path, "/upload") && lost < 2 {
			lost++
			return &fault{reset: true}
		}
		return nil
	}
	l := &warehouse.Layout{Partition: &warehouse.Partition{Column: "day", Type: "date", Granularity: warehouse.Month}, Cluster: []string{"id"}, KMSKey: "key", PartitionDays: 2}
	f := csv(t, "id;day\n1;2024-01-02\n;\n", ';')
	if stats, err := c.load(context.Background(), rel("orders"), nil, f, l); err != nil || stats.Rows != 2 || len(stats.Retries) != 2 {
		t.Fatalf("%+v, %v", stats, err)
	}
	f.Format = "parquet"
	s.tables["shop/_engine_new__p"] = table(field("id", "INTEGER"), field("x", "STRING"))
	if _, err := c.load(context.Background(), rel("_engine_new__p"), []warehouse.Column{{Name: "ID", Type: "NUMERIC"}}, f, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.load(context.Background(), rel("_engine_new__p"), []warehouse.Column{{Name: "none", Type: "NUMERIC"}}, f, nil); err == nil || s.tables["shop/_engine_new__p"] != nil {
		t.Errorf("%v: a table without a wanted column is left", err)
	}
	if n := len(s.jobs); n != 4 {
		t.Errorf("%d jobs, want 3 loads and a cast", n)
	}
	var got []string
	for _, l := range s.calls() {
		if i := strings.Index(l, `{"configuration"`); i >= 0 {
			end := strings.Index(l, "\r\n--")
			if end < i {
				end = len(l)
			}
			part := strings.TrimSpace(l[i:end])
			if _, rows, ok := strings.Cut(l[end:], "octet-stream\r\n\r\n"); ok && !strings.Contains(part, "PARQUET") {
				part += "\n" + strings.TrimSpace(rows[:strings.Index(rows, "\r\n--")])
			}
			got = append(got, part)
		}
	}
	golden(t, "loads.txt", strings.Join(got, "\n")+"\n")
}
