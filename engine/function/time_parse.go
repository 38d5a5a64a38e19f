package function

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// timeParser reads a text by a format of PARSE_DATE and its like.
//
// The elements are those of strptime in the C locale with GoogleSQL's own. As in
// GoogleSQL, a later element wins over an earlier one that says the same; the days of the
// year (%j, %J) and weeks (%U, %W) count only if they come after what they contradict; an
// ISO year (%G) counts only if no other part of the date is there.
type timeParser struct {
	s      string
	at     int
	failed bool

	year                     int64 // of the tm struct: full year, or two digits with century
	month, day               int
	hour, minute, second     int
	micro                    int
	century                  int
	useCentury, setCentury   bool
	twelve, afternoon        bool
	epoch                    int64
	sawEpoch                 bool
	zone                     zone
	offset                   int64 // minutes
	sawOffset                bool
	position                 int // of the current element, one based
	lastYear, lastMonth      int
	lastDay                  int
	plain                    bool // a part of the date that is not ISO's is there
	week, yearDay            part
	isoYear, isoWeek, isoDay part
	weekdayAt                int // position of the last weekday
	weekMonday               bool
	versionTwo               bool
}

// part is a number an element gave and the element's position; 0 is none.
type part struct{ value, at int }

func space(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func (p *timeParser) skipSpace() {
	for p.at < len(p.s) && space(p.s[p.at]) {
		p.at++
	}
}

// number reads up to width characters of an integer between least and most.
func (p *timeParser) number(width, least, most int) int {
	if p.failed {
		return 0
	}
	start := p.at
	negative := false
	if width > 0 && p.at < len(p.s) && p.s[p.at] == '-' {
		negative = true
		p.at++
		width--
	}
	first := p.at
	value := int64(0)
	for p.at-first < width && p.at < len(p.s) && p.s[p.at] >= '0' && p.s[p.at] <= '9' {
		value = value*10 + int64(p.s[p.at]-'0')
		if value > 1e15 {
			p.failed = true
			return 0
		}
		p.at++
	}
	if negative {
		value = -value
	}
	if p.at == first || negative && value == 0 || value < int64(least) || value > int64(most) {
		p.at, p.failed = start, true
		return 0
	}
	return int(value)
}

func (p *timeParser) expect(c byte) {
	if p.failed {
		return
	}
	if p.at < len(p.s) && p.s[p.at] == c {
		p.at++
		return
	}
	p.failed = true
}

// name matches one of the names, whole or by its first three letters, without regard to case.
func (p *timeParser) name(names []string) int {
	if p.failed {
		return 0
	}
	rest := p.s[p.at:]
	for i, n := range names {
		for _, form := range [...]string{n, n[:3]} {
			if len(rest) >= len(form) && strings.EqualFold(rest[:len(form)], form) {
				p.at += len(form)
				return i
			}
		}
	}
	p.failed = true
	return 0
}

func (p *timeParser) meridian() {
	if p.failed || len(p.s)-p.at < 2 || p.s[p.at+1]|0x20 != 'm' {
		p.failed = true
		return
	}
	switch p.s[p.at] | 0x20 {
	case 'p':
		p.afternoon = true
	case 'a':
		p.afternoon = false
	default:
		p.failed = true
		return
	}
	p.at += 2
}

func (p *timeParser) hour12() {
	p.skipSpace()
	if h := p.number(2, 1, 12); !p.failed {
		p.hour, p.twelve = h%12, true
	}
}

// zoneOffset reads +HH[MM] or, with a separator, +HH[:MM].
func (p *timeParser) zoneOffset(colon bool) error {
	if p.failed || p.at >= len(p.s) || p.s[p.at] != '+' && p.s[p.at] != '-' {
		p.failed = true
		return nil
	}
	negative := p.s[p.at] == '-'
	h, n := digits(p.s[p.at+1:], 2)
	if n != 2 || h > 23 {
		p.failed = true
		return nil
	}
	p.at += 3
	next := p.at
	if colon && next < len(p.s) && p.s[next] == ':' {
		next++
	}
	m, n := digits(p.s[min(next, len(p.s)):], 2)
	if n == 2 && m <= 59 {
		p.at = next + 2
	} else {
		m = 0
		p.at = next
	}
	p.offset = int64(h*60 + m)
	if negative {
		p.offset = -p.offset
	}
	if p.offset > 14*60 || p.offset < -14*60 {
		return errors.New("Timezone offset out of valid range -14:00 to +14:00") //nolint:staticcheck // GoogleSQL's words
	}
	p.sawOffset = true
	return nil
}

// fraction reads .F of up to limit digits (0: any number); digits past the sixth are dropped.
func (p *timeParser) fraction(limit int) {
	if p.failed || p.at >= len(p.s) || p.s[p.at] != '.' {
		return
	}
	p.at++
	start, micro, n := p.at, 0, 0
	for p.at < len(p.s) && p.s[p.at] >= '0' && p.s[p.at] <= '9' && (limit == 0 || p.at-start < limit) {
		if n < 6 {
			micro = micro*10 + int(p.s[p.at]-'0')
			n++
		}
		p.at++
	}
	if p.at == start {
		p.failed = true
		return
	}
	for ; n < 6; n++ {
		micro *= 10
	}
	p.micro = micro
}

func (p *timeParser) setYear()  { p.lastYear, p.plain = p.position, true }
func (p *timeParser) setMonth() { p.lastMonth, p.plain = p.position, true }
func (p *timeParser) setDay()   { p.lastDay, p.plain = p.position, true }

// fullYear reads a year; followed by another element it has at most four digits.
func (p *timeParser) fullYear(next string) {
	width, most := 5, 10000
	if strings.HasPrefix(next, "%") {
		width, most = 4, 9999
	}
	p.year = int64(p.number(width, 0, most))
	p.useCentury, p.setCentury = false, false
	p.setYear()
}

func (p *timeParser) shortYear() {
	p.year = int64(p.number(2, 0, 99))
	if !p.failed && !p.setCentury {
		p.century = 19
		if p.year < 69 {
			p.century = 20
		}
	}
	p.useCentury = true
	p.setYear()
}

func (p *timeParser) centuryOf(next string) {
	width, most := 3, 100
	if strings.HasPrefix(next, "%") {
		width, most = 2, 99
	}
	c := p.number(width, 0, most)
	if !p.failed {
		p.century = c
		if !p.useCentury {
			p.year = 0
		}
	}
	p.useCentury, p.setCentury = true, true
	p.setYear()
}

// parse reads the text by the format.
func (p *timeParser) parse(format string, zs *zones) error {
	p.s = strings.TrimSuffix(p.s, "\x00")
	format = strings.TrimSuffix(format, "\x00")
	text := p.s
	p.year, p.month, p.day = 1970, 1, 1
	p.skipSpace()
	i := 0
	for !p.failed && p.at < len(p.s) && i < len(format) {
		c := format[i]
		if space(c) {
			p.skipSpace()
			for i < len(format) && space(format[i]) {
				i++
			}
			continue
		}
		if c != '%' {
			if p.s[p.at] != c {
				return fmt.Errorf("Mismatch between format character '%c' and string character '%c'", c, p.s[p.at]) //nolint:staticcheck // GoogleSQL's words
			}
			p.at++
			i++
			continue
		}
		i++
		if i == len(format) {
			return errors.New("Format string cannot end with a single '%'") //nolint:staticcheck // GoogleSQL's words
		}
		p.position++
		used, err := p.element(format[i:], zs)
		if err != nil {
			return err
		}
		i += used
	}
	if p.twelve && p.afternoon {
		p.hour += 12
	}
	if !p.failed {
		p.skipSpace()
	}
	for i < len(format) {
		if space(format[i]) {
			i++
			continue
		}
		if format[i] == '%' && i+1 < len(format) && (format[i+1] == 'n' || format[i+1] == 't') {
			i += 2
			continue
		}
		break
	}
	if p.failed || p.at != len(p.s) || i != len(format) {
		return fmt.Errorf("Failed to parse input string %s", strconv.Quote(text)) //nolint:staticcheck // GoogleSQL's words
	}
	return nil
}

// element reads one element; spec is the format after the percent sign. It gives the
// length of the element.
func (p *timeParser) element(spec string, zs *zones) (int, error) {
	if spec[0] == 'E' && len(spec) > 1 {
		if used, err := p.extended(spec[1:]); used > 0 || err != nil {
			return used + 1, err
		}
		if strings.IndexByte("cxX", spec[1]) >= 0 {
			used, err := p.element(spec[1:], zs)
			return used + 1, err
		}
		p.failed = true
		return 2, nil
	}
	if spec[0] == 'O' && len(spec) > 1 && strings.IndexByte("deHImMSuUVwWy", spec[1]) >= 0 {
		used, err := p.element(spec[1:], zs)
		return used + 1, err
	}
	after := spec[1:]
	switch spec[0] {
	case 'Y':
		p.fullYear(after)
	case 'C':
		p.centuryOf(after)
	case 'y':
		p.shortYear()
	case 'm':
		p.month = p.number(2, 1, 12)
		p.setMonth()
	case 'B', 'b', 'h':
		p.month = p.name(monthNames[:]) + 1
		p.setMonth()
	case 'd':
		p.day = p.number(2, 1, 31)
		p.setDay()
	case 'e':
		p.skipSpace()
		p.day = p.number(2, 1, 31)
		p.setDay()
	case 'Q':
		if q := p.number(1, 1, 4); !p.failed {
			p.month, p.day = (q-1)*3+1, 1
		}
		p.setMonth()
		p.setDay()
	case 'H':
		p.hour, p.twelve = p.number(2, 0, 23), false
	case 'k':
		p.skipSpace()
		p.hour, p.twelve = p.number(2, 0, 23), false
	case 'I', 'l':
		p.hour12()
	case 'M':
		p.minute = p.number(2, 0, 59)
	case 'S':
		p.second = p.number(2, 0, 60)
	case 'p', 'P':
		p.meridian()
	case 'r':
		p.hour12()
		p.expect(':')
		p.minute = p.number(2, 0, 59)
		p.expect(':')
		p.second = p.number(2, 0, 60)
		p.skipSpace()
		p.meridian()
	case 'R':
		p.clock(false)
	case 'T', 'X':
		p.clock(true)
	case 'D', 'x':
		p.skipSpace()
		p.month = p.number(2, 1, 12)
		p.expect('/')
		p.skipSpace()
		p.day = p.number(2, 1, 31)
		p.expect('/')
		p.skipSpace()
		p.useCentury, p.setCentury = false, false
		if y := int64(p.number(2, 0, 99)); y < 69 {
			p.year = 2000 + y
		} else {
			p.year = 1900 + y
		}
		p.setYear()
		p.setMonth()
		p.setDay()
	case 'F':
		p.skipSpace()
		p.year = int64(p.number(4, 0, 9999))
		p.useCentury, p.setCentury = false, false
		p.expect('-')
		p.skipSpace()
		p.month = p.number(2, 1, 12)
		p.expect('-')
		p.skipSpace()
		p.day = p.number(2, 1, 31)
		p.setYear()
		p.setMonth()
		p.setDay()
	case 'c':
		p.name(dayNames[:])
		p.skipSpace()
		p.month = p.name(monthNames[:]) + 1
		p.skipSpace()
		p.day = p.number(2, 1, 31)
		p.skipSpace()
		p.clock(true)
		p.skipSpace()
		p.year = int64(p.number(4, 0, 9999))
		p.useCentury, p.setCentury = false, false
		p.setYear()
		p.setMonth()
		p.setDay()
	case 'A', 'a':
		p.name(dayNames[:])
		p.weekdayAt = p.position
	case 'u':
		p.number(1, 1, 7)
		p.weekdayAt = p.position
	case 'w':
		p.number(1, 0, 6)
		p.weekdayAt = p.position
	case 'U', 'W':
		p.week = part{p.number(2, 0, 53), p.position}
		p.weekMonday = spec[0] == 'W'
		p.plain = true
	case 'j':
		p.yearDay = part{p.number(3, 1, 366), p.position}
		p.plain = true
	case 'V':
		p.isoWeek = part{p.number(2, 1, 53), p.position}
	case 'J':
		p.isoDay = part{p.number(3, 1, 371), p.position}
	case 'G':
		p.isoYear = part{p.number(20, 0, 99999), p.position}
	case 'g':
		y := p.number(2, 0, 99)
		if y <= 68 {
			y += 100
		}
		p.isoYear = part{1900 + y, p.position}
	case 's':
		p.epoch = int64(p.number(12, minDate*86400, (maxDate+1)*86400-1))
		p.sawEpoch = !p.failed
		p.setYear()
		p.setMonth()
		p.setDay()
	case 'z':
		return 1, p.zoneOffset(false)
	case 'Z':
		start := p.at
		for p.at < len(p.s) && !space(p.s[p.at]) {
			p.at++
		}
		z, err := zs.get(p.s[start:p.at])
		if err != nil {
			return 0, err
		}
		p.zone, p.sawOffset, p.offset = z, false, 0
	case 'n', 't':
		p.skipSpace()
	case '%':
		p.expect('%')
	default:
		p.failed = true
	}
	return 1, nil
}

// clock reads %H:%M or %H:%M:%S as strptime does, with spaces before each number.
func (p *timeParser) clock(seconds bool) {
	p.twelve = false
	p.skipSpace()
	p.hour = p.number(2, 0, 23)
	p.expect(':')
	p.skipSpace()
	p.minute = p.number(2, 0, 59)
	if seconds {
		p.expect(':')
		p.skipSpace()
		p.second = p.number(2, 0, 60)
	}
}

// extended reads the elements that begin with %E; 0 means there is none.
func (p *timeParser) extended(spec string) (int, error) {
	after := spec[1:]
	switch c := spec[0]; {
	case c == 'z':
		if p.at < len(p.s) && p.s[p.at] == 'Z' {
			p.at++
			p.offset, p.sawOffset = 0, true
			return 1, nil
		}
		return 1, p.zoneOffset(true)
	case c == 'Y':
		p.fullYear(after)
		return 1, nil
	case c == 'y':
		p.shortYear()
		return 1, nil
	case c == 'C':
		p.centuryOf(after)
		return 1, nil
	case strings.HasPrefix(spec, "*S"):
		p.second = p.number(2, 0, 60)
		p.fraction(0)
		return 2, nil
	case strings.HasPrefix(spec, "4Y"):
		start := p.at
		p.year = int64(p.number(4, 0, 9999))
		if p.at-start != 4 {
			p.failed = true
		}
		p.useCentury = false
		p.setYear()
		return 2, nil
	case c >= '0' && c <= '6' && strings.HasPrefix(after, "S"):
		p.second = p.number(2, 0, 60)
		if c > '0' {
			p.fraction(int(c - '0'))
		}
		return 2, nil
	}
	return 0, nil
}

// result is the instant that was read.
func (p *timeParser) result() (int64, error) {
	if p.sawEpoch {
		return p.epoch * microsOfSecond, nil
	}
	second, micro := int64(p.second), int64(p.micro)
	if second == 60 {
		micro = 0
	}
	year, month, day := p.year, p.month, p.day
	if p.useCentury {
		year += int64(p.century) * 100
	}
	if p.versionTwo {
		var err error
		if year, month, day, err = p.byWeeks(year, month, day); err != nil {
			return 0, err
		}
	}
	if month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month) {
		return 0, errors.New("Out-of-range datetime field in parsing function") //nolint:staticcheck // GoogleSQL's words
	}
	local := daysOf(year, month, day)*microsOfDay + int64(p.hour)*microsOfHour + int64(p.minute)*microsOfMinute + second*microsOfSecond + micro
	var us int64
	if p.sawOffset {
		us = local - p.offset*microsOfMinute
	} else {
		us = p.zone.instant(local)
	}
	if us < minDatetime || us > maxDatetime {
		return 0, errors.New("Invalid result from parsing function") //nolint:staticcheck // GoogleSQL's words
	}
	return us, nil
}

