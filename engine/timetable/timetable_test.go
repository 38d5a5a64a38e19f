package timetable

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func cron(t testing.TB, line string) Cron {
	t.Helper()
	c, err := Parse(line)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return c
}

func at(t testing.TB, text string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct {
		line, message  string
		offset, length int
	}{
		{"", "the cron line is empty", 0, 0},
		{"* * * *", "the cron line has 4 fields", 0, 7},
		{"0 * * * * *", "the cron line has 6 fields", 0, 11},
		{"60 * * * *", `"60" is not the minute`, 0, 2},
		{"0 24 * * *", `"24" is not the hour`, 2, 2},
		{"0 0 0 * *", `"0" is not the day of the month`, 4, 1},
		{"0 0 * 13 *", `"13" is not the month`, 6, 2},
		{"0 0 * * 8", `"8" is not the day of the week`, 8, 1},
		{"0 0 * * mo", `"mo" is not the day of the week`, 8, 2},
		{"0,1,x * * * *", `"x" is not the minute`, 4, 1},
		{"0, * * * *", "a value of the minute is missing", 2, 1},
		{"-5 * * * *", `"" is not the minute`, 0, 2},
		{"+5 * * * *", `"+5" is not the minute`, 0, 2},
		{"*/90 * * * *", "the step 90 is beyond the range 0-59 of the minute, so only 0 would be due", 0, 4},
		{"*/60 * * * *", "the step 60 is beyond the range 0-59 of the minute, so only 0 would be due", 0, 4},
		{"0 9-11/3 * * *", "the step 3 is beyond the range 9-11 of the hour, so only 9 would be due", 2, 6},
		{"*/0 * * * *", `"0" is not a step of the minute`, 0, 3},
		{"5/15 * * * *", `the step of "5/15" has no range`, 0, 4},
		{"0 22-2 * * *", `the range "22-2" of the hour ends before it begins`, 2, 4},
		{"0 0 L * *", `"L" is an extension that is not available`, 4, 1},
		{"0 0 ? * 1", `"?" is an extension that is not available`, 4, 1},
		{"0 0 31 2 *", "the cron line never fires: there is no such date in any year", 4, 4},
		{"0 0 31 4,6,9,11 *", "the cron line never fires: there is no such date in any year", 4, 11},
		{"0 0 */2 * 1", `"*/2" together with a day of the week is ambiguous: some crons take days that match both, others days that match either`, 4, 3},
		{"@reboot", `there is no "@reboot"`, 0, 7},
		{"@every 5m", "intervals are not cron lines", 0, 9},
		{"CRON_TZ=Europe/Berlin 0 3 * * *", "a cron line has no time zone in it", 0, 31},
	} {
		_, err := Parse(c.line)
		var wrong *SyntaxError
		if !errors.As(err, &wrong) {
			t.Errorf("%q: no error", c.line)
			continue
		}
		if wrong.Message != c.message || wrong.Offset != c.offset || wrong.Length != c.length || wrong.Help == "" {
			t.Errorf("%q: %+v, want %q at %d+%d with help", c.line, *wrong, c.message, c.offset, c.length)
		}
	}
}

