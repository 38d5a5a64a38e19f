package function

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // zones by name on hosts that have no zone files
)

// A DATE travels as days since 1970-01-01, a DATETIME as microseconds since 1970-01-01
// 00:00:00 of its own clock, a TIMESTAMP as microseconds since that instant in UTC, a TIME
// as microseconds since midnight. All calendar arithmetic is proleptic Gregorian.

// The bounds of the types.
const (
	minDate     = -719162               // 0001-01-01
	maxDate     = 2932896               // 9999-12-31
	minDatetime = minDate * microsOfDay // also of TIMESTAMP
	maxDatetime = (maxDate+1)*microsOfDay - 1
)

const (
	microsOfSecond = int64(1_000_000)
	microsOfMinute = 60 * microsOfSecond
	microsOfHour   = 60 * microsOfMinute
	microsOfDay    = 24 * microsOfHour
)

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

func floorMod(a, b int64) int64 { return a - b*floorDiv(a, b) }

func leap(year int64) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

func daysInMonth(year int64, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if leap(year) {
			return 29
		}
		return 28
	}
	return 31
}

// daysOf is the day number of a date of the proleptic Gregorian calendar (Howard Hinnant,
// "chrono-Compatible Low-Level Date Algorithms", days_from_civil).
func daysOf(year int64, month, day int) int64 {
	if month <= 2 {
		year--
	}
	era := floorDiv(year, 400)
	yoe := year - era*400
	m := int64(month)
	if m > 2 {
		m -= 3
	} else {
		m += 9
	}
	doy := (153*m+2)/5 + int64(day) - 1
	return era*146097 + yoe*365 + yoe/4 - yoe/100 + doy - 719468
}

// civil is the date of a day number (civil_from_days of the same source).
func civil(days int64) (year int64, month, day int) {
	days += 719468
	era := floorDiv(days, 146097)
	doe := days - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	year = yoe + era*400
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	day = int(doy - (153*mp+2)/5 + 1)
	month = int(mp) + 3
	if month > 12 {
		month -= 12
	}
	if month <= 2 {
		year++
	}
	return year, month, day
}

// weekday of a day number: 0 is Sunday.
func weekday(days int64) int { return int(floorMod(days+4, 7)) }

// isoWeek gives the ISO 8601 year and week of a day.
func isoWeek(days int64) (year int64, week int) {
	thursday := days - floorMod(days+3, 7) + 3
	year, _, _ = civil(thursday)
	return year, int((thursday-daysOf(year, 1, 1))/7) + 1
}

// isoYearStart is the Monday an ISO year begins with.
func isoYearStart(year int64) int64 {
	fourth := daysOf(year, 1, 4)
	return fourth - floorMod(fourth+3, 7)
}

func validDate(year int64, month, day int) bool {
	return year >= 1 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month)
}

// clock is a broken-down date and time.
type clock struct {
	year                 int64
	month, day           int
	hour, minute, second int
	micro                int
	days                 int64
}

// clockOf breaks down microseconds of a wall clock.
func clockOf(us int64) clock {
	days := floorDiv(us, microsOfDay)
	rest := us - days*microsOfDay
	var c clock
	c.days = days
	c.year, c.month, c.day = civil(days)
	c.hour = int(rest / microsOfHour)
	c.minute = int(rest / microsOfMinute % 60)
	c.second = int(rest / microsOfSecond % 60)
	c.micro = int(rest % microsOfSecond)
	return c
}

// yearDay is one based.
func (c clock) yearDay() int { return int(c.days-daysOf(c.year, 1, 1)) + 1 }

// zone is a time zone: an offset in seconds, or a location with rules.
type zone struct {
	offset int64
	loc    *time.Location
}

// zones caches what names mean; unknown names are kept too, up to a bound.
type zones struct {
	mu    sync.RWMutex
	known map[string]zoneEntry
}

type zoneEntry struct {
	zone zone
	err  error
}

const maxZones = 4096

func newZones() *zones { return &zones{known: map[string]zoneEntry{}} }

func (zs *zones) get(name string) (zone, error) {
	zs.mu.RLock()
	e, ok := zs.known[name]
	zs.mu.RUnlock()
	if ok {
		return e.zone, e.err
	}
	e.zone, e.err = loadZone(name)
	zs.mu.Lock()
	if len(zs.known) < maxZones {
		zs.known[strings.Clone(name)] = e
	}
	zs.mu.Unlock()
	return e.zone, e.err
}

// ZoneOffset says whether a name is a valid zone of a constant offset, and which, in seconds.
func ZoneOffset(name string) (seconds int64, ok bool) {
	z, err := loadZone(name)
	if err != nil || z.loc != nil {
		return 0, false
	}
	return z.offset, true
}

