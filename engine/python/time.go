package python

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Date is a date of Python, Datetime a time without a zone, Duration a timedelta. The clock is
// nowhere here: what it is now differs from run to run.
type (
	Date     struct{ t time.Time }
	Datetime struct{ t time.Time }
	Duration struct{ d time.Duration }
)

// maxYears bounds moments, as Python does.
func bounded(t time.Time) (time.Time, error) {
	if t.Year() < 1 || t.Year() > 9999 {
		return t, fmt.Errorf("the year %d is out of range", t.Year())
	}
	return t, nil
}

func (a Args) ints(names ...string) ([]int, error) {
	out := make([]int, len(names))
	for i, name := range names {
		n, err := a.int(i, name, 0)
		if err != nil {
			return nil, err
		}
		if n < -1<<31 || n > 1<<31 {
			return nil, fmt.Errorf("%d is out of range", n)
		}
		out[i] = int(n)
	}
	return out, nil
}

func moment(n []int) (time.Time, error) {
	t := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], n[6]*1000, time.UTC)
	if t.Year() != n[0] || int(t.Month()) != n[1] || t.Day() != n[2] || t.Hour() != n[3] || t.Minute() != n[4] || t.Second() != n[5] {
		return t, fmt.Errorf("there is no such time")
	}
	return bounded(t)
}

func newDate(a Args) (any, error) {
	n, err := a.ints("year", "month", "day")
	if err != nil {
		return nil, err
	}
	t, err := moment(append(n, 0, 0, 0, 0))
	return Date{t}, err
}

func newDatetime(a Args) (any, error) {
	n, err := a.ints("year", "month", "day", "hour", "minute", "second", "microsecond")
	if err != nil {
		return nil, err
	}
	t, err := moment(n)
	return Datetime{t}, err
}

func newDuration(a Args) (any, error) {
	var sum time.Duration
	for i, unit := range []struct {
		name string
		of   time.Duration
	}{{"days", 24 * time.Hour}, {"seconds", time.Second}, {"microseconds", time.Microsecond}, {"milliseconds", time.Millisecond}, {"minutes", time.Minute}, {"hours", time.Hour}, {"weeks", 7 * 24 * time.Hour}} {
		v, ok := a.at(i, unit.name)
		if !ok {
			continue
		}
		n, f, whole, ok := number(v)
		if whole {
			f = float64(n)
		}
		if !ok || f*float64(unit.of) > 1<<62 || f*float64(unit.of) < -1<<62 {
			return nil, fmt.Errorf("%s is out of range", unit.name)
		}
		if whole {
			sum += time.Duration(n) * unit.of
		} else {
			sum += time.Duration(f * float64(unit.of)).Round(time.Microsecond)
		}
	}
	return Duration{sum}, nil
}

func isoDate(a Args) (any, error) {
	t, err := time.Parse(time.DateOnly, a.text(0, "date_string", ""))
	if err != nil {
		return nil, fmt.Errorf("%q is no date", a.text(0, "date_string", ""))
	}
	return Date{t}, nil
}

func isoDatetime(a Args) (any, error) {
	s := a.text(0, "date_string", "")
	for _, layout := range []string{time.DateOnly, "2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return Datetime{t.Truncate(time.Microsecond)}, nil
		}
	}
	return nil, fmt.Errorf("%q is no time without a zone", s)
}

func combined(a Args) (any, error) {
	v, _ := a.at(0, "date")
	if d, ok := v.(Date); ok && len(a.List) == 1 {
		return Datetime(d), nil
	}
	return nil, fmt.Errorf("want a date alone")
}

