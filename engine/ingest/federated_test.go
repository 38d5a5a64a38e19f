package ingest_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/ingest"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/bigquery"
	"github.com/engine-build/engine/engine/warehouse/postgres"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// TestFederated compares the texts that BigQuery would run, and has the remote's half run by
// a real server. No emulator of BigQuery has EXTERNAL_QUERY.
func TestFederated(t *testing.T) {
	ctx := context.Background()
	server := pg.Shared(t)
	app := server.Database(t)
	if err := server.Exec(ctx, app, strings.Split(strange, "create role")[0]); err != nil {
		t.Fatal(err)
	}
	from := server.Fields(app)
	conn := open(t, postgres.Driver{}, from)
	d := bigquery.Dialect{}
	r := request(t, conn, from, wanted("federated", "order", "Order", "table"))
	r.To = d
	in := r.Tables[0].Source.Ingest
	in.Resource = word("shop.europe-west3.app")
	in.Transform = []project.Transform{{Column: word("select"), How: project.TransformHash}, {Column: word("code"), How: project.TransformTruncate, Length: 1}, {Column: word("address"), How: project.TransformConstant, Constant: `it's \ "x"`}}
	in.Drift.RemovedColumn = word("null_fill")
	r.Tables[0].Locked = &project.LockedSource{
		Columns: []project.LockedColumn{{Name: "gone", Native: "TIMESTAMP"}},
		Remote:  &project.LockedTable{Name: "Order"},
	}
	s, err := ingest.Federated{}.Open(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	remote := s.Remote()
	for _, c := range remote.Table("Order").Columns {
		r.Tables[0].Locked.Remote.Columns = append(r.Tables[0].Locked.Remote.Columns, project.RemoteColumn{Name: c.Name, Type: c.Type, Taken: true})
	}
	r.Tables[0].Locked.Remote.Columns = append(r.Tables[0].Locked.Remote.Columns, project.RemoteColumn{Name: "gone", Type: "timestamp with time zone", Taken: true})
	p, wrong := ingest.Make(r, "federated", remote, d)
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	step := &p.Tables[0]
	half := `select "id", encode(sha256(convert_to("select"::text, 'UTF8')), 'hex') as "select", "Größe", "ref"::text as "ref", "doc"::text as "doc", ` +
		`"feeling"::text as "feeling", "feelings"::text as "feelings", "tags"::text as "tags", "span"::text as "span", "size", left("code"::text, 1) as "code", "at", ` +
		`E'it''s \\ "x"'::text as "address", "price"::text as "price", "amount"::text as "amount", null::text as "gone" from "public"."Order"`
	if diff := cmp.Diff(half, step.Query); diff != "" {
		t.Errorf("the remote's half (-want +got):\n%s", diff)
	}
	query, err := ingest.FederatedQuery(step, d, d)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("SELECT `id`, `select`, `Größe`, `ref`, `doc`, `feeling`, `feelings`, `tags`, `span`, `size`, `code`, `at`, `address`, `price`, `amount`, CAST(`gone` AS TIMESTAMP) AS `gone` "+
		`FROM EXTERNAL_QUERY("shop.europe-west3.app", r"""`+half+` """)`, query); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var types []string
	for _, c := range step.Landing() {
		types = append(types, c.Name+" "+c.Type)
	}
	if diff := cmp.Diff([]string{"id INT64", "select STRING", "Größe NUMERIC", "ref STRING", "doc STRING", "feeling STRING", "feelings STRING", "tags STRING", "span STRING", "size INT64", "code STRING", "at TIMESTAMP", "address STRING", "price STRING", "amount STRING", "gone TIMESTAMP"}, types); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for materialized, want := range map[string]string{"table": "create table `raw_app`.`order`", "view": "create view `raw_app`.`order`"} {
		var op warehouse.Op = warehouse.CreateTableAs{Target: step.Into, Query: query}
		if materialized == "view" {
			op = warehouse.CreateViewAs{Target: step.Into, Query: query}
		}
		stmts, err := d.Render(op)
		if err != nil || len(stmts) != 1 || !strings.HasPrefix(stmts[0].SQL, want) || !strings.Contains(stmts[0].SQL, query) {
			t.Errorf("%s: %v %v", materialized, stmts, err)
		}
	}
	// The text between the quotes is what the remote gets: no escape, no end before the end.
	_, text, _ := strings.Cut(query, `r"""`)
	text, rest, _ := strings.Cut(text, `"""`)
	if rest != ")" {
		t.Errorf("behind the text: %q", rest)
	}
	want := []string{
		`1|ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb|1.25|00000000-0000-0000-0000-000000000001|{"a": [1]}|ok "fine"|{sad,NULL}|{"x y",z}|1 mon 2 days|7|a|2026-01-02 01:04:05.678901 +0000 UTC|it's \ "x"|$12.50|1.123456789|<nil>`,
		`2|<nil>|<nil>|<nil>|<nil>|<nil>|<nil>|<nil>|<nil>|<nil>|<nil>|infinity|it's \ "x"|<nil>|<nil>|<nil>`,
	}
	if diff := cmp.Diff(want, lines(t, conn, text+` order by "id"`)); diff != "" {
		t.Errorf("the remote answers (-want +got):\n%s", diff)
	}
}

func TestFederatedRefuses(t *testing.T) {
	d := bigquery.Dialect{}
	for _, c := range []struct{ resource, query, want string }{
		{"us.app", `select """x" from "t"`, "three quotes in a row"},
		{`us.app", r"""select 1""") --`, "select 1", "no name of a connection resource"},
		{"", "select 1", "no name of a connection resource"},
	} {
		if got, err := d.Federated(c.resource, c.query); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %s %v", c.resource, got, err)
		}
	}
	for base, want := range map[string]string{
		"bigint": "INT64", "numeric(38,9)": "NUMERIC", "numeric(12)": "NUMERIC", "numeric(39,9)": "", "numeric(20,10)": "", "numeric": "", "json": "", "jsonb": "", "uuid": "", "text[]": "", "interval": "",
		"money": "", "bit(3)": "", "timestamp(3) with time zone": "TIMESTAMP", "timestamp without time zone": "DATETIME", "character varying(9)": "STRING", "time with time zone": "", "inet": "",
	} {
		typ, ok := d.Landing(base)
		if ok != (want != "") || ok && typ != want {
			t.Errorf("%s lands as %q, %v", base, typ, ok)
		}
	}
	r := request(t, idle(t), nil, wanted("federated", "other", "other", "table"))
	_, err := ingest.Federated{}.Open(context.Background(), r)
	if refused, ok := err.(diag.Diagnostic); !ok || refused.Message != `source "app" is of kind federated, and the target is postgres, which has no federated queries` {
		t.Error(err)
	}
}

// idle is a target that is never asked.
func idle(t *testing.T) warehouse.Conn {
	server := pg.Shared(t)
	return open(t, postgres.Driver{}, server.Fields(server.Database(t)))
}
