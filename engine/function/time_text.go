package function

import (
	"fmt"
	"strconv"
	"strings"
)

// appendDate writes YYYY-MM-DD.
func appendDate(b []byte, days int64) []byte {
	year, month, day := civil(days)
	b = appendPadded(b, int(year), 4)
	b = append(b, '-')
	b = appendPadded(b, month, 2)
	b = append(b, '-')
	return appendPadded(b, day, 2)
}

// appendClock writes HH:MM:SS and 0, 3 or 6 digits of the fraction.
func appendClock(b []byte, us int64) []byte {
	us = floorMod(us, microsOfDay)
	b = appendPadded(b, int(us/microsOfHour), 2)
	b = append(b, ':')
	b = appendPadded(b, int(us/microsOfMinute%60), 2)
	b = append(b, ':')
	b = appendPadded(b, int(us/microsOfSecond%60), 2)
	switch micro := int(us % microsOfSecond); {
	case micro == 0:
	case micro%1000 == 0:
		b = append(b, '.')
		b = appendPadded(b, micro/1000, 3)
	default:
		b = append(b, '.')
		b = appendPadded(b, micro, 6)
	}
	return b
}

func appendPadded(b []byte, n, width int) []byte {
	if n < 0 {
		b = append(b, '-')
		n = -n
	}
	s := strconv.Itoa(n)
	for i := len(s); i < width; i++ {
		b = append(b, '0')
	}
	return append(b, s...)
}

// appendOffset writes +HH:MM, without the minutes where they are zero and short is set.
func appendOffset(b []byte, minutes int64, colon, short bool) []byte {
	sign := byte('+')
	if minutes < 0 {
		sign, minutes = '-', -minutes
	}
	b = append(b, sign)
	b = appendPadded(b, int(minutes/60), 2)
	if short && minutes%60 == 0 {
		return b
	}
	if colon {
		b = append(b, ':')
	}
	return appendPadded(b, int(minutes%60), 2)
}

func dateText(days int64) string { return string(appendDate(nil, days)) }

func datetimeText(us int64) string {
	b := appendDate(make([]byte, 0, 32), floorDiv(us, microsOfDay))
	return string(appendClock(append(b, ' '), us))
}

func timeText(us int64) string { return string(appendClock(nil, us)) }

func timestampText(us int64, z zone) string {
	shown := z.shown(us)
	b := appendDate(make([]byte, 0, 40), floorDiv(shown, microsOfDay))
	b = appendClock(append(b, ' '), shown)
	return string(appendOffset(b, z.minutes(us), true, true))
}

// scan reads the parts of a date and time text from the left.
type scan struct {
	s  string
	at int
}

func (p *scan) done() bool { return p.at >= len(p.s) }