// parsedTime is strptime.
func parsedTime(a Args) (any, error) {
	s, format := a.text(0, "date_string", ""), a.text(1, "format", "")
	wrong := fmt.Errorf("%q does not look like %q", s, format)
	n := []int{1900, 1, 1, 0, 0, 0, 0}
	afternoon, rest := -1, s
	digits := func(most int) (int, bool) {
		i, v := 0, 0
		for i < most && i < len(rest) && rest[i] >= '0' && rest[i] <= '9' {
			v = v*10 + int(rest[i]-'0')
			i++
		}
		rest = rest[i:]
		return v, i > 0
	}
	word := func(full func(int) string, count int) (int, bool) {
		for _, short := range []bool{false, true} {
			for i := range count {
				name := full(i)
				if short {
					name = name[:3]
				}
				if len(rest) >= len(name) && strings.EqualFold(rest[:len(name)], name) {
					rest = rest[len(name):]
					return i, true
				}
			}
		}
		return 0, false
	}
	for i := 0; i < len(format); i++ {
		c := format[i]
		if c != '%' || i+1 == len(format) {
			if unicode.IsSpace(rune(c)) {
				rest = strings.TrimLeft(rest, " \t\n")
				continue
			}
			if rest == "" || rest[0] != c {
				return nil, wrong
			}
			rest = rest[1:]
			continue
		}
		i++
		ok := true
		switch format[i] {
		case 'Y':
			n[0], ok = digits(4)
		case 'y':
			if n[0], ok = digits(2); n[0] < 69 {
				n[0] += 2000
			} else {
				n[0] += 1900
			}
		case 'm':
			n[1], ok = digits(2)
		case 'd':
			n[2], ok = digits(2)
		case 'H', 'I':
			n[3], ok = digits(2)
		case 'M':
			n[4], ok = digits(2)
		case 'S':
			n[5], ok = digits(2)
		case 'f':
			before := len(rest)
			n[6], ok = digits(6)
			for k := before - len(rest); k < 6; k++ {
				n[6] *= 10
			}
		case 'B', 'b':
			var m int
			m, ok = word(func(i int) string { return time.Month(i + 1).String() }, 12)
			n[1] = m + 1
		case 'A', 'a':
			_, ok = word(func(i int) string { return time.Weekday(i).String() }, 7)
		case 'p':
			ok = len(rest) >= 2 && (strings.EqualFold(rest[:2], "am") || strings.EqualFold(rest[:2], "pm"))
			if ok {
				if afternoon = 0; strings.EqualFold(rest[:2], "pm") {
					afternoon = 12
				}
				rest = rest[2:]
			}
		case '%':
			if ok = strings.HasPrefix(rest, "%"); ok {
				rest = rest[1:]
			}
		default:
			return nil, fmt.Errorf("%%%c is not read here", format[i])
		}
		if !ok {
			return nil, wrong
		}
	}
	if rest != "" {
		return nil, wrong
	}
	if afternoon >= 0 {
		n[3] = n[3]%12 + afternoon
	}
	t, err := moment(n)
	if err != nil {
		return nil, wrong
	}
	return Datetime{t}, nil
}

// strftime writes a moment as C does in the English locale.
func strftime(t time.Time, format string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		c := format[i]
		if c != '%' || i+1 == len(format) {
			b.WriteByte(c)
			continue
		}
		i++
		plain := false
		if format[i] == '-' && i+1 < len(format) { // GNU: without zeros in front
			plain = true
			i++
		}
		num := func(n, wide int) {
			if plain {
				wide = 0
			}
			fmt.Fprintf(&b, "%0*d", wide, n)
		}
		switch format[i] {
		case 'Y':
			fmt.Fprintf(&b, "%d", t.Year())
		case 'y':
			num(t.Year()%100, 2)
		case 'm':
			num(int(t.Month()), 2)
		case 'd':
			num(t.Day(), 2)
		case 'e':
			fmt.Fprintf(&b, "%2d", t.Day())
		case 'H':
			num(t.Hour(), 2)
		case 'I':
			num((t.Hour()+11)%12+1, 2)
		case 'M':
			num(t.Minute(), 2)
		case 'S':
			num(t.Second(), 2)
		case 'f':
			fmt.Fprintf(&b, "%06d", t.Nanosecond()/1000)
		case 'j':
			num(t.YearDay(), 3)
		case 'B':
			b.WriteString(t.Month().String())
		case 'b', 'h':
			b.WriteString(t.Month().String()[:3])
		case 'A':
			b.WriteString(t.Weekday().String())
		case 'a':
			b.WriteString(t.Weekday().String()[:3])
		case 'w':
			fmt.Fprintf(&b, "%d", t.Weekday())
		case 'u':
			fmt.Fprintf(&b, "%d", isoWeekday(t))
		case 'V':
			_, week := t.ISOWeek()
			num(week, 2)
		case 'G':
			year, _ := t.ISOWeek()
			fmt.Fprintf(&b, "%d", year)
		case 'F':
			b.WriteString(t.Format(time.DateOnly))
		case 'T', 'X':
			b.WriteString(t.Format(time.TimeOnly))
		case 'p':
			b.WriteString(t.Format("PM"))
		case 'z', 'Z': // no zone
		case '%':
			b.WriteByte('%')
		default:
			return "", fmt.Errorf("%%%c is not written here", format[i])
		}
	}
	return b.String(), nil
}