// byWeeks applies the parts that name a day by its week or its number in the year.
func (p *timeParser) byWeeks(year int64, month, day int) (int64, int, int, error) {
	if !p.plain && p.isoYear.at > 0 {
		return p.byISO()
	}
	week, yearDay := p.week, p.yearDay
	if yearDay.at > 0 {
		if yearDay.at > week.at || p.weekdayAt == 0 {
			week = part{}
		} else {
			yearDay = part{}
		}
	}
	var days int64
	at := 0
	switch {
	case week.at > 0:
		if p.weekdayAt > 0 {
			return 0, 0, 0, errors.New("Weekday parse elements are not supported yet") //nolint:staticcheck // GoogleSQL's words
		}
		first, start := 0, daysOf(year, 1, 1)
		if p.weekMonday {
			first = 1
		}
		toFirst := floorMod(int64(first-weekday(start)), 7)
		length := int64(365)
		if leap(year) {
			length = 366
		}
		least, most := 0, 52
		if toFirst == 0 {
			least = 1
		}
		if length-toFirst > 364 {
			most = 53
		}
		if week.value < least || week.value > most {
			return 0, 0, 0, fmt.Errorf("Week number %d is invalid for year %d", week.value, year) //nolint:staticcheck // GoogleSQL's words
		}
		days, at = start+toFirst+7*int64(week.value-1), week.at
	case yearDay.at > 0:
		if yearDay.value == 366 && !leap(year) {
			return 0, 0, 0, fmt.Errorf("Year %d has 365 days, but the specified day of year was 366", year) //nolint:staticcheck // GoogleSQL's words
		}
		days, at = daysOf(year, 1, 1)+int64(yearDay.value)-1, yearDay.at
	default:
		return year, month, day, nil
	}
	y, m, d := civil(days)
	if p.lastYear < at {
		year = y
	}
	if p.lastMonth < at {
		month = m
	}
	if p.lastDay < at {
		day = d
	}
	return year, month, day, nil
}