// ValidZone reports whether a name is a time zone GoogleSQL accepts.
func ValidZone(name string) bool {
	_, err := loadZone(name)
	return err == nil
}

// loadZone reads a zone: an offset such as +5, -08:30 or UTC+5, at most 14 hours, or a name
// of the IANA database.
func loadZone(name string) (zone, error) {
	if name == "" {
		return zone{}, errors.New("Invalid empty time zone") //nolint:staticcheck // GoogleSQL's words
	}
	bad := fmt.Errorf("Invalid time zone: %s", name) //nolint:staticcheck // GoogleSQL's words
	if name == "UTC" || name == "Etc/UTC" || name == "GMT" {
		return zone{}, nil
	}
	text := strings.TrimPrefix(name, "UTC")
	if text != "" && (text[0] == '+' || text[0] == '-') {
		seconds, ok := offsetSeconds(text)
		if !ok {
			return zone{}, bad
		}
		return zone{offset: seconds}, nil
	}
	if name == "Local" {
		return zone{}, bad
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return zone{}, bad
	}
	return zone{loc: loc}, nil
}

// offsetSeconds reads (+|-)H[H][[:]M[M]].
func offsetSeconds(s string) (int64, bool) {
	sign := int64(1)
	if s[0] == '-' {
		sign = -1
	}
	hour, n := digits(s[1:], 2)
	if n == 0 {
		return 0, false
	}
	rest := s[1+n:]
	minute := 0
	if rest != "" {
		rest = strings.TrimPrefix(rest, ":")
		minute, n = digits(rest, 2)
		if n == 0 || n != len(rest) {
			return 0, false
		}
	}
	if minute > 59 || hour*60+minute > 14*60 {
		return 0, false
	}
	return sign * int64(hour*3600+minute*60), true
}

// digits reads up to limit decimal digits: the number and how many.
func digits(s string, limit int) (value, n int) {
	for n < limit && n < len(s) && s[n] >= '0' && s[n] <= '9' {
		value = value*10 + int(s[n]-'0')
		n++
	}
	return value, n
}

// at is the offset from UTC, in seconds, at an instant.
func (z zone) at(us int64) int64 {
	if z.loc == nil {
		return z.offset
	}
	_, offset := time.UnixMicro(us).In(z.loc).Zone()
	return int64(offset)
}

// local is the wall clock at an instant.
func (z zone) local(us int64) int64 { return us + z.at(us)*microsOfSecond }

// minutes is the offset at an instant without its seconds, as texts show it.
func (z zone) minutes(us int64) int64 { return z.at(us) / 60 }

// shown is the wall clock that texts show: by the offset in whole minutes.
func (z zone) shown(us int64) int64 { return us + z.minutes(us)*microsOfMinute }

// instant is the instant of a wall clock. Where the clock shows a time twice it is the
// first; a time the clock skips is read by the offset before the skip.
func (z zone) instant(local int64) int64 {
	if z.loc == nil {
		return local - z.offset*microsOfSecond
	}
	before, after := z.at(local-microsOfDay), z.at(local+microsOfDay)
	first := local - before*microsOfSecond
	if z.at(first) == before {
		return first
	}
	second := local - after*microsOfSecond
	if before != after && z.at(second) == after {
		return second
	}
	if before == after {
		// Two changes within two days: the offset in between.
		middle := z.at(first)
		if t := local - middle*microsOfSecond; z.at(t) == middle {
			return t
		}
	}
	return first
}

// week is the first day of the week of a part: WEEK is Sunday (0), ISOWEEK Monday (1).
func week(part string) (int, bool) {
	switch part {
	case "WEEK", "WEEK_SUNDAY":
		return 0, true
	case "ISOWEEK", "WEEK_MONDAY":
		return 1, true
	case "WEEK_TUESDAY":
		return 2, true
	case "WEEK_WEDNESDAY":
		return 3, true
	case "WEEK_THURSDAY":
		return 4, true
	case "WEEK_FRIDAY":
		return 5, true
	case "WEEK_SATURDAY":
		return 6, true
	}
	return 0, false
}

// truncDay is the first day of the part a day lies in.
func truncDay(days int64, part string) (int64, error) {
	year, month, _ := civil(days)
	switch part {
	case "DAY":
	case "MONTH":
		days = daysOf(year, month, 1)
	case "QUARTER":
		days = daysOf(year, (month-1)/3*3+1, 1)
	case "YEAR":
		days = daysOf(year, 1, 1)
	case "ISOYEAR":
		iso, _ := isoWeek(days)
		days = isoYearStart(iso)
	default:
		first, ok := week(part)
		if !ok {
			return 0, fmt.Errorf("Unsupported DateTimestampPart %s", part) //nolint:staticcheck // GoogleSQL's words
		}
		days -= floorMod(int64(weekday(days)-first), 7)
	}
	if days < minDate || days > maxDate {
		return 0, fmt.Errorf("Truncating to %s resulted in an out of range date value: %d", part, days) //nolint:staticcheck // GoogleSQL's words
	}
	return days, nil
}