func isoWeekday(t time.Time) int64 { return int64((t.Weekday()+6)%7) + 1 }

// momentOf is what a date or a time holds.
func momentOf(v any) (t time.Time, date, ok bool) {
	switch v := v.(type) {
	case Date:
		return v.t, true, true
	case Datetime:
		return v.t, false, true
	}
	return t, false, false
}

// timeText is str of them.
func timeText(v any) (string, bool) {
	if d, ok := v.(Duration); ok {
		days := int64(d.d / (24 * time.Hour))
		rest := d.d % (24 * time.Hour)
		if rest < 0 {
			days, rest = days-1, rest+24*time.Hour
		}
		out := fmt.Sprintf("%d:%02d:%02d", rest/time.Hour, rest%time.Hour/time.Minute, rest%time.Minute/time.Second)
		if us := rest % time.Second / time.Microsecond; us > 0 {
			out += fmt.Sprintf(".%06d", us)
		}
		switch days {
		case 0:
			return out, true
		case 1, -1:
			return fmt.Sprintf("%d day, %s", days, out), true
		}
		return fmt.Sprintf("%d days, %s", days, out), true
	}
	t, date, ok := momentOf(v)
	if !ok {
		return "", false
	}
	return isoText(t, date, " "), true
}

// timeRepr is repr of them.
func timeRepr(v any) string {
	t, date, ok := momentOf(v)
	n := []int{t.Year(), int(t.Month()), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond() / 1000}
	if d, long := v.(Duration); long {
		days, _ := timeAttr(d, "days")
		seconds, _ := timeAttr(d, "seconds")
		us, _ := timeAttr(d, "microseconds")
		var parts []string
		for _, p := range []struct {
			name string
			v    any
		}{{"days", days}, {"seconds", seconds}, {"microseconds", us}} {
			if p.v != int64(0) {
				parts = append(parts, fmt.Sprintf("%s=%d", p.name, p.v))
			}
		}
		if parts == nil {
			parts = []string{"0"}
		}
		return "datetime.timedelta(" + strings.Join(parts, ", ") + ")"
	}
	if !ok {
		return fmt.Sprint(v)
	}
	if date {
		n = n[:3]
	} else {
		for len(n) > 5 && n[len(n)-1] == 0 {
			n = n[:len(n)-1]
		}
	}
	return "datetime." + map[bool]string{true: "date", false: "datetime"}[date] + "(" + strings.Trim(strings.ReplaceAll(fmt.Sprint(n), " ", ", "), "[]") + ")"
}

func isoText(t time.Time, date bool, sep string) string {
	out := fmt.Sprintf("%04d-%02d-%02d", t.Year(), t.Month(), t.Day())
	if date {
		return out
	}
	out += sep + t.Format(time.TimeOnly)
	if us := t.Nanosecond() / 1000; us > 0 {
		out += fmt.Sprintf(".%06d", us)
	}
	return out
}

