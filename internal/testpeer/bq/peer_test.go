package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/bigquery"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"
)

// peerURL is the address of the peer of the test that runs.
var peerURL string

// asPeer makes the test's binary the peer itself.
const asPeer = "BQ_PEER"

func TestMain(m *testing.M) {
	if os.Getenv(asPeer) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// launch starts a peer for one test, a process of its own: the memory of the emulator's
// analyzer only grows, and all tests together need more than the 2 GB that it can have.
func launch(t *testing.T) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asPeer+"=1")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the peer ends with %v", err)
		}
	})
	var says struct{ URL string }
	if err := json.NewDecoder(stdout).Decode(&says); err != nil {
		t.Fatalf("the peer says no address: %v", err)
	}
	peerURL = says.URL
}

// open returns a client of a fresh project with dataset ds.
func open(t *testing.T) (context.Context, *bigquery.Client) {
	t.Helper()
	launch(t)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	project := "p-" + strings.ToLower(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, t.Name()))
	c, err := bigquery.NewClient(ctx, project[:min(len(project), 40)], option.WithEndpoint(peerURL), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Dataset("ds").Create(ctx, nil); err != nil {
		t.Fatal(err)
	}
	return ctx, c
}

// do runs a statement as a job and returns its status; the error is the job's.
func do(ctx context.Context, c *bigquery.Client, sql string) (*bigquery.JobStatus, error) {
	job, err := c.Query(sql).Run(ctx)
	if err != nil {
		return nil, err
	}
	return job.Wait(ctx)
}

func must(t *testing.T, ctx context.Context, c *bigquery.Client, sqls ...string) *bigquery.JobStatus {
	t.Helper()
	var last *bigquery.JobStatus
	for _, sql := range sqls {
		st, err := do(ctx, c, sql)
		if err == nil {
			err = st.Err()
		}
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		last = st
	}
	return last
}

// failure runs a statement that must fail and returns reason and message.
func failure(t *testing.T, ctx context.Context, c *bigquery.Client, sql string) *bigquery.Error {
	t.Helper()
	st, err := do(ctx, c, sql)
	if err == nil {
		err = st.Err()
	}
	var be *bigquery.Error
	var ge *googleapi.Error
	switch {
	case errors.As(err, &be):
		return be
	case errors.As(err, &ge) && len(ge.Errors) > 0: // Wait reads the results of a query
		return &bigquery.Error{Reason: ge.Errors[0].Reason, Message: ge.Message}
	}
	t.Fatalf("%s: want an error of the job, got %v", sql, err)
	return nil
}

func rows(t *testing.T, ctx context.Context, c *bigquery.Client, sql string) [][]bigquery.Value {
	t.Helper()
	it, err := c.Query(sql).Read(ctx)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	var out [][]bigquery.Value
	for {
		var row []bigquery.Value
		err := it.Next(&row)
		if err == iterator.Done {
			return out
		}
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		out = append(out, row)
	}
}

func apiCode(err error) (int, string) {
	var e *googleapi.Error
	if !errors.As(err, &e) {
		return 0, ""
	}
	if len(e.Errors) > 0 {
		return e.Code, e.Errors[0].Reason
	}
	return e.Code, ""
}

func TestReplaceTableReadsItself(t *testing.T) {
	ctx, c := open(t)
	must(t, ctx, c, "create table ds.a as select 1 as id, 'x' as v")
	must(t, ctx, c, "create view ds.va as select * from ds.a", "create view ds.vb as select id from ds.va")
	must(t, ctx, c, "-- comment\n/* b */ create or replace table ds.a\noptions(description=\"d\", labels=[('k','v')])\nas (select id + 1 as id, 'y' as v, true as more from ds.a)")
	got := rows(t, ctx, c, "select id, v, more from ds.va")
	if len(got) != 1 || got[0][0] != int64(2) || got[0][2] != true {
		t.Fatalf("rows %v", got)
	}
	if got := rows(t, ctx, c, "select * from ds.vb"); len(got) != 1 || got[0][0] != int64(2) {
		t.Fatalf("rows %v", got)
	}
	md, err := c.Dataset("ds").Table("a").Metadata(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if md.Description != "d" || md.Labels["k"] != "v" || md.NumRows != 1 || md.ETag == "" {
		t.Fatalf("metadata %+v", md)
	}
	if e := failure(t, ctx, c, "create or replace table ds.a as\nselect nope\nfrom ds.a"); e.Reason != "invalidQuery" || !strings.Contains(e.Message, "at [2:8]") {
		t.Fatalf("error %+v", e)
	}
	if e := failure(t, ctx, c, "select * from ds.zz"); e.Reason != "notFound" || !strings.Contains(e.Message, "ds.zz was not found in location US at [1:15]") {
		t.Fatalf("error %+v", e)
	}
	if got := rows(t, ctx, c, "select count(*) from ds.a"); got[0][0] != int64(1) {
		t.Fatalf("a failed replacement lost rows: %v", got)
	}
}