func TestNext(t *testing.T) {
	for _, c := range []struct{ line, zone, after, want string }{
		{"*/15 * * * *", "UTC", "2026-03-01T10:00:00Z", "2026-03-01T10:15:00Z"},
		{"*/15 * * * *", "UTC", "2026-03-01T10:14:59.5Z", "2026-03-01T10:15:00Z"},
		{"0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"},
		{"0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"},
		{"0 12 13 * fri", "UTC", "2026-11-08T00:00:00Z", "2026-11-13T12:00:00Z"}, // either
		{"0 12 13 * fri", "UTC", "2026-11-13T12:00:00Z", "2026-11-20T12:00:00Z"},
		{"0 6 * * 7", "UTC", "2026-11-21T00:00:00Z", "2026-11-22T06:00:00Z"},
		{"@hourly", "Asia/Kolkata", "2026-11-21T00:00:00Z", "2026-11-21T00:30:00Z"},
		{"@yearly", "Pacific/Apia", "2011-06-01T00:00:00Z", "2011-12-31T10:00:00Z"},
		// Put forward: 2:30 does not exist, 3:00 CEST is the first instant after.
		{"30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},
		{"30 2 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"},
		{"0,30 2,3 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"},
		// Put back: 2:30 exists twice, the first one is CEST.
		{"30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"},
		{"30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
		// A line that names no hour does not pause.
		{"30 * * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"},
		// Midnight itself does not exist: Santiago, 6 September 2026.
		{"0 0 * * *", "America/Santiago", "2026-09-05T12:00:00Z", "2026-09-06T04:00:00Z"},
		// Half an hour: Lord Howe, 4 October 2026, 2:00 becomes 2:30.
		{"15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00Z", "2026-10-03T15:30:00Z"},
		// A day that did not exist: Samoa, 30 December 2011.
		{"0 9 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z", "2011-12-30T10:00:00Z"},
	} {
		s := Schedule{Cron: cron(t, c.line), Zone: zone(t, c.zone)}
		if got := s.Next(at(t, c.after)).Format(time.RFC3339); got != c.want {
			t.Errorf("%s after %s: %s, want %s", s, c.after, got, c.want)
		}
	}
	if got := (Schedule{}).Next(at(t, "2026-01-01T00:00:00Z")); !got.IsZero() {
		t.Errorf("a schedule that is never due is due at %s", got)
	}
}

func TestEvery(t *testing.T) {
	s := Schedule{Every: 15 * time.Minute}
	for after, want := range map[string]string{
		"2026-03-01T10:00:00Z": "2026-03-01T10:15:00Z", "2026-03-01T10:14:59Z": "2026-03-01T10:15:00Z", "1969-12-31T23:50:00Z": "1970-01-01T00:00:00Z",
	} {
		if got := s.Next(at(t, after)).Format(time.RFC3339); got != want {
			t.Errorf("after %s: %s, want %s", after, got, want)
		}
	}
}

// walked finds the instants at which a line is due by looking at a zone's clock minute by
// minute: a time is due when the clock first shows it or a later one.
func walked(c Cron, zone *time.Location, from, to time.Time) []time.Time {
	wallOf := func(t time.Time) time.Time {
		l := t.In(zone)
		return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), 0, 0, time.UTC)
	}
	matches := func(w time.Time) bool {
		return c.minutes>>w.Minute()&1 == 1 && c.hours>>w.Hour()&1 == 1 && c.on(int(w.Month()), w.Day(), int(w.Weekday()))
	}
	high := wallOf(from)
	var out []time.Time
	for t := from.Add(time.Minute); !t.After(to); t = t.Add(time.Minute) {
		now, due := wallOf(t), false
		for w := high.Add(time.Minute); !w.After(now); w = w.Add(time.Minute) {
			due = due || matches(w)
		}
		if now.After(high) {
			high = now
		} else if c.hours == 1<<24-1 {
			due = matches(now)
		}
		if due {
			out = append(out, t.UTC())
		}
	}
	return out
}

// TestNextIsTheClock compares Next with a walk over the changes of the clock of both halves
// of 2026, in zones that change by an hour, half an hour, at midnight, and never.
func TestNextIsTheClock(t *testing.T) {
	lines := []string{
		"* * * * *", "*/15 * * * *", "0 * * * *", "30 2 * * *", "30 1 * * *", "0 0 * * *", "15 2 * * *", "45 1,2,3 * * *", "30 23 * * *", "0 */2 * * *", "*/20 1-3 * * *",
		"0 3 * * sun", "30 0 * * 6,0", "5 * 25 10 *", "0,30 0-3 29 3 *", "59 23 4 4 *", "10 2 5 4 0",
	}
	for _, name := range []string{"Europe/Berlin", "America/New_York", "America/Santiago", "Australia/Lord_Howe", "Australia/Sydney", "Africa/Casablanca", "America/Havana", "Asia/Beirut", "America/Nuuk", "Asia/Kolkata", "UTC"} {
		z := zone(t, name)
		changes := []time.Time{time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)}
		for probe := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).In(z); ; {
			_, end := probe.ZoneBounds()
			if end.IsZero() || end.Year() > 2026 {
				break
			}
			changes = append(changes, end)
			probe = end.In(z)
		}
		if want := 3; name != "UTC" && name != "Asia/Kolkata" && len(changes) < want {
			t.Errorf("%s: the clock is changed %d times", name, len(changes)-1)
		}
		for _, change := range changes {
			from, to := change.UTC().Add(-49*time.Hour).Truncate(time.Minute), change.UTC().Add(49*time.Hour)
			for _, line := range lines {
				s := Schedule{Cron: cron(t, line), Zone: z}
				var got []time.Time
				for at := s.Next(from); !at.IsZero() && !at.After(to); at = s.Next(at) {
					got = append(got, at)
				}
				if d := cmp.Diff(walked(s.Cron, z, from, to), got); d != "" {
					t.Fatalf("%s around %s (-clock +Next):\n%s", s, change.In(z), d)
				}
			}
		}
	}
}