// byISO is the day an ISO year and day name.
func (p *timeParser) byISO() (int64, int, int, error) {
	year := int64(p.isoYear.value)
	week, day := p.isoWeek, p.isoDay
	if day.at > 0 {
		if day.at > week.at || p.weekdayAt == 0 {
			week = part{}
		} else {
			day = part{}
		}
	}
	if week.at > 0 {
		return 0, 0, 0, errors.New("ISO parse elements are not supported yet") //nolint:staticcheck // GoogleSQL's words
	}
	days := isoYearStart(year)
	if day.at > 0 {
		length := isoYearStart(year+1) - days
		if int64(day.value) > length {
			return 0, 0, 0, fmt.Errorf("ISO Year %d has %d days, but the specified day of year was %d", year, length, day.value) //nolint:staticcheck // GoogleSQL's words
		}
		days += int64(day.value) - 1
	}
	y, m, d := civil(days)
	return y, m, d, nil
}

// The elements PARSE_ functions refuse, by kind.
var refusedElements = [...]string{
	dateKind:      "cHIklMPpRrSsTXZz",
	datetimeKind:  "Zz",
	timeOfDayKind: "AaBbhCcDdeFGgjmsUuVWwxYyZz",
	timestampKind: "",
}

// checkParseFormat refuses elements a kind cannot have.
func checkParseFormat(format string, kind timeKind) error {
	refused, name := refusedElements[kind], [...]string{"DATE", "DATETIME", "TIME", "TIMESTAMP"}[kind]
	has := func(c byte) bool { return strings.IndexByte(refused, c) >= 0 }
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			continue
		}
		i++
		if i == len(format) {
			break
		}
		element := format[i : i+1]
		bad := has(format[i])
		if rest := format[i+1:]; !bad && (element == "E" || element == "O") && rest != "" {
			n := 1
			bad = has(rest[0])
			if element == "E" && len(rest) > 1 && (rest[0] == '*' || rest[0] >= '0' && rest[0] <= '9') {
				n = 2
				bad = rest[1] == 'S' && has('S') || rest[0] == '4' && rest[1] == 'Y' && has('Y')
			}
			element += rest[:n]
		}
		if bad {
			return fmt.Errorf("Invalid format: %%%s is not allowed for the %s type.", element, name) //nolint:staticcheck // GoogleSQL's words
		}
	}
	return nil
}

