package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/bigquery"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/iterator"
)

func wantAPI(t *testing.T, err error, code int, reason string) {
	t.Helper()
	if c, r := apiCode(err); c != code || r != reason {
		t.Errorf("got %d %s (%v), want %d %s", c, r, err, code, reason)
	}
}

// «duplicate 409», «notFound 404», «resourceInUse 400» (Error messages); etags and If-Match.
func TestDatasets(t *testing.T) {
	ctx, c := open(t)
	ds := c.Dataset("two")
	if err := ds.Create(ctx, &bigquery.DatasetMetadata{Description: "d", Labels: map[string]string{"a": "b"}, DefaultTableExpiration: time.Hour}); err != nil {
		t.Fatal(err)
	}
	wantAPI(t, ds.Create(ctx, nil), 409, "duplicate")
	md, err := ds.Metadata(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var up bigquery.DatasetMetadataToUpdate
	up.Description = "e"
	up.SetLabel("c", "d")
	up.DeleteLabel("a")
	up.Access = append(md.Access, &bigquery.AccessEntry{Role: bigquery.ReaderRole, EntityType: bigquery.UserEmailEntity, Entity: "x@example.com"})
	neu, err := ds.Update(ctx, up, md.ETag)
	if err != nil {
		t.Fatal(err)
	}
	if neu.Description != "e" || cmp.Diff(map[string]string{"c": "d"}, neu.Labels) != "" || len(neu.Access) != len(md.Access)+1 || neu.ETag == md.ETag {
		t.Errorf("after the update: %+v", neu)
	}
	_, err = ds.Update(ctx, up, md.ETag)
	wantAPI(t, err, 412, "conditionNotMet")
	if again, _ := ds.Metadata(ctx); again.Description != "e" || len(again.Access) != len(neu.Access) {
		t.Errorf("not stored: %+v", again)
	}
	must(t, ctx, c, "create table two.t as select 1 as x")
	if tm, _ := ds.Table("t").Metadata(ctx); time.Until(tm.ExpirationTime) < 50*time.Minute {
		t.Errorf("the dataset's default expiration was not applied: %v", tm.ExpirationTime)
	}
	wantAPI(t, ds.Delete(ctx), 400, "resourceInUse")
	if err := ds.DeleteWithContents(ctx); err != nil {
		t.Fatal(err)
	}
	_, err = ds.Metadata(ctx)
	wantAPI(t, err, 404, "notFound")
	wantAPI(t, c.Dataset("no-dashes").Create(ctx, nil), 400, "invalid")
	it := c.Datasets(ctx)
	var names []string
	for {
		d, err := it.Next()
		if err == iterator.Done {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, d.DatasetID)
	}
	if diff := cmp.Diff([]string{"ds"}, names); diff != "" {
		t.Error(diff) // nothing that the peer needs for itself is listed
	}
}

// tables.insert, list, patch, delete; «Modifying table schemas»: columns may be added, not
// dropped.
func TestTables(t *testing.T) {
	ctx, c := open(t)
	tab := c.Dataset("ds").Table("t")
	schema := bigquery.Schema{{Name: "id", Type: bigquery.IntegerFieldType, Required: true}, {Name: "r", Type: bigquery.RecordFieldType, Repeated: true, Schema: bigquery.Schema{{Name: "x", Type: bigquery.StringFieldType}}}}
	if err := tab.Create(ctx, &bigquery.TableMetadata{Schema: schema, Labels: map[string]string{"a": "b"}, RangePartitioning: &bigquery.RangePartitioning{Field: "id", Range: &bigquery.RangePartitioningRange{Start: 0, End: 10, Interval: 5}}}); err != nil {
		t.Fatal(err)
	}
	wantAPI(t, tab.Create(ctx, nil), 409, "duplicate")
	must(t, ctx, c, "insert into ds.t values (1, [struct('p')]), (7, [])")
	md, err := tab.Metadata(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if md.NumRows != 2 || md.NumBytes < 16 || md.RangePartitioning.Range.Interval != 5 {
		t.Errorf("metadata %+v", md)
	}
	wider := append(bigquery.Schema{}, md.Schema...)
	wider[1].Schema = append(wider[1].Schema, &bigquery.FieldSchema{Name: "y", Type: bigquery.IntegerFieldType})
	wider = append(wider, &bigquery.FieldSchema{Name: "n", Type: bigquery.DateFieldType, Description: "new"})
	up := bigquery.TableMetadataToUpdate{Schema: wider, Description: "d"}
	up.SetLabel("c", "d")
	neu, err := tab.Update(ctx, up, md.ETag)
	if err != nil {
		t.Fatal(err)
	}
	if len(neu.Schema) != 3 || neu.Schema[2].Description != "new" || neu.Labels["a"] != "b" || neu.Labels["c"] != "d" {
		t.Errorf("after the update: %+v", neu)
	}
	_, err = tab.Update(ctx, up, md.ETag)
	wantAPI(t, err, 412, "conditionNotMet")
	if got := rows(t, ctx, c, "select id, array_length(r), r[safe_offset(0)].y, n from ds.t order by id"); len(got) != 2 || got[0][1] != int64(1) || got[0][3] != nil {
		t.Errorf("rows %v", got)
	}
	_, err = tab.Update(ctx, bigquery.TableMetadataToUpdate{Schema: neu.Schema[:2]}, "")
	if err == nil || !strings.Contains(err.Error(), "Field n is missing in new schema") {
		t.Errorf("error %v", err)
	}
	if err := c.Dataset("ds").Table("v").Create(ctx, &bigquery.TableMetadata{ViewQuery: "select id from ds.t", Description: "view"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Dataset("ds").Table("v").Update(ctx, bigquery.TableMetadataToUpdate{ViewQuery: "select id + 1 as id2 from ds.t"}, ""); err != nil {
		t.Fatal(err)
	}
	if got := rows(t, ctx, c, "select max(id2) from ds.v"); got[0][0] != int64(8) {
		t.Errorf("rows %v", got)
	}
	for i := range 60 {
		if err := c.Dataset("ds").Table(fmt.Sprintf("m%02d", i)).Create(ctx, nil); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	it := c.Dataset("ds").Tables(ctx)
	for {
		if _, err := it.Next(); err != nil {
			break
		}
		n++
	}
	if n != 62 {
		t.Errorf("%d tables are listed", n)
	}
	if err := tab.Delete(ctx); err != nil {
		t.Fatal(err)
	}
	wantAPI(t, tab.Delete(ctx), 404, "notFound")
}

// jobs.insert returns at once; states go PENDING, RUNNING, DONE; a job id is used once.
func TestJobs(t *testing.T) {
	ctx, c := open(t)
	delays := func(body string) {
		res, err := http.Post(peerURL+"/_shim/delays", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	delays(`[{"match":"slowly","millis":3000},{"match":"queued","millis":3000,"pending":true},{"match":"for ever","millis":60000}]`)
	defer delays(`[]`)
	must(t, ctx, c, "create table ds.a (id int64)")
	run := func(id, sql string) *bigquery.Job {
		q := c.Query(sql)
		q.JobID = id
		q.Labels = map[string]string{"node": "n"}
		job, err := q.Run(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return job
	}
	state := func(job *bigquery.Job) *bigquery.JobStatus {
		st, err := job.Status(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	start := time.Now()
	slow, queued, ever := run("j-slow", "insert into ds.a values (1) -- slowly"), run("j-queued", "insert into ds.a values (2) -- queued"), run("j-ever", "insert into ds.a values (3) -- for ever")
	if took := time.Since(start); took > 2500*time.Millisecond {
		t.Errorf("jobs.insert waited: %s", took)
	}
	if st := state(slow); st.State != bigquery.Running {
		t.Errorf("state %v", st.State)
	}
	if st := state(queued); st.State != bigquery.Pending {
		t.Errorf("state %v", st.State)
	}
	again := c.Query("insert into ds.a values (1) -- slowly")
	again.JobID = "j-slow"
	_, err := again.Run(ctx)
	wantAPI(t, err, 409, "duplicate")
	if err == nil || !strings.Contains(err.Error(), "Already Exists: Job "+c.Project()+":US.j-slow") {
		t.Errorf("error %v", err)
	}
	if err := ever.Cancel(ctx); err != nil {
		t.Fatal(err)
	}
	for state(ever).State != bigquery.Done || state(slow).State != bigquery.Done || state(queued).State != bigquery.Done {
		time.Sleep(20 * time.Millisecond)
	}
	var be *bigquery.Error
	if err := state(ever).Err(); !errors.As(err, &be) || be.Reason != "stopped" {
		t.Errorf("cancelled: %v", err)
	}
	if err := state(slow).Err(); err != nil {
		t.Error(err)
	}
	if got := rows(t, ctx, c, "select count(*), sum(id) from ds.a"); got[0][0] != int64(2) || got[0][1] != int64(3) {
		t.Errorf("rows %v", got)
	}
	st := state(slow).Statistics
	if d := st.EndTime.Sub(st.StartTime); d < 2500*time.Millisecond || d > 20*time.Second || time.Since(st.CreationTime) > time.Minute {
		t.Errorf("times are no milliseconds: %+v", st)
	}
	found, err := c.JobFromID(ctx, "j-slow")
	if err != nil {
		t.Fatal(err)
	}
	if cfg, _ := found.Config(); cfg.(*bigquery.QueryConfig).Labels["node"] != "n" {
		t.Errorf("labels %+v", cfg)
	}
	_, err = c.JobFromID(ctx, "nope")
	wantAPI(t, err, 404, "notFound")
	it := c.Jobs(ctx)
	it.State = bigquery.Done
	var ids []string
	for {
		j, err := it.Next()
		if err != nil {
			break
		}
		ids = append(ids, j.ID())
	}
	if len(ids) < 4 || ids[len(ids)-2] != "j-slow" {
		t.Errorf("jobs %v", ids)
	}
	bad := run("j-bad", "select\n nope from ds.a")
	for state(bad).State != bigquery.Done {
		time.Sleep(10 * time.Millisecond)
	}
	if err := state(bad).Err(); !errors.As(err, &be) || be.Reason != "invalidQuery" || be.Location != "query" || !strings.Contains(be.Message, "Unrecognized name: nope at [2:2]") {
		t.Errorf("failed: %v", err)
	}
	res, err := http.Get(peerURL + "/_shim/log")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, _ := io.ReadAll(res.Body)
	if !strings.Contains(string(raw), `"id":"j-ever","type":"QUERY","state":"DONE","reason":"stopped","labels":{"node":"n"},"executed":0`) {
		t.Errorf("log: %s", raw)
	}
}

// «dryRun: … doesn't run the job»: schema, bytes and statement type come back, nothing changes.
func TestDryRun(t *testing.T) {
	ctx, c := open(t)
	must(t, ctx, c, "create table ds.a as select * from unnest(generate_array(1, 10)) as id", "create view ds.v as select * from ds.a")
	dry := func(sql string) (*bigquery.QueryStatistics, error) {
		q := c.Query(sql)
		q.DryRun = true
		job, err := q.Run(ctx)
		if err != nil {
			return nil, err
		}
		st := job.LastStatus()
		if st.State != bigquery.Done {
			t.Errorf("state %v", st.State)
		}
		return st.Statistics.Details.(*bigquery.QueryStatistics), nil
	}
	for _, tc := range []struct {
		sql, kind string
		bytes     int64
	}{
		{"select id, 'x' as v from ds.v", "SELECT", 80},
		{"create table ds.b as select * from ds.a", "CREATE_TABLE_AS_SELECT", 80},
		{"create or replace table ds.a as select 1 as x", "CREATE_TABLE_AS_SELECT", 0},
		{"create or replace view ds.v as select 1 as x", "CREATE_VIEW", 0},
		{"drop table ds.a", "DROP_TABLE", 0},
		{"drop view ds.v", "DROP_VIEW", 0},
		{"insert into ds.a values (1)", "INSERT", 0},
		{"delete from ds.a where true", "DELETE", 80},
		{"merge ds.a t using (select 1 as id) s on t.id = s.id when matched then delete", "MERGE", 80},
		{"truncate table ds.a", "TRUNCATE_TABLE", 0},
		{"alter table ds.a add column z int64", "ALTER_TABLE", 0},
	} {
		st, err := dry(tc.sql)
		if err != nil {
			t.Errorf("%s: %v", tc.sql, err)
			continue
		}
		if st.StatementType != tc.kind || st.TotalBytesProcessed != tc.bytes {
			t.Errorf("%s: %s, %d bytes", tc.sql, st.StatementType, st.TotalBytesProcessed)
		}
	}
	if st, _ := dry("select id, 'x' as v from ds.a"); len(st.Schema) != 2 || st.Schema[1].Name != "v" || len(st.ReferencedTables) != 1 {
		t.Errorf("statistics %+v", st)
	}
	_, err := dry("select nope from ds.a")
	wantAPI(t, err, 400, "invalidQuery")
	_, err = dry("create table ds.a as select 1 as x")
	wantAPI(t, err, 409, "duplicate")
	_, err = dry("insert into ds.a select 'text'")
	wantAPI(t, err, 400, "invalidQuery")
	_, err = dry("select * from ds.nope")
	wantAPI(t, err, 404, "notFound")
	if got := rows(t, ctx, c, "select count(*), sum(id) from ds.v"); got[0][0] != int64(10) || got[0][1] != int64(55) {
		t.Errorf("a dry run changed rows: %v", got)
	}
	if _, err := c.Dataset("ds").Table("b").Metadata(ctx); err == nil {
		t.Error("a dry run made a table")
	}
}

// «maximumBytesBilled: … Queries that will have bytes billed beyond this limit will fail
// (without incurring a charge)»; «a minimum 10 MB data processed per table referenced».
func TestBilling(t *testing.T) {
	ctx, c := open(t)
	must(t, ctx, c, "create table ds.a as select 1 as id")
	res, err := http.Post(peerURL+"/_shim/bytes", "application/json", strings.NewReader(`{"project":"`+c.Project()+`","dataset":"ds","table":"a","bytes":30000000}`))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	st := must(t, ctx, c, "select * from ds.a").Statistics.Details.(*bigquery.QueryStatistics)
	if st.TotalBytesProcessed != 30000000 || st.TotalBytesBilled != 29<<20 || st.SlotMillis <= 0 {
		t.Errorf("statistics %+v", st)
	}
	q := c.Query("select * from ds.a")
	q.MaxBytesBilled = 20 << 20
	job, err := q.Run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var last *bigquery.JobStatus
	for last == nil || !last.Done() {
		if last, err = job.Status(ctx); err != nil {
			t.Fatal(err)
		}
	}
	var be *bigquery.Error
	if !errors.As(last.Err(), &be) || be.Reason != "bytesBilledLimitExceeded" || be.Message != "Query exceeded limit for bytes billed: 20971520. 30408704 or higher required." {
		t.Errorf("error %v", last.Err())
	}
}

// writeDisposition and createDisposition of a query's destination table.
func TestQueryDestination(t *testing.T) {
	ctx, c := open(t)
	into := func(sql string, table string, d bigquery.TableWriteDisposition, edit func(*bigquery.Query)) error {
		q := c.Query(sql)
		q.Dst = c.Dataset("ds").Table(table)
		q.WriteDisposition = d
		if edit != nil {
			edit(q)
		}
		job, err := q.Run(ctx)
		if err != nil {
			return err
		}
		st, err := job.Wait(ctx)
		if err != nil {
			return err
		}
		return st.Err()
	}
	sum := func() (n, s any) {
		got := rows(t, ctx, c, "select count(*), sum(id) from ds.t")
		return got[0][0], got[0][1]
	}
	check := func(err error, n, s int64) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
		if gn, gs := sum(); gn != n || gs != s {
			t.Errorf("%v rows, sum %v; want %d, %d", gn, gs, n, s)
		}
	}
	wantAPI(t, into("select 1 as id", "t", bigquery.WriteEmpty, func(q *bigquery.Query) { q.CreateDisposition = bigquery.CreateNever }), 404, "notFound")
	const q = "select 1 as id, date '2024-01-01' as d"
	check(into(q, "t", bigquery.WriteEmpty, func(q *bigquery.Query) { q.TimePartitioning = &bigquery.TimePartitioning{Field: "d"} }), 1, 1)
	wantAPI(t, into(q, "t", bigquery.WriteEmpty, nil), 409, "duplicate")
	check(into("select 2 as id, date '2024-01-02' as d", "t", bigquery.WriteAppend, nil), 2, 3)
	check(into("select 5 as id, date '2024-01-02' as d", "t$20240102", bigquery.WriteTruncate, nil), 2, 6)
	wantAPI(t, into("select 5 as id, date '2024-01-03' as d", "t$20240102", bigquery.WriteTruncate, nil), 400, "invalid")
	check(into("select 7 as id, date '2024-01-03' as d", "t", bigquery.WriteTruncate, nil), 1, 7)
	md, _ := c.Dataset("ds").Table("t").Metadata(ctx)
	if md.TimePartitioning == nil {
		t.Error("truncating lost the partitioning")
	}
	wantAPI(t, into("select 1 as id, date '2024-01-03' as d, 1 as z", "t", bigquery.WriteAppend, nil), 400, "invalid")
	if got := rows(t, ctx, c, "select partition_id, total_rows from ds.INFORMATION_SCHEMA.PARTITIONS where table_name = 't'"); cmp.Diff([][]bigquery.Value{{"20240103", int64(1)}}, got) != "" {
		t.Errorf("partitions %v", got)
	}
}

// Copy jobs: «WRITE_TRUNCATE, WRITE_APPEND, WRITE_EMPTY», partition decorators, «the partition
// specifications for the source and destination tables must match».
func TestCopyJobs(t *testing.T) {
	ctx, c := open(t)
	ds := c.Dataset("ds")
	must(t, ctx, c, "create table ds.a partition by d options(description='x') as select 1 as id, date '2024-01-01' as d union all select 2, date '2024-01-02'",
		"create table ds.other partition by date_trunc(d, month) as select 9 as id, date '2024-01-01' as d", "create table ds.plain as select 9 as id, date '2024-01-01' as d")
	cp := func(src, dst string, d bigquery.TableWriteDisposition) error {
		cp := ds.Table(dst).CopierFrom(ds.Table(src))
		cp.WriteDisposition = d
		job, err := cp.Run(ctx)
		if err != nil {
			return err
		}
		st, err := job.Wait(ctx)
		if err != nil {
			return err
		}
		return st.Err()
	}
	count := func(table string, want int64) {
		t.Helper()
		if got := rows(t, ctx, c, "select count(*) from ds."+table); got[0][0] != want {
			t.Errorf("%s has %v rows, want %d", table, got[0][0], want)
		}
	}
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	jobError := func(err error, reason, text string) {
		t.Helper()
		var be *bigquery.Error
		if !errors.As(err, &be) || be.Reason != reason || !strings.Contains(be.Message, text) {
			t.Errorf("got %v, want %s %s", err, reason, text)
		}
	}
	ok(cp("a", "b", bigquery.WriteEmpty))
	count("b", 2)
	jobError(cp("a", "b", bigquery.WriteEmpty), "duplicate", "Already Exists: Table")
	ok(cp("a", "b", bigquery.WriteAppend))
	count("b", 4)
	ok(cp("a", "b", bigquery.WriteTruncate))
	count("b", 2)
	must(t, ctx, c, "update ds.a set id = 50 where id = 1")
	ok(cp("a$20240101", "b$20240101", bigquery.WriteTruncate))
	if got := rows(t, ctx, c, "select sum(id) from ds.b"); got[0][0] != int64(52) {
		t.Errorf("rows %v", got)
	}
	jobError(cp("other", "b", bigquery.WriteTruncate), "invalid", "Incompatible table partitioning specification. Expects partitioning specification interval(type:day,field:d), but input partitioning specification is interval(type:month,field:d)")
	jobError(cp("plain", "b", bigquery.WriteTruncate), "invalid", "input partitioning specification is none")
	ok(cp("a", "plain", bigquery.WriteTruncate))
	count("plain", 2)
	jobError(cp("zz", "b", bigquery.WriteTruncate), "notFound", "ds.zz was not found")
	md, _ := ds.Table("b").Metadata(ctx)
	if md.TimePartitioning == nil || md.NumRows != 2 {
		t.Errorf("metadata %+v", md)
	}
}

// Load jobs: schema, skipLeadingRows, fieldDelimiter, nullMarker, quotes, maxBadRecords,
// statistics; NDJSON with nested fields; a big upload is resumable.
func TestLoadJobs(t *testing.T) {
	ctx, c := open(t)
	schema := bigquery.Schema{
		{Name: "id", Type: bigquery.IntegerFieldType, Required: true}, {Name: "s", Type: bigquery.StringFieldType, Description: "text"}, {Name: "d", Type: bigquery.DateFieldType},
		{Name: "ts", Type: bigquery.TimestampFieldType}, {Name: "n", Type: bigquery.NumericFieldType}, {Name: "b", Type: bigquery.BooleanFieldType}, {Name: "f", Type: bigquery.FloatFieldType},
	}
	load := func(data string, edit func(*bigquery.ReaderSource, *bigquery.Loader)) (*bigquery.LoadStatistics, error) {
		src := bigquery.NewReaderSource(strings.NewReader(data))
		src.Schema = schema
		l := c.Dataset("ds").Table("t").LoaderFrom(src)
		l.WriteDisposition = bigquery.WriteTruncate
		edit(src, l)
		job, err := l.Run(ctx)
		if err != nil {
			return nil, err
		}
		st, err := job.Wait(ctx)
		if err != nil {
			return nil, err
		}
		if st.Err() != nil {
			return nil, st.Err()
		}
		return st.Statistics.Details.(*bigquery.LoadStatistics), nil
	}
	st, err := load("skip;me\n1;it's \\ fine;2024-02-03;2024-01-01 10:00:00 UTC;1.50;yes;1.5\r\n2;\"quoted \"\";\"\"\";NA;NA;NA;NA;NA\n3;;NA;2024-01-01T00:00:00+02:00;-2;0;-1e3\n4;\"NA\";NA;NA;NA;NA;NA\n", func(s *bigquery.ReaderSource, _ *bigquery.Loader) {
		s.SkipLeadingRows, s.FieldDelimiter, s.NullMarker = 1, ";", "NA"
	})
	if err != nil {
		t.Fatal(err)
	}
	if st.OutputRows != 4 || st.InputFiles != 1 || st.OutputBytes == 0 {
		t.Errorf("statistics %+v", st)
	}
	got := rows(t, ctx, c, "select id, s, cast(d as string), unix_seconds(ts), cast(n as string), b, f from ds.t order by id")
	want := [][]bigquery.Value{
		{int64(1), `it's \ fine`, "2024-02-03", int64(1704103200), "1.5", true, 1.5},
		{int64(2), `quoted ";"`, nil, nil, nil, nil, nil},
		{int64(3), "", nil, int64(1704060000), "-2", false, -1000.0},
		{int64(4), "NA", nil, nil, nil, nil, nil},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if md, _ := c.Dataset("ds").Table("t").Metadata(ctx); md.Schema[1].Description != "text" || !md.Schema[0].Required {
		t.Errorf("schema %+v", md.Schema)
	}
	_, err = load("x,a,,,,,\n", func(*bigquery.ReaderSource, *bigquery.Loader) {})
	if err == nil || !strings.Contains(err.Error(), "Could not parse 'x' as INT64 for field id (position 0)") {
		t.Errorf("error %v", err)
	}
	if got := rows(t, ctx, c, "select count(*) from ds.t"); got[0][0] != int64(4) {
		t.Errorf("a failed load changed rows: %v", got)
	}
	if st, err := load("x,a,,,,,\n7,a,,,,,\n", func(s *bigquery.ReaderSource, _ *bigquery.Loader) { s.MaxBadRecords = 1 }); err != nil || st.OutputRows != 1 {
		t.Errorf("statistics %+v %v", st, err)
	}
	if _, err := load("", func(*bigquery.ReaderSource, *bigquery.Loader) {}); err != nil {
		t.Error(err)
	}
	if got := rows(t, ctx, c, "select count(*) from ds.t"); got[0][0] != int64(0) {
		t.Errorf("an empty load must truncate: %v", got)
	}
	nested := bigquery.Schema{{Name: "id", Type: bigquery.IntegerFieldType}, {Name: "tags", Type: bigquery.StringFieldType, Repeated: true}, {Name: "r", Type: bigquery.RecordFieldType, Schema: bigquery.Schema{{Name: "x", Type: bigquery.FloatFieldType}, {Name: "j", Type: bigquery.JSONFieldType}}}}
	_, err = load(`{"id": 1, "tags": ["a", "b"], "r": {"x": 1.5, "j": {"k": [1]}}}`+"\n"+`{"id": "2"}`+"\n", func(s *bigquery.ReaderSource, _ *bigquery.Loader) {
		s.SourceFormat, s.Schema = bigquery.JSON, nested
	})
	if err != nil {
		t.Fatal(err)
	}
	got = rows(t, ctx, c, "select id, array_length(tags), r.x, to_json_string(r.j.k) from ds.t order by id")
	if diff := cmp.Diff([][]bigquery.Value{{int64(1), int64(2), 1.5, `[1]`}, {int64(2), int64(0), nil, "null"}}, got); diff != "" {
		t.Error(diff)
	}
	_, err = load(`{"id": 1, "zz": 2}`, func(s *bigquery.ReaderSource, _ *bigquery.Loader) { s.SourceFormat, s.Schema = bigquery.JSON, nested })
	if err == nil || !strings.Contains(err.Error(), "No such field: zz") {
		t.Errorf("error %v", err)
	}
	// More than the client's chunk of 16 MB: a resumable upload in parts. The emulator cannot
	// parse as much SQL, so most of it is skipped.
	long := strings.Repeat(strings.Repeat("x", 1<<20)+"\n", 18)
	st, err = load(long+"1,a,,,,,\n", func(s *bigquery.ReaderSource, _ *bigquery.Loader) { s.SkipLeadingRows = 18 })
	if err != nil || st.OutputRows != 1 || st.InputFileBytes < 18<<20 {
		t.Errorf("resumable upload: %+v %v", st, err)
	}
}

// What neither the emulator nor the shim can do is refused, not answered.
func TestRefusals(t *testing.T) {
	ctx, c := open(t)
	must(t, ctx, c, "create table ds.a as select 1 as id")
	for _, sql := range []string{
		"declare x int64 default 5", "begin transaction", "create temp table t as select 1 as x", "create row access policy x on ds.a filter using (true)",
		"update ds.a set id = b.id from ds.a as b where a.id = b.id", "create table ds.b clone ds.a for system_time as of current_timestamp()",
	} {
		if e := failure(t, ctx, c, sql); !strings.HasPrefix(e.Message, "test double: ") {
			t.Errorf("%s: %s", sql, e.Message)
		}
	}
	if got := rows(t, ctx, c, "insert into ds.a values (2); select sum(id) as s from ds.a"); len(got) != 1 || got[0][0] != int64(3) {
		t.Errorf("rows %v", got)
	}
}

// «GRANT role ON resource TO members»: shown by the dataset's access and the table's policy,
// which setIamPolicy replaces by its etag.
func TestGrants(t *testing.T) {
	ctx, c := open(t)
	must(t, ctx, c, "create table ds.a as select 1 as id", "create view ds.v as select * from ds.a",
		"grant `roles/bigquery.dataViewer`, `roles/x` on table ds.a to 'user:a@example.com', \"group:g@example.com\"",
		"revoke `roles/x` on table `ds`.`a` from 'user:a@example.com'",
		"grant `roles/bigquery.dataViewer` on schema ds to 'serviceAccount:s@example.com'",
		"grant `roles/bigquery.dataViewer` on view ds.v to 'user:b@example.com'")
	p, err := c.Dataset("ds").Table("a").IAM().Policy(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"user:a@example.com", "group:g@example.com"}, p.Members("roles/bigquery.dataViewer")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"group:g@example.com"}, p.Members("roles/x")); diff != "" {
		t.Error(diff)
	}
	p.Remove("group:g@example.com", "roles/x")
	if err := c.Dataset("ds").Table("a").IAM().SetPolicy(ctx, p); err != nil {
		t.Fatal(err)
	}
	if err := c.Dataset("ds").Table("a").IAM().SetPolicy(ctx, p); err == nil {
		t.Error("a policy of an older version was accepted")
	}
	if p, err = c.Dataset("ds").Table("a").IAM().Policy(ctx); err != nil || len(p.Roles()) != 1 {
		t.Errorf("roles %v %v", p.Roles(), err)
	}
	md, err := c.Dataset("ds").Metadata(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if last := md.Access[len(md.Access)-1]; last.Role != bigquery.ReaderRole || last.Entity != "s@example.com" {
		t.Errorf("access %+v", last)
	}
	for sql, want := range map[string]string{
		"grant `viewer` on table ds.a to 'user:a@example.com'":   "Role viewer is not supported",
		"grant `roles/x` on table ds.a to 'a@example.com'":       "Invalid member",
		"grant `roles/x` on table ds.zz to 'user:a@example.com'": "Not found: Table",
	} {
		if e := failure(t, ctx, c, sql); !strings.Contains(e.Message, want) {
			t.Errorf("%s: %s", sql, e.Message)
		}
	}
}