func TestDue(t *testing.T) {
	hourly := Schedule{Cron: cron(t, "0 * * * *")}
	nightly := Schedule{Cron: cron(t, "0 3 * * *")}
	for _, c := range []struct {
		name      string
		s         Schedule
		last, now string
		window    time.Duration
		want      Missed
	}{
		{"not yet", hourly, "2026-01-01T10:00:00Z", "2026-01-01T10:59:59Z", time.Hour, Missed{}},
		{"on time", hourly, "2026-01-01T10:00:00Z", "2026-01-01T11:00:00.2Z", 0, Missed{At: at(t, "2026-01-01T11:00:00Z")}},
		{"once only", hourly, "2026-01-01T11:00:00Z", "2026-01-01T11:00:10Z", time.Hour, Missed{}},
		{"no backlog", hourly, "2026-01-01T03:00:00Z", "2026-01-01T11:20:00Z", 24 * time.Hour, Missed{At: at(t, "2026-01-01T11:00:00Z"), Before: 7}},
		{"the window ends", nightly, "2026-01-01T03:00:00Z", "2026-01-02T05:00:01Z", 2 * time.Hour, Missed{At: at(t, "2026-01-02T03:00:00Z"), Late: true}},
		{"just in it", nightly, "2026-01-01T03:00:00Z", "2026-01-02T05:00:00Z", 2 * time.Hour, Missed{At: at(t, "2026-01-02T03:00:00Z")}},
		{"no window", nightly, "2026-01-01T03:00:00Z", "2026-01-02T03:02:00Z", 0, Missed{At: at(t, "2026-01-02T03:00:00Z"), Late: true}},
		{"older ones too", hourly, "2026-01-01T03:00:00Z", "2026-01-01T11:20:00Z", 2 * time.Hour, Missed{At: at(t, "2026-01-01T11:00:00Z"), Before: 2}},
		{"clock put back", hourly, "2026-01-01T12:00:00Z", "2026-01-01T11:00:00Z", time.Hour, Missed{}},
	} {
		if d := cmp.Diff(c.want, c.s.Due(at(t, c.last), at(t, c.now), c.window)); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}

func TestDueAfterYearsIsQuick(t *testing.T) {
	s := Schedule{Cron: cron(t, "* * * * *"), Zone: zone(t, "Europe/Berlin")}
	now := at(t, "2026-10-25T02:00:00Z")
	m := s.Due(now.AddDate(-5, 0, 0), now, 7*24*time.Hour)
	if !m.At.Equal(now) || m.Before < 10000 {
		t.Errorf("%+v", m)
	}
}

func TestLane(t *testing.T) {
	// a b c arrive, then whatever runs ends.
	for policy, want := range map[Overlap][]string{
		Skip:           {"start a", "drop b", "drop c", "start d"},
		QueueOne:       {"start a", "wait b", "drop b", "wait c", "start c", "wait d", "start d"},
		CancelPrevious: {"start a", "wait b", "cancel a", "drop b", "wait c", "start c", "wait d", "cancel c", "start d"},
	} {
		var l Lane
		var moves []Move
		var got []string
		note := func() {
			for _, m := range moves {
				got = append(got, fmt.Sprintf("%s %s", m.Step, m.Run))
			}
		}
		for _, id := range []string{"a", "b", "c"} {
			l, moves = l.Arrive(id, policy)
			note()
		}
		l, moves = l.Ended("a")
		note()
		l, moves = l.Ended("a") // told twice
		note()
		l, moves = l.Arrive("d", policy)
		note()
		for l.Running != "" {
			l, moves = l.Ended(l.Running)
			note()
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", policy, d)
		}
	}
}

func TestIntervals(t *testing.T) {
	for text, want := range map[string]string{"15m": "15m", "90s": "1m30s", "7d": "7d", "24h": "1d", "2h": "2h", "1h30m": "1h30m"} {
		d, err := ParseInterval(text)
		if err != nil || FormatInterval(d) != want {
			t.Errorf("%s: %s, %v; want %s", text, FormatInterval(d), err, want)
		}
	}
	for _, text := range []string{"", "0s", "500ms", "-5m", "1y", "400d", "-1d", "99999999999999999999d"} {
		if d, err := ParseInterval(text); err == nil {
			t.Errorf("%q is %s", text, d)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, line := range []string{"0 3 * * *", "*/5 1-3,7 29 2 mon", "@daily", "0 0 31 2 *", ",,- / * 1-"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		c, err := Parse(line)
		var wrong *SyntaxError
		if err != nil {
			if !errors.As(err, &wrong) || wrong.Message == "" || wrong.Offset < 0 || wrong.Offset > len(line) {
				t.Fatalf("%q: %#v", line, err)
			}
			return
		}
		if next := (Schedule{Cron: c}).Next(time.Unix(1_700_000_000, 0)); next.IsZero() {
			t.Fatalf("%q is accepted and never due", line)
		}
	})
}
