package materialize

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/project"
)

func TestBatches(t *testing.T) {
	at := func(text string) time.Time {
		if text == "" {
			return time.Time{}
		}
		at, ok := project.Moment(text)
		if !ok {
			t.Fatal(text)
		}
		return at
	}
	cases := []struct {
		name              string
		size, begin       string
		back              int
		full              bool
		now, since        string
		from, to          string
		first, last, none string
		n                 int
	}{
		{name: "from nothing", size: "day", begin: "2024-01-01", full: true, now: "2024-01-03 10:00", first: "2024-01-01", last: "2024-01-03", n: 3},
		{name: "now is an edge", size: "day", begin: "2024-01-01", full: true, now: "2024-01-03", first: "2024-01-01", last: "2024-01-02", n: 2},
		{name: "begin inside of a batch", size: "month", begin: "2024-01-20", full: true, now: "2024-03-03", first: "2024-01-01", last: "2024-03-01", n: 3},
		{name: "begin to come", size: "day", begin: "2030-01-01", full: true, now: "2024-03-03"},
		{name: "lookback", size: "day", begin: "2024-01-01", back: 1, now: "2024-02-03 10:00", first: "2024-02-02", last: "2024-02-03", n: 2},
		{name: "no lookback", size: "hour", begin: "2024-01-01", now: "2024-02-03 10:30", first: "2024-02-03 10:00", last: "2024-02-03 10:00", n: 1},
		{name: "lookback on an edge", size: "day", begin: "2024-01-01", back: 1, now: "2024-02-03", first: "2024-02-01", last: "2024-02-02", n: 2},
		{name: "not before begin", size: "day", begin: "2024-02-03", back: 5, now: "2024-02-04 10:00", first: "2024-02-03", last: "2024-02-04", n: 2},
		{name: "builds left out", size: "day", begin: "2024-01-01", back: 1, now: "2024-02-10 10:00", since: "2024-02-03 12:00", first: "2024-02-02", last: "2024-02-10", n: 9},
		{name: "year", size: "year", begin: "2020-01-01", back: 1, now: "2024-02-10", first: "2023-01-01", last: "2024-01-01", n: 2},
		{name: "a span from nothing", size: "day", begin: "2024-01-01", full: true, now: "2024-02-10", from: "2024-01-03 05:00", to: "2024-01-05 01:00", first: "2024-01-03", last: "2024-01-05", n: 3},
		{name: "a span besides what is due", size: "day", begin: "2024-01-01", back: 1, now: "2024-02-10 10:00", from: "2024-01-03", to: "2024-01-05", first: "2024-01-03", last: "2024-02-10", none: "2024-01-05", n: 4},
		{name: "a span inside of what is due", size: "day", begin: "2024-01-01", back: 9, now: "2024-02-10 10:00", from: "2024-02-03", to: "2024-02-05", first: "2024-02-01", last: "2024-02-10", n: 10},
		{name: "a span without an end", size: "day", begin: "2024-01-01", back: 1, now: "2024-02-10 10:00", from: "2024-02-08", first: "2024-02-08", last: "2024-02-10", n: 3},
		{name: "a span before begin", size: "day", begin: "2024-01-01", full: true, now: "2024-02-10 10:00", from: "2023-12-31", to: "2024-01-01", first: "2023-12-31", last: "2023-12-31", n: 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			n := &compile.Node{Config: compile.Config{BatchSize: c.size, Begin: c.begin, Lookback: c.back}}
			got := batchesOf(In{Node: n, At: at(c.now), Since: at(c.since), From: at(c.from), To: at(c.to)}, c.full)
			if len(got) != c.n {
				t.Fatalf("%d batches, want %d: %v", len(got), c.n, got)
			}
			if c.n == 0 {
				return
			}
			if diff := cmp.Diff([]time.Time{at(c.first), at(c.last)}, []time.Time{got[0], got[len(got)-1]}); diff != "" {
				t.Error(diff)
			}
			for i, b := range got {
				if i > 0 && !got[i-1].Before(b) {
					t.Errorf("%s is not behind %s", b, got[i-1])
				}
				if c.none != "" && b.Equal(at(c.none)) {
					t.Errorf("%s is not asked for", b)
				}
			}
		})
	}
}

func TestBatchQuery(t *testing.T) {
	const text = "where at >= timestamp '1677-01-02 03:04:05.678901+00' and at < timestamp '1677-02-03 04:05:06.789012+00'"
	got := batchQuery(text, time.Date(2024, 1, 31, 0, 0, 0, 0, time.UTC), time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC))
	want := "where at >= timestamp '2024-01-31 00:00:00.000000+00' and at < timestamp '2024-02-01 00:00:00.000000+00'"
	if got != want || len(got) != len(text) {
		t.Errorf("got %s", got)
	}
}