// parseTime reads a text by a format; the result is an instant, for kinds without zone that
// of the clock in UTC.
func parseByFormat(format, text string, z zone, kind timeKind, zs *zones) (int64, error) {
	if err := checkParseFormat(format, kind); err != nil {
		return 0, err
	}
	p := timeParser{s: text, zone: z, versionTwo: kind != timeOfDayKind}
	if err := p.parse(format, zs); err != nil {
		return 0, err
	}
	return p.result()
}

func timeParseFunctions(zs *zones) []Function {
	fn := func(kind timeKind, finish func(int64) int64) func([]any) (any, error) {
		return func(a []any) (any, error) {
			var z zone
			if kind == timestampKind {
				var err error
				if z, err = zs.get(a[2].(string)); err != nil {
					return nil, err
				}
			}
			us, err := parseByFormat(a[0].(string), a[1].(string), z, kind, zs)
			if err != nil {
				return nil, err
			}
			return finish(us), nil
		}
	}
	same := func(us int64) int64 { return us }
	return []Function{
		{Name: "parse_date", Args: []Kind{String, String}, Result: Int64, Fn: fn(dateKind, func(us int64) int64 { return floorDiv(us, microsOfDay) })},
		{Name: "parse_datetime", Args: []Kind{String, String}, Result: Int64, Fn: fn(datetimeKind, same)},
		{Name: "parse_time", Args: []Kind{String, String}, Result: Int64, Fn: fn(timeOfDayKind, func(us int64) int64 { return floorMod(us, microsOfDay) })},
		{Name: "parse_timestamp", Args: []Kind{String, String, String}, Result: Int64, Fn: fn(timestampKind, same)},
	}
}