// timeAttr are their attributes.
func timeAttr(v any, name string) (any, bool) {
	if d, ok := v.(Duration); ok {
		days := int64(d.d / (24 * time.Hour))
		rest := d.d % (24 * time.Hour)
		if rest < 0 {
			days, rest = days-1, rest+24*time.Hour
		}
		switch name {
		case "days":
			return days, true
		case "seconds":
			return int64(rest / time.Second), true
		case "microseconds":
			return int64(rest % time.Second / time.Microsecond), true
		}
		return nil, false
	}
	t, date, ok := momentOf(v)
	if !ok {
		return nil, false
	}
	switch name {
	case "year":
		return int64(t.Year()), true
	case "month":
		return int64(t.Month()), true
	case "day":
		return int64(t.Day()), true
	}
	if date {
		return nil, false
	}
	switch name {
	case "hour":
		return int64(t.Hour()), true
	case "minute":
		return int64(t.Minute()), true
	case "second":
		return int64(t.Second()), true
	case "microsecond":
		return int64(t.Nanosecond() / 1000), true
	}
	return nil, false
}

func ofTime(v any, name string, a Args) (any, bool, error) {
	if d, ok := v.(Duration); ok {
		if name == "total_seconds" {
			return d.d.Seconds(), true, nil
		}
		return nil, false, nil
	}
	t, date, _ := momentOf(v)
	switch name {
	case "strftime":
		out, err := strftime(t, a.text(0, "format", ""))
		return out, true, err
	case "isoformat":
		return isoText(t, date, a.text(0, "sep", "T")), true, nil
	case "weekday":
		return isoWeekday(t) - 1, true, nil
	case "isoweekday":
		return isoWeekday(t), true, nil
	case "toordinal":
		return int64(t.Sub(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC))/(24*time.Hour)) + 1, true, nil
	case "date":
		if !date {
			y, m, d := t.Date()
			return Date{time.Date(y, m, d, 0, 0, 0, 0, time.UTC)}, true, nil
		}
	case "replace":
		n := []int{t.Year(), int(t.Month()), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond() / 1000}
		for i, part := range []string{"year", "month", "day", "hour", "minute", "second", "microsecond"} {
			k, err := a.int(i, part, int64(n[i]))
			if err != nil {
				return nil, true, err
			}
			n[i] = int(k)
		}
		t, err := moment(n)
		if date {
			return Date{t}, true, err
		}
		return Datetime{t}, true, err
	}
	return nil, false, nil
}

// timeOp is + and - with a moment or a duration on one side.
func timeOp(op string, a, b any) (any, bool, error) {
	x, xDate, xMoment := momentOf(a)
	y, yDate, yMoment := momentOf(b)
	d, aLong := a.(Duration)
	e, bLong := b.(Duration)
	sum := func(t time.Time, date bool, d time.Duration) (any, bool, error) {
		if date { // whole days count
			days := d / (24 * time.Hour)
			if d%(24*time.Hour) < 0 {
				days--
			}
			t, err := bounded(t.AddDate(0, 0, int(days)))
			return Date{t}, true, err
		}
		t, err := bounded(t.Add(d))
		return Datetime{t}, true, err
	}
	switch {
	case op == "+" && xMoment && bLong:
		return sum(x, xDate, e.d)
	case op == "+" && aLong && yMoment:
		return sum(y, yDate, d.d)
	case op == "-" && xMoment && bLong:
		return sum(x, xDate, -e.d)
	case op == "-" && xMoment && yMoment && xDate == yDate:
		if years := x.Year() - y.Year(); years > 290 || years < -290 {
			return nil, true, fmt.Errorf("the times are too far apart")
		}
		return Duration{x.Sub(y)}, true, nil
	case op == "+" && aLong && bLong:
		return Duration{d.d + e.d}, true, nil
	case op == "-" && aLong && bLong:
		return Duration{d.d - e.d}, true, nil
	}
	if n, _, whole, ok := number(b); aLong && ok && whole && op == "*" {
		return Duration{d.d * time.Duration(n)}, true, nil
	}
	return nil, false, nil
}

// timeCompare orders moments, and durations.
func timeCompare(a, b any) (int, bool) {
	x, xDate, ok := momentOf(a)
	y, yDate, ok2 := momentOf(b)
	if ok && ok2 && xDate == yDate {
		return x.Compare(y), true
	}
	d, ok := a.(Duration)
	e, ok2 := b.(Duration)
	if ok && ok2 {
		return cmp.Compare(d.d, e.d), true
	}
	return 0, false
}