// addMonths moves a day by months; a day the month does not have becomes its last.
func addMonths(days, months int64) (int64, bool) {
	year, month, day := civil(days)
	if months > 200_000 || months < -200_000 {
		return 0, false
	}
	m := year*12 + int64(month) - 1 + months
	year, month = floorDiv(m, 12), int(floorMod(m, 12))+1
	if year < 1 || year > 9999 {
		return 0, false
	}
	return daysOf(year, month, min(day, daysInMonth(year, month))), true
}

func checkTimestamp(us int64) (int64, error) {
	if us < minDatetime || us > maxDatetime {
		return 0, errors.New("Timestamp is out of range 0001-01-01 to 9999-12-31") //nolint:staticcheck // GoogleSQL's words
	}
	return us, nil
}

// truncTimestamp truncates an instant as the clock of a zone shows it.
func truncTimestamp(us int64, part string, z zone) (int64, error) {
	var unit int64
	switch part {
	case "MICROSECOND":
		return us, nil
	case "MILLISECOND":
		unit = 1000
	case "SECOND":
		unit = microsOfSecond
	case "MINUTE":
		unit = microsOfMinute
	case "HOUR":
		unit = microsOfHour
	default:
		day, err := truncDay(floorDiv(z.local(us), microsOfDay), part)
		if err != nil {
			return 0, err
		}
		return checkTimestamp(z.instant(day * microsOfDay))
	}
	// Within a day the offset at the instant stays in force, so that the result never
	// lies in another occurrence of the hour.
	offset := z.at(us) * microsOfSecond
	return checkTimestamp(floorDiv(us+offset, unit)*unit - offset)
}

// timeFunctions are the functions on dates and times.
func timeFunctions() []Function {
	zs := newZones()
	return append([]Function{
		{
			// The wall clock of an instant.
			Name: "timestamp_local", Args: []Kind{Int64, String}, Result: Int64,
			Fn: func(a []any) (any, error) {
				z, err := zs.get(a[1].(string))
				if err != nil {
					return nil, err
				}
				us := z.local(a[0].(int64))
				if us < minDatetime || us > maxDatetime {
					return nil, errors.New("Invalid datetime extracted from timestamp: out of range") //nolint:staticcheck // GoogleSQL's words
				}
				return us, nil
			},
		},
		{
			// The instant of a wall clock.
			Name: "timestamp_instant", Args: []Kind{Int64, String}, Result: Int64,
			Fn: func(a []any) (any, error) {
				z, err := zs.get(a[1].(string))
				if err != nil {
					return nil, err
				}
				us, err := checkTimestamp(z.instant(a[0].(int64)))
				if err != nil {
					return nil, err
				}
				return us, nil
			},
		},
		{
			Name: "timestamp_trunc", Args: []Kind{Int64, String, String}, Result: Int64,
			Fn: func(a []any) (any, error) {
				z, err := zs.get(a[2].(string))
				if err != nil {
					return nil, err
				}
				us, err := truncTimestamp(a[0].(int64), a[1].(string), z)
				if err != nil {
					return nil, err
				}
				return us, nil
			},
		},
		{
			Name: "next_day", Args: []Kind{Int64, String}, Result: Int64,
			Fn: func(a []any) (any, error) { return nextDay(a[0].(int64), a[1].(string)) },
		},
	}, timeTextFunctions(zs)...)
}

// nextDay is the first day on or after a day that is a given day of the week.
func nextDay(days int64, name string) (any, error) {
	for i, full := range dayNames {
		if strings.EqualFold(name, full) || strings.EqualFold(name, full[:3]) {
			days += floorMod(int64(i-weekday(days)), 7)
			if days > maxDate {
				return nil, fmt.Errorf("Next day resulted in an out of range date value: %d", days) //nolint:staticcheck // GoogleSQL's words
			}
			return days, nil
		}
	}
	return nil, fmt.Errorf("Invalid day of week: %s", name) //nolint:staticcheck // GoogleSQL's words
}

var (
	dayNames   = [...]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}
	monthNames = [...]string{
		"January", "February", "March", "April", "May", "June",
		"July", "August", "September", "October", "November", "December",
	}
)
