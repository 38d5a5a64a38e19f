package words

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/catalog/content"
)

func TestWords(t *testing.T) {
	noon := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for _, c := range [][2]string{
		{Count(0), "0"}, {Count(999), "999"}, {Count(1000), "1,000"}, {Count(-1234567), "-1,234,567"}, {Count(int64(12345678)), "12,345,678"}, {Count(-100), "-100"},
		{Plural(1, "row"), "1 row"}, {Plural(2000, "row"), "2,000 rows"}, {Plural(0, "query"), "0 queries"}, {Plural(2, "day"), "2 days"}, {Plural(2, "branch"), "2 branches"},
		{Took(12 * time.Millisecond), "12 ms"}, {Took(3210 * time.Millisecond), "3.2 s"}, {Took(125 * time.Second), "2 min 5 s"}, {Took(2*time.Hour + 5*time.Minute), "2 h 5 min"},
		{Period(0), ""}, {Period(36 * time.Hour), "36 hours"}, {Period(48 * time.Hour), "2 days"}, {Period(time.Minute), "1 minute"}, {Period(90 * time.Second), "1 min 30 s"},
		{Size(12), "12 B"}, {Size(1_500_000), "1.5 MB"}, {When(time.Time{}), ""}, {When(noon), "2026-11-21 12:00 UTC"}, {Day(noon), "2026-11-21"},
		{Ago(noon.Add(-72*time.Hour), noon), "3 days before"}, {Ago(noon.Add(-3*time.Hour), noon), "3 hours before"}, {Ago(noon.Add(-time.Second), noon), "1 minute before"}, {Ago(noon, noon), ""}, {Ago(time.Time{}, noon), ""},
		{Percent(1, 3), "33 %"}, {Percent(0, 0), "0 %"},
		{Share(0, 10), "0 %"}, {Share(10, 10), "100 %"}, {Share(1, 100_000), "< 0.1 %"}, {Share(99_999, 100_000), "> 99.9 %"}, {Share(3, 1000), "0.3 %"}, {Share(996, 1000), "99 %"}, {Share(1, 2), "50 %"}, {Share(1, 0), "0 %"},
		{Delta(1, 1205), "+1,204"}, {Delta(5, 2), "−3"}, {Delta(2, 2), "no change"},
		{Clip("abcdef", 4), "abc…"}, {Clip("äöü", 3), "äöü"}, {Clip("äöüß", 3), "äö…"}, {Summary("First **line**. Second.", 100), "First line."}, {Summary("# Head\n\nText", 100), "Head"}, {Summary("See [it](ref:x) now", 100), "See it (ref:x) now"}, {Kind("unit_test"), "unit test"}, {Tone("fct"), "fact"}, {Tone("mart"), "mart"},
	} {
		if c[0] != c[1] {
			t.Errorf("got %q, want %q", c[0], c[1])
		}
	}
}

func TestOutcomes(t *testing.T) {
	var got []Pill
	all := []content.Status{content.Unknown, content.Built, content.Unchanged, content.Passed, content.Warned, content.Failed, content.Errored, content.Skipped, content.Unpublished, content.Canceled}
	for _, s := range all {
		got = append(got, Built(s), Tested(s))
	}
	want := []Pill{
		{}, {"calm", "not run"}, {"ok", "built"}, {"ok", "passed"}, {"calm", "unchanged"}, {"ok", "passed before"}, {"ok", "built"}, {"ok", "passed"},
		{"warn", "built with warnings"}, {"warn", "warning"}, {"bad", "tests failed"}, {"bad", "failed"}, {"bad", "error"}, {"bad", "error"},
		{"calm", "skipped"}, {"calm", "skipped"}, {"warn", "built, not published"}, {"calm", "not run"}, {"calm", "canceled"}, {"calm", "canceled"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestTally(t *testing.T) {
	var a Tally
	if a.String() != "no tests" || a.Class() != "calm" {
		t.Errorf("got %s, %s", a, a.Class())
	}
	a.Add(content.Unknown)
	if a.String() != "1 test" {
		t.Errorf("got %s", a)
	}
	for _, s := range []content.Status{content.Passed, content.Unchanged, content.Warned, content.Errored} {
		a.Add(s)
	}
	if want := "1 failed, 1 warned, 2 passed, 1 not run"; a.String() != want || a.Class() != "bad" {
		t.Errorf("got %s, %s", a, a.Class())
	}
	b := a
	b.Merge(a)
	if b.Total != 10 || b.Passed != 4 {
		t.Errorf("got %+v", b)
	}
}