func (p *scan) char(c byte) bool {
	if p.at < len(p.s) && p.s[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *scan) number(least, most int) (int, bool) {
	v, n := digits(p.s[p.at:], most)
	if n < least {
		return 0, false
	}
	p.at += n
	return v, true
}

// date reads YYYY-[M]M-[D]D; yearDigits is 4, or 5 for timestamps.
func (p *scan) date(yearDigits int) (year, month, day int, ok bool) {
	if year, ok = p.number(4, yearDigits); !ok || !p.char('-') {
		return 0, 0, 0, false
	}
	if month, ok = p.number(1, 2); !ok || !p.char('-') {
		return 0, 0, 0, false
	}
	day, ok = p.number(1, 2)
	return year, month, day, ok
}

// clock reads [H]H:[M]M:[S]S[.F], at most six digits of fraction. A 60th second is the next
// minute's first, whatever its fraction.
func (p *scan) clock() (us int64, ok bool) {
	hour, ok1 := p.number(1, 2)
	if !ok1 || !p.char(':') {
		return 0, false
	}
	minute, ok2 := p.number(1, 2)
	if !ok2 || !p.char(':') {
		return 0, false
	}
	second, ok3 := p.number(1, 2)
	if !ok3 {
		return 0, false
	}
	micro := 0
	if p.char('.') {
		start := p.at
		v, ok := p.number(1, 9)
		n := p.at - start
		if !ok || n > 6 {
			return 0, false
		}
		for ; n < 6; n++ {
			v *= 10
		}
		micro = v
	}
	if hour > 23 || minute > 59 || second > 60 {
		return 0, false
	}
	if second == 60 {
		micro = 0
	}
	return int64(hour)*microsOfHour + int64(minute)*microsOfMinute + int64(second)*microsOfSecond + int64(micro), true
}

// parseDate reads the DATE a text is.
func parseDate(s string) (int64, bool) {
	p := scan{s: s}
	y, m, d, ok := p.date(4)
	if !ok || !p.done() || !validDate(int64(y), m, d) {
		return 0, false
	}
	return daysOf(int64(y), m, d), true
}

// parseDatetime reads the DATETIME a text is.
func parseDatetime(s string) (int64, bool) {
	p := scan{s: s}
	y, m, d, ok := p.date(4)
	if !ok || !validDate(int64(y), m, d) {
		return 0, false
	}
	us := daysOf(int64(y), m, d) * microsOfDay
	if p.done() {
		return us, true
	}
	if !p.char(' ') && !p.char('T') && !p.char('t') {
		return 0, false
	}
	clock, ok := p.clock()
	if !ok || !p.done() || us+clock > maxDatetime {
		return 0, false
	}
	return us + clock, true
}

// parseTime reads the TIME a text is; the 60th second of a day is midnight.
func parseTime(s string) (int64, bool) {
	p := scan{s: s}
	us, ok := p.clock()
	if !ok || !p.done() {
		return 0, false
	}
	return us % microsOfDay, true
}

// parseTimestamp reads the TIMESTAMP a text is. explicit says that the text names its zone.
func parseTimestamp(s string, byDefault zone, zs *zones) (us int64, explicit bool, err error) {
	bad := fmt.Errorf("Invalid timestamp: '%s'", s) //nolint:staticcheck // GoogleSQL's words
	p := scan{s: s}
	y, m, d, ok := p.date(5)
	if !ok || m < 1 || m > 12 || d < 1 || d > daysInMonth(int64(y), m) || y > 10000 {
		return 0, false, bad
	}
	us = daysOf(int64(y), m, d) * microsOfDay
	z := byDefault
	if !p.done() {
		if !p.char(' ') && !p.char('T') && !p.char('t') || len(s)-p.at < 2 {
			return 0, false, bad
		}
		switch c := s[p.at]; {
		case c >= '0' && c <= '9':
			clock, ok := p.clock()
			if !ok {
				return 0, false, bad
			}
			us += clock
		case c != '+' && c != '-':
			return 0, false, bad
		}
		if !p.done() {
			explicit = true
			if z, err = zoneSuffix(s[p.at:], zs); err != nil {
				return 0, false, fmt.Errorf("%w: %w", bad, err)
			}
		}
	}
	us = z.instant(us)
	if us < minDatetime || us > maxDatetime {
		return 0, false, bad
	}
	return us, explicit, nil
}

// zoneSuffix reads what follows the time: Z, an offset, or a space and a name.
func zoneSuffix(rest string, zs *zones) (zone, error) {
	if after, ok := strings.CutPrefix(rest, " UTC"); ok {
		if after == "" {
			return zone{}, nil
		}
		if after[0] == '+' || after[0] == '-' {
			return zs.get(after)
		}
	}
	switch rest[0] {
	case '+', '-':
		return zs.get(rest)
	case 'Z', 'z':
		if len(rest) == 1 {
			return zone{}, nil
		}
	case ' ':
		if len(rest) > 1 && rest[1] != '+' && rest[1] != '-' {
			return zs.get(rest[1:])
		}
	}
	return zone{}, fmt.Errorf("Invalid time zone: %s", rest) //nolint:staticcheck // GoogleSQL's words
}

// timeTextFunctions convert between texts and dates and times.
func timeTextFunctions(zs *zones) []Function {
	parse := func(what string, read func(string) (int64, bool)) func([]any) (any, error) {
		return func(a []any) (any, error) {
			v, ok := read(a[0].(string))
			if !ok {
				return nil, fmt.Errorf("Invalid %s: '%s'", what, a[0]) //nolint:staticcheck // GoogleSQL's words
			}
			return v, nil
		}
	}
	fs := []Function{
		{Name: "date_of_string", Args: []Kind{String}, Result: Int64, Fn: parse("date", parseDate)},
		{Name: "datetime_of_string", Args: []Kind{String}, Result: Int64, Fn: parse("datetime", parseDatetime)},
		{Name: "time_of_string", Args: []Kind{String}, Result: Int64, Fn: parse("time", parseTime)},
		{
			// The zone holds where the text names none.
			Name: "timestamp_of_string", Args: []Kind{String, String}, Result: Int64,
			Fn: func(a []any) (any, error) {
				z, err := zs.get(a[1].(string))
				if err != nil {
					return nil, err
				}
				us, _, err := parseTimestamp(a[0].(string), z, zs)
				if err != nil {
					return nil, err
				}
				return us, nil
			},
		},
		{
			// TIMESTAMP(text, zone): the text must not name another zone.
			Name: "timestamp_of_string_in", Args: []Kind{String, String}, Result: Int64,
			Fn: func(a []any) (any, error) {
				z, err := zs.get(a[1].(string))
				if err != nil {
					return nil, err
				}
				us, explicit, err := parseTimestamp(a[0].(string), z, zs)
				if err == nil && explicit {
					err = fmt.Errorf("Timezone is not allowed in \"%s\"", a[0]) //nolint:staticcheck // GoogleSQL's words
				}
				if err != nil {
					return nil, err
				}
				return us, nil
			},
		},
		{
			Name: "timestamp_to_string", Args: []Kind{Int64, String}, Result: String,
			Fn: func(a []any) (any, error) {
				z, err := zs.get(a[1].(string))
				if err != nil {
					return nil, err
				}
				return timestampText(a[0].(int64), z), nil
			},
		},
	}
	fs = append(fs, timeFormatFunctions(zs)...)
	fs = append(fs, timeParseFunctions(zs)...)
	return append(fs, timeCastFunctions(zs)...)
}
