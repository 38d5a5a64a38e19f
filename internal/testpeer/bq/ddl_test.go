package main

import (
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/bigquery"
	"github.com/google/go-cmp/cmp"
)

// «CREATE OR REPLACE TABLE … PARTITION BY … CLUSTER BY … OPTIONS(…)»; tables.get shows what
// the statement said (CREATE TABLE statement, table_option_list).
func TestTableOptionsAreKept(t *testing.T) {
	ctx, c := open(t)
	must(t, ctx, c, `create or replace table ds.a (id int64 not null options(description="the key"), d date, s struct<x int64, y string options(description='why')>, arr array<string>, n numeric(10, 2))
partition by d cluster by id, s.x
options(partition_expiration_days=3, require_partition_filter=true, description="""long
text""", labels=[("team", "data"), ('x', 'y')], friendly_name='f', expiration_timestamp=timestamp_add(current_timestamp(), interval 12 hour), kms_key_name='projects/k')`)
	md, err := c.Dataset("ds").Table("a").Metadata(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if md.TimePartitioning == nil || md.TimePartitioning.Field != "d" || md.TimePartitioning.Expiration != 72*time.Hour || !md.RequirePartitionFilter {
		t.Errorf("partitioning %+v %v", md.TimePartitioning, md.RequirePartitionFilter)
	}
	if diff := cmp.Diff([]string{"id", "s.x"}, md.Clustering.Fields); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"team": "data", "x": "y"}, md.Labels); diff != "" {
		t.Error(diff)
	}
	if md.Description != "long\ntext" || md.Name != "f" || md.EncryptionConfig == nil || time.Until(md.ExpirationTime) < 11*time.Hour {
		t.Errorf("metadata %+v", md)
	}
	if f := md.Schema[0]; !f.Required || f.Description != "the key" || f.Type != bigquery.IntegerFieldType {
		t.Errorf("field %+v", f)
	}
	if f := md.Schema[2].Schema[1]; f.Description != "why" {
		t.Errorf("nested field %+v", f)
	}
	if f := md.Schema[4]; f.Precision != 10 || f.Scale != 2 {
		t.Errorf("numeric field %+v", f)
	}
	got := rows(t, ctx, c, "select column_name, is_partitioning_column, clustering_ordinal_position, data_type, is_nullable from ds.INFORMATION_SCHEMA.COLUMNS where table_name = 'a' order by ordinal_position")
	want := [][]bigquery.Value{
		{"id", "NO", int64(1), "INT64", "NO"}, {"d", "YES", nil, "DATE", "YES"}, {"s", "NO", nil, "STRUCT<x INT64, y STRING>", "YES"},
		{"arr", "NO", nil, "ARRAY<STRING>", "NO"}, {"n", "NO", nil, "NUMERIC(10, 2)", "YES"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got = rows(t, ctx, c, "select field_path, description from `ds`.INFORMATION_SCHEMA.COLUMN_FIELD_PATHS where description is not null order by 1")
	if diff := cmp.Diff([][]bigquery.Value{{"id", "the key"}, {"s.y", "why"}}, got); diff != "" {
		t.Error(diff)
	}
	got = rows(t, ctx, c, "select option_name, option_value from ds.INFORMATION_SCHEMA.TABLE_OPTIONS where option_name in ('labels', 'require_partition_filter') order by 1")
	if diff := cmp.Diff([][]bigquery.Value{{"labels", `[STRUCT("team", "data"), STRUCT("x", "y")]`}, {"require_partition_filter", "true"}}, got); diff != "" {
		t.Error(diff)
	}
	// «ddl: The DDL statement that can be used to recreate the table» (TABLES view).
	got = rows(t, ctx, c, "select regexp_replace(ddl, r'expiration_timestamp=.*', 'expires') from ds.INFORMATION_SCHEMA.TABLES")
	wantDDL := "CREATE TABLE `" + c.Project() + ".ds.a`\n(\n  id INT64 NOT NULL OPTIONS(description=\"the key\"),\n  d DATE,\n  s STRUCT<x INT64, y STRING>,\n  arr ARRAY<STRING>,\n  n NUMERIC(10, 2)\n)\nPARTITION BY d\nCLUSTER BY id, s.x\nOPTIONS(\n  description=\"long\\ntext\",\n  expires\n  friendly_name=\"f\",\n  kms_key_name=\"projects/k\",\n  labels=[(\"team\", \"data\"), (\"x\", \"y\")],\n  partition_expiration_days=3.0,\n  require_partition_filter=true\n);"
	if diff := cmp.Diff([][]bigquery.Value{{wantDDL}}, got); diff != "" {
		t.Error(diff)
	}
	// «Cannot query over table … without a filter over column(s) … that can be used for
	// partition elimination» (Require a partition filter in queries).
	if e := failure(t, ctx, c, "select * from ds.a"); !strings.Contains(e.Message, "without a filter over column(s) 'd' that can be used for partition elimination") {
		t.Errorf("error %+v", e)
	}
	must(t, ctx, c, "select * from ds.a where d = '2024-01-01'")
}

// «You can't use CREATE OR REPLACE TABLE … to change the partitioning» (Managing partitioned
// tables); the text is the service's.
func TestOtherSpecIsRefused(t *testing.T) {
	ctx, c := open(t)
	for _, tc := range []struct{ first, second, neu, old string }{
		{"partition by d", "", "none", "interval(type:day,field:d)"},
		{"", "partition by date_trunc(d, month)", "interval(type:month,field:d)", "none"},
		{"partition by timestamp_trunc(ts, hour)", "partition by date(ts)", "interval(type:day,field:ts)", "interval(type:hour,field:ts)"},
		{"partition by range_bucket(id, generate_array(0, 100, 10))", "cluster by id", "none clustering(id)", "range(type:integer,field:id,start:0,end:100,interval:10)"},
	} {
		const q = " as select 1 as id, date '2024-01-01' as d, timestamp '2024-01-01 00:00:00' as ts"
		must(t, ctx, c, "drop table if exists ds.a", "create table ds.a "+tc.first+q)
		must(t, ctx, c, "create or replace table ds.a "+tc.first+q)
		e := failure(t, ctx, c, "create or replace table ds.a "+tc.second+q)
		want := "Cannot replace a table with a different partitioning spec. Instead, DROP the table, and then recreate it. New partitioning spec is " + tc.neu + " and existing spec is " + tc.old
		if e.Message != want {
			t.Errorf("got  %s\nwant %s", e.Message, want)
		}
	}
	for sql, want := range map[string]string{
		"create table ds.b partition by nope as select 1 as id":                "Unrecognized name: nope",
		"create table ds.b partition by id as select 1 as id":                  "must be DATE, TIMESTAMP or DATETIME",
		"create table ds.b cluster by f as select 1.5 as f":                    "Clustering by expressions of type FLOAT64",
		"create table ds.b options(nope=1) as select 1 as id":                  "Unknown option: nope",
		"create table ds.b partition by upper(id) as select 'a' as id":         "PARTITION BY expression must be",
		"create table ds.b cluster by a,b,c,d,e as select 1 a,2 b,3 c,4 d,5 e": "at most 4",
	} {
		if e := failure(t, ctx, c, sql); !strings.Contains(e.Message, want) {
			t.Errorf("%s: %s", sql, e.Message)
		}
		if _, err := c.Dataset("ds").Table("b").Metadata(ctx); err == nil {
			t.Errorf("%s left a table behind", sql)
		}
	}
}

// «CREATE TABLE IF NOT EXISTS: … If the table exists, the statement has no effect»; «CREATE
// TABLE» on an existing one is an error of reason duplicate.
func TestExistingTables(t *testing.T) {
	ctx, c := open(t)
	must(t, ctx, c, "create table ds.a as select 1 as id", "create table if not exists ds.a as select 2 as id, 3 as more", "create view ds.v as select * from ds.a")
	if got := rows(t, ctx, c, "select * from ds.a"); len(got) != 1 || len(got[0]) != 1 || got[0][0] != int64(1) {
		t.Fatalf("rows %v", got)
	}
	if e := failure(t, ctx, c, "create table ds.a as select 1 as id"); e.Reason != "duplicate" || e.Message != "Already Exists: Table "+c.Project()+":ds.a" {
		t.Errorf("error %+v", e)
	}
	for _, sql := range []string{"create or replace view ds.a as select 1 as x", "create or replace table ds.v as select 1 as x", "drop view ds.a", "drop table ds.v"} {
		failure(t, ctx, c, sql)
	}
	if e := failure(t, ctx, c, "drop table ds.zz"); e.Reason != "notFound" {
		t.Errorf("error %+v", e)
	}
	must(t, ctx, c, "drop table if exists ds.zz", "drop view ds.v", "drop table ds.a")
	if e := failure(t, ctx, c, "create table nods.a as select 1 as id"); e.Reason != "notFound" || !strings.Contains(e.Message, "Not found: Dataset "+c.Project()+":nods was not found in location US") {
		t.Errorf("error %+v", e)
	}
}

// «ALTER TABLE ADD COLUMN / DROP COLUMN / RENAME COLUMN / RENAME TO / SET OPTIONS» and «ALTER
// COLUMN SET DATA TYPE / SET OPTIONS / DROP NOT NULL».
func TestAlterTable(t *testing.T) {
	ctx, c := open(t)
	must(t, ctx, c, "create table ds.a (id int64 not null, s struct<x int64>, arr array<struct<p int64>>) options(description='d')",
		"insert into ds.a values (1, struct(2), [struct(3), struct(4)])",
		"create view ds.v as select * from ds.a",
		"alter table ds.a add column if not exists id int64, add column more string options(description='m'), add column n numeric",
		"insert into ds.a (id, more) values (5, 'x')",
		"alter table ds.a alter column id drop not null, alter column id set data type numeric",
		"alter table ds.a rename column more to less",
		"alter table ds.a set options(description='e', labels=[('a','b')])",
		"alter table ds.a alter column less set options(description='l')",
		"alter table ds.a drop column n",
		"alter table ds.a alter column s set data type struct<x int64, y string>",
		"alter table ds.a alter column arr set data type array<struct<p int64, q string>>")
	got := rows(t, ctx, c, "select id, s.x, s.y, array(select p from unnest(arr)), less from ds.v order by id")
	if len(got) != 2 || got[0][1] != int64(2) || got[0][2] != nil || len(got[0][3].([]bigquery.Value)) != 2 || got[1][4] != "x" {
		t.Errorf("rows %v", got)
	}
	md, err := c.Dataset("ds").Table("a").Metadata(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range md.Schema {
		names = append(names, f.Name+" "+string(f.Type)+" "+f.Description)
	}
	if diff := cmp.Diff([]string{"id NUMERIC ", "s RECORD ", "arr RECORD ", "less STRING l"}, names); diff != "" {
		t.Error(diff)
	}
	if md.Description != "e" || md.Labels["a"] != "b" || md.Schema[0].Required {
		t.Errorf("metadata %+v", md)
	}
	must(t, ctx, c, "alter table ds.a rename to b")
	if got := rows(t, ctx, c, "select count(*) from ds.b"); got[0][0] != int64(2) {
		t.Errorf("rows %v", got)
	}
	if e := failure(t, ctx, c, "select * from ds.a"); e.Reason != "notFound" {
		t.Errorf("error %+v", e)
	}
	for sql, want := range map[string]string{
		"alter table ds.b alter column id set data type string": "is assignable to the new type",
		"alter table ds.b add column id int64":                  "already exists",
		"alter table ds.b add column z int64 not null":          "required",
		"alter table ds.b drop column z":                        "not found",
	} {
		if e := failure(t, ctx, c, sql); !strings.Contains(e.Message, want) {
			t.Errorf("%s: %s", sql, e.Message)
		}
	}
}

// «CREATE TABLE LIKE: … all metadata, no rows», «CREATE TABLE COPY», «CREATE TABLE CLONE»,
// «CREATE SNAPSHOT TABLE … CLONE».
func TestTableCopies(t *testing.T) {
	ctx, c := open(t)
	must(t, ctx, c, "create table ds.a partition by d cluster by id options(description='x') as select 1 as id, date '2024-01-01' as d",
		"create table ds.l like ds.a", "create table ds.c copy ds.a", "create or replace table ds.k clone ds.a", "create or replace table ds.k clone ds.a", "create snapshot table ds.s clone ds.a")
	for table, want := range map[string]int64{"l": 0, "c": 1, "k": 1, "s": 1} {
		if got := rows(t, ctx, c, "select count(*) from ds."+table); got[0][0] != want {
			t.Errorf("%s has %v rows, want %d", table, got, want)
		}
		md, err := c.Dataset("ds").Table(table).Metadata(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if md.TimePartitioning == nil || md.Clustering == nil || md.Description != "x" {
			t.Errorf("%s: %+v", table, md)
		}
	}
	md, _ := c.Dataset("ds").Table("k").Metadata(ctx)
	if md.CloneDefinition == nil || md.CloneDefinition.BaseTableReference.TableID != "a" {
		t.Errorf("clone %+v", md.CloneDefinition)
	}
	md, _ = c.Dataset("ds").Table("s").Metadata(ctx)
	if md.Type != bigquery.Snapshot {
		t.Errorf("type %s", md.Type)
	}
	failure(t, ctx, c, "insert into ds.s select * from ds.a")
	must(t, ctx, c, "drop snapshot table ds.s")
	must(t, ctx, c, "create table ds.p (id int64)")
	if e := failure(t, ctx, c, "create or replace table ds.p clone ds.a"); !strings.Contains(e.Message, "New partitioning spec is interval(type:day,field:d) clustering(id) and existing spec is none") {
		t.Errorf("error %s", e.Message)
	}
}

// Views: column lists, materialized views, the query as it was written, and a view whose
// table is gone: «Not found: Table … was not found in location …».
func TestViews(t *testing.T) {
	ctx, c := open(t)
	must(t, ctx, c, "create table ds.a as select 1 as id, 'x' as v",
		"create or replace view ds.v (k options(description='key'), w) options(description='view', labels=[('a','b')]) as select id, v from ds.a",
		"create materialized view ds.m cluster by v options(enable_refresh=true, refresh_interval_minutes=60) as select v, count(*) as n from ds.a group by v",
		"insert into ds.a values (2, 'x')")
	if got := rows(t, ctx, c, "select n from ds.m"); got[0][0] != int64(2) {
		t.Errorf("rows %v", got)
	}
	must(t, ctx, c, "call bq.refresh_materialized_view('ds.m')")
	if got := rows(t, ctx, c, "select k, w from ds.v order by k"); len(got) != 2 || got[1][0] != int64(2) {
		t.Errorf("rows %v", got)
	}
	md, err := c.Dataset("ds").Table("v").Metadata(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if md.Type != bigquery.ViewTable || md.Description != "view" || md.Labels["a"] != "b" || md.Schema[0].Description != "key" || !strings.Contains(md.ViewQuery, "select id, v from ds.a") {
		t.Errorf("view %+v", md)
	}
	if md, err = c.Dataset("ds").Table("m").Metadata(ctx); err != nil || md.Type != bigquery.MaterializedView || md.MaterializedView.RefreshInterval != time.Hour {
		t.Errorf("materialized view %+v %v", md, err)
	}
	must(t, ctx, c, "drop materialized view ds.m", "drop table ds.a")
	if e := failure(t, ctx, c, "select * from ds.v"); e.Reason != "notFound" || !strings.Contains(e.Message, "ds.a was not found") {
		t.Errorf("error %+v", e)
	}
	must(t, ctx, c, "create table ds.a as select 7 as id, 'z' as v")
	if got := rows(t, ctx, c, "select k from ds.v"); got[0][0] != int64(7) {
		t.Errorf("rows %v", got)
	}
	if got := rows(t, ctx, c, "select table_name, table_type from ds.INFORMATION_SCHEMA.TABLES order by 1"); cmp.Diff([][]bigquery.Value{{"a", "BASE TABLE"}, {"v", "VIEW"}}, got) != "" {
		t.Errorf("tables %v", got)
	}
}

// numDmlAffectedRows and dmlStats, and «MERGE: … a runtime error if a target row matches more
// than one source row».
func TestDML(t *testing.T) {
	ctx, c := open(t)
	stats := func(sql string) []int64 {
		t.Helper()
		st := must(t, ctx, c, sql)
		q := st.Statistics.Details.(*bigquery.QueryStatistics)
		if q.DMLStats == nil {
			t.Fatalf("%s: no DML statistics", sql)
		}
		return []int64{q.DMLStats.InsertedRowCount, q.DMLStats.UpdatedRowCount, q.DMLStats.DeletedRowCount, q.NumDMLAffectedRows}
	}
	must(t, ctx, c, "create table ds.a (id int64, v string)", "create table ds.s as select * from unnest([struct(1 as id, 'one' as v), (4, 'four'), (9, null)])")
	for _, tc := range []struct {
		sql  string
		want []int64
	}{
		{"insert into ds.a (id, v) values (1, 'a'), (2, 'b'), (3, 'c')", []int64{3, 0, 0, 3}},
		{"insert ds.a select id + 10, v from ds.a where id < 3", []int64{2, 0, 0, 2}},
		{"update ds.a set v = 'u' where id > 10", []int64{0, 2, 0, 2}},
		{"update ds.a as t set t.v = 'u' where t.id in (select id from ds.s)", []int64{0, 1, 0, 1}},
		{"delete from ds.a where id > 10", []int64{0, 0, 2, 2}},
		{"merge into ds.a as t using (select id, v from ds.s where id != 9) as s on t.id = s.id when matched then update set v = s.v when not matched then insert (id, v) values (id, v)", []int64{1, 1, 0, 2}},
		{"merge ds.a t using ds.s s on t.id = s.id when matched and s.v = 'nope' then delete when matched then update set v = 'm' when not matched by target then insert row when not matched by source and t.id = 2 then delete", []int64{1, 2, 1, 4}},
		{"merge into `ds.a` t using (select 1 as x) s on false when not matched by source then delete", []int64{0, 0, 4, 4}},
		{"truncate table ds.s", []int64{0, 0, 3, 3}},
	} {
		if diff := cmp.Diff(tc.want, stats(tc.sql)); diff != "" {
			t.Errorf("%s: %s", tc.sql, diff)
		}
	}
	must(t, ctx, c, "insert into ds.a values (1, 'a')", "insert into ds.s values (1, 'x'), (1, 'y')")
	if e := failure(t, ctx, c, "merge ds.a t using ds.s s on t.id = s.id when matched then update set v = s.v"); e.Message != "UPDATE/MERGE must match at most one source row for each target row" {
		t.Errorf("error %+v", e)
	}
	if e := failure(t, ctx, c, "merge ds.a t\nusing (select id, v\nfrom ds.s) s on t.id = s.nope when matched then\nupdate set v = s.v"); !strings.Contains(e.Message, "at [3:26]") {
		t.Errorf("error %+v", e)
	}
	if e := failure(t, ctx, c, "update ds.a set v = 'x'"); e.Reason != "invalidQuery" {
		t.Errorf("error %+v", e)
	}
	if e := failure(t, ctx, c, "insert into ds.nope values (1)"); e.Reason != "notFound" || !strings.Contains(e.Message, "at [1:13]") {
		t.Errorf("error %+v", e)
	}
	must(t, ctx, c, "create table ds.r (id int64 not null)")
	if e := failure(t, ctx, c, "insert into ds.r values (null)"); e.Message != "Required field id cannot be null" {
		t.Errorf("error %+v", e)
	}
}
