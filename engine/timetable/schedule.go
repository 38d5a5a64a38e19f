package timetable

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	_ "time/tzdata" // zones on machines that have no database of them
)

// Schedule says when something is due: by a cron line on the clock of a zone, or every so
// often. The zero value is never due by itself. Immutable.
type Schedule struct {
	Cron Cron
	Zone *time.Location // of Cron; nil is UTC
	// Every is the interval; due are its multiples since 1970 UTC, so that restarts do not
	// shift them, and all instances agree.
	Every time.Duration
}

// String is the schedule for people: «0 3 * * * Europe/Berlin», «every 15m».
func (s Schedule) String() string {
	switch {
	case s.Every > 0:
		return "every " + FormatInterval(s.Every)
	case s.Cron.text == "":
		return "never"
	}
	return s.Cron.text + " " + s.zone().String()
}

func (s Schedule) zone() *time.Location {
	if s.Zone == nil {
		return time.UTC
	}
	return s.Zone
}

// horizon is how far the next time of a cron line can be: 29 February comes about once in 8
// years around 2100, and may have to be a certain day of the week nowhere (see Cron.on).
const horizon = 9 * 366

// Next is the first instant after the given one at which the schedule is due; zero if there
// is none.
//
// A time of day that does not exist, because the clock is put forward over it, is due at the
// first instant after the gap, together with others in it once. One that exists twice,
// because the clock is put back, is due the first time only; but a line that names no hour
// (0 * * * *) is due in each hour that goes by, so that it does not pause.
func (s Schedule) Next(after time.Time) time.Time {
	if s.Every > 0 {
		n := after.UnixNano() / int64(s.Every)
		if at := time.Unix(0, n*int64(s.Every)); at.After(after) { // before 1970 division rounds up
			return at.UTC()
		}
		return time.Unix(0, (n+1)*int64(s.Every)).UTC()
	}
	if s.Cron.minutes == 0 {
		return time.Time{}
	}
	named := s.named(after)
	if s.Cron.everyHour() {
		if again := s.passing(after, named); !again.IsZero() {
			return again
		}
	}
	return named
}

// named is the next instant at which the zone's clock gets to a time that the line names, or
// jumps over it. The clock gets there the first time in the order of the times themselves.
func (s Schedule) named(after time.Time) time.Time {
	zone := s.zone()
	y, m, d := after.In(zone).Date()
	// The day before: its times may have been jumped over into this one.
	day := time.Date(y, m, d-1, 0, 0, 0, 0, time.UTC)
	for range horizon {
		if s.Cron.on(int(day.Month()), day.Day(), int(day.Weekday())) {
			for hour := range 24 {
				last := day.Add(time.Duration(hour)*time.Hour + 59*time.Minute)
				if s.Cron.hours&(1<<hour) == 0 || !reached(last, zone).After(after) {
					continue
				}
				for minute := range 60 {
					if s.Cron.minutes&(1<<minute) == 0 {
						continue
					}
					wall := day.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
					if at := reached(wall, zone); at.After(after) {
						return at
					}
				}
			}
		}
		day = day.AddDate(0, 0, 1)
	}
	return time.Time{}
}

// passing is the next instant before the given one at which the zone's clock shows a time
// that the line names, be it for the second time.
func (s Schedule) passing(after, before time.Time) time.Time {
	zone := s.zone()
	for t := after.Truncate(time.Minute).Add(time.Minute); t.Before(before); {
		local := t.In(zone)
		switch {
		case !s.Cron.on(int(local.Month()), local.Day(), int(local.Weekday())):
			if local.Hour() < 20 { // no clock is changed by so much that the day would be over
				t = t.Add(time.Hour)
				continue
			}
		case s.Cron.minutes&(1<<local.Minute()) != 0:
			return t.UTC()
		}
		t = t.Add(time.Minute)
	}
	return time.Time{}
}

// reached is the first instant at which the clock of a zone shows at least wall, which is
// written as a time of UTC.
func reached(wall time.Time, zone *time.Location) time.Time {
	// No clock differs from UTC by more than 26 hours, and none is changed by more than 24.
	for t := wall.Add(-52 * time.Hour).In(zone); ; {
		start, end := t.ZoneBounds()
		_, offset := t.Zone()
		at := wall.Add(-time.Duration(offset) * time.Second)
		if end.IsZero() || at.Before(end) {
			if !start.IsZero() && at.Before(start) {
				at = start
			}
			return at.UTC()
		}
		t = end.In(zone)
	}
}

// Grace is how late a run may begin and still be on time: what looks at the clock does so
// now and then.
const Grace = time.Minute

// Missed is what became due between two looks at the clock.
type Missed struct {
	// At is the last instant at which the schedule was due, zero if it was not.
	At time.Time
	// Late: At is longer ago than the window, so that nothing is to be run for it.
	Late bool
	// Before is how many times it was due before At, those before the window counting as one.
	// They are not made up for: one run sees what all of them would have seen.
	Before int
}

// Due says what became due after last and until now. window is how long ago that may be to
// be made up for; Grace at least. A clock that was put back makes nothing due twice.
func (s Schedule) Due(last, now time.Time, window time.Duration) Missed {
	var out Missed
	from := last
	if earliest := now.Add(-max(window, Grace)); from.Before(earliest) {
		// What is older than the window is never run; whether there was any, one question tells.
		at := s.Next(last)
		if !at.IsZero() && at.Before(earliest) {
			out.At, out.Late = at, true
		}
		from = earliest.Add(-1)
	}
	for at := s.Next(from); !at.IsZero() && !at.After(now); at = s.Next(at) {
		if !out.At.IsZero() {
			out.Before++
		}
		out.At, out.Late = at, false
	}
	return out
}

// shortest and Longest are bounds of intervals.
const (
	shortest = time.Second
	Longest  = 366 * 24 * time.Hour
)

// ParseInterval reads a time as «90s», «15m», «1h30m» or «7d», from shortest to Longest.
func ParseInterval(text string) (time.Duration, error) {
	d, err := ParseSpan(text)
	if err != nil {
		return 0, err
	}
	if d < shortest {
		return 0, fmt.Errorf("%q is shorter than a second", text)
	}
	return d, nil
}

// ParseSpan is ParseInterval for times that may be 0.
func ParseSpan(text string) (time.Duration, error) {
	text = strings.TrimSpace(text)
	d, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n uint64
		if n, err = strconv.ParseUint(days, 10, 16); err == nil {
			d = time.Duration(n) * 24 * time.Hour
		}
	}
	if err != nil || d < 0 || d > Longest {
		return 0, fmt.Errorf("%q is not a time up to %d days", text, int(Longest/(24*time.Hour)))
	}
	return d, nil
}

// FormatInterval is a time as ParseInterval reads it.
func FormatInterval(d time.Duration) string {
	if d >= 24*time.Hour && d%(24*time.Hour) == 0 {
		return strconv.Itoa(int(d/(24*time.Hour))) + "d"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
