package function

import (
	"strconv"
	"strings"
)

// kind of value a format is applied to; it decides which elements apply.
type timeKind uint8

const (
	dateKind timeKind = iota
	datetimeKind
	timeOfDayKind
	timestampKind
)

// The elements that do not apply to a kind; they stay in the output as they are.
var foreignElements = [...]string{
	dateKind:      "cHIklMPpRrSsTXZz",
	datetimeKind:  "Zz",
	timeOfDayKind: "AaBbhCcDdeFGgJjmQsUuVWwxYyZz",
	timestampKind: "",
}

// formatTime is FORMAT_DATE and its like: us is the wall clock, minutes its offset from UTC.
// The elements are those of strftime in the C locale, and GoogleSQL's own: %Q, %J, %E4Y, %E3S,
// %E*S, %Ez. An unknown element is output as it stands.
func formatTime(format string, us, minutes int64, kind timeKind) string {
	c := clockOf(us)
	b := make([]byte, 0, len(format)+24)
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 >= len(format) {
			b = append(b, format[i])
			continue
		}
		start := i
		i++
		e := format[i]
		foreign := func(e byte) bool { return strings.IndexByte(foreignElements[kind], e) >= 0 }
		if (e == 'E' || e == 'O') && i+1 < len(format) {
			n, ok := b, false
			var used int
			if e == 'E' {
				n, used, ok = appendExtended(b, format[i+1:], c, minutes, foreign)
			}
			if ok {
				b = n
				i += used
				continue
			}
			next := format[i+1]
			if modified := map[byte]string{'E': "cCxXyY", 'O': "deHImMSuUVwWy"}[e]; strings.IndexByte(modified, next) >= 0 && !foreign(next) {
				b = appendElement(b, next, c, us, minutes)
				i++
				continue
			}
			b = append(b, '%', e)
			continue
		}
		if foreign(e) {
			b = append(b, format[start:i+1]...)
			continue
		}
		b = appendElement(b, e, c, us, minutes)
	}
	return string(b)
}

// appendExtended writes what follows %E: 4Y, z, *S, #S, #f; used is the length of it.
func appendExtended(b []byte, rest string, c clock, minutes int64, foreign func(byte) bool) (out []byte, used int, ok bool) {
	if rest[0] == 'z' && !foreign('z') {
		return appendOffset(b, minutes, true, false), 1, true
	}
	if strings.HasPrefix(rest, "4Y") && !foreign('Y') {
		return appendPadded(b, int(c.year), 4), 2, true
	}
	if len(rest) < 2 || foreign('S') {
		return b, 0, false
	}
	switch d := rest[0]; {
	case d == '*' && rest[1] == 'S':
		b = appendPadded(b, c.second, 2)
		return appendFraction(b, c.micro), 2, true
	case d >= '0' && d <= '9' && (rest[1] == 'S' || rest[1] == 'f'):
		n := int(d - '0')
		digits := string(appendPadded(nil, c.micro, 6)) + "000"
		if rest[1] == 'S' {
			b = appendPadded(b, c.second, 2)
			if n > 0 {
				b = append(b, '.')
			}
		}
		return append(b, digits[:n]...), 2, true
	}
	return b, 0, false
}

// appendFraction writes .F without trailing zeros, nothing for zero.
func appendFraction(b []byte, micro int) []byte {
	if micro == 0 {
		return b
	}
	return append(append(b, '.'), strings.TrimRight(string(appendPadded(nil, micro, 6)), "0")...)
}

func appendSpaced(b []byte, n int) []byte {
	if n < 10 {
		b = append(b, ' ')
	}
	return strconv.AppendInt(b, int64(n), 10)
}

func appendElement(b []byte, e byte, c clock, us, minutes int64) []byte {
	hour12 := (c.hour+11)%12 + 1
	wday := weekday(c.days)
	switch e {
	case 'A':
		b = append(b, dayNames[wday]...)
	case 'a':
		b = append(b, dayNames[wday][:3]...)
	case 'B':
		b = append(b, monthNames[c.month-1]...)
	case 'b', 'h':
		b = append(b, monthNames[c.month-1][:3]...)
	case 'C':
		b = appendPadded(b, int(c.year/100), 2)
	case 'c':
		for _, e := range "a b e T Y" {
			if e == ' ' {
				b = append(b, ' ')
			} else {
				b = appendElement(b, byte(e), c, us, minutes)
			}
		}
	case 'D', 'x':
		b = append(appendPadded(b, c.month, 2), '/')
		b = append(appendPadded(b, c.day, 2), '/')
		b = appendPadded(b, int(c.year%100), 2)
	case 'd':
		b = appendPadded(b, c.day, 2)
	case 'e':
		b = appendSpaced(b, c.day)
	case 'F':
		b = append(strconv.AppendInt(b, c.year, 10), '-')
		b = append(appendPadded(b, c.month, 2), '-')
		b = appendPadded(b, c.day, 2)
	case 'G':
		year, _ := isoWeek(c.days)
		b = strconv.AppendInt(b, year, 10)
	case 'g':
		year, _ := isoWeek(c.days)
		b = appendPadded(b, int(floorMod(year, 100)), 2)
	case 'H':
		b = appendPadded(b, c.hour, 2)
	case 'I':
		b = appendPadded(b, hour12, 2)
	case 'J':
		year, _ := isoWeek(c.days)
		b = appendPadded(b, int(c.days-isoYearStart(year))+1, 3)
	case 'j':
		b = appendPadded(b, c.yearDay(), 3)
	case 'k':
		b = appendSpaced(b, c.hour)
	case 'l':
		b = appendSpaced(b, hour12)
	case 'M':
		b = appendPadded(b, c.minute, 2)
	case 'm':
		b = appendPadded(b, c.month, 2)
	case 'n':
		b = append(b, '\n')
	case 'P', 'p':
		half := "AM"
		if c.hour >= 12 {
			half = "PM"
		}
		if e == 'P' {
			half = strings.ToLower(half)
		}
		b = append(b, half...)
	case 'Q':
		b = strconv.AppendInt(b, int64((c.month-1)/3+1), 10)
	case 'R':
		b = append(appendPadded(b, c.hour, 2), ':')
		b = appendPadded(b, c.minute, 2)
	case 'r':
		b = append(appendPadded(b, hour12, 2), ':')
		b = append(appendPadded(b, c.minute, 2), ':')
		b = append(appendPadded(b, c.second, 2), ' ')
		b = appendElement(b, 'p', c, us, minutes)
	case 'S':
		b = appendPadded(b, c.second, 2)
	case 's':
		b = strconv.AppendInt(b, floorDiv(us-minutes*microsOfMinute, microsOfSecond), 10)
	case 'T', 'X':
		b = append(appendPadded(b, c.hour, 2), ':')
		b = append(appendPadded(b, c.minute, 2), ':')
		b = appendPadded(b, c.second, 2)
	case 't':
		b = append(b, '\t')
	case 'U':
		b = appendPadded(b, (c.yearDay()+6-wday)/7, 2)
	case 'u':
		b = strconv.AppendInt(b, int64((wday+6)%7+1), 10)
	case 'V':
		_, week := isoWeek(c.days)
		b = appendPadded(b, week, 2)
	case 'W':
		b = appendPadded(b, (c.yearDay()+6-(wday+6)%7)/7, 2)
	case 'w':
		b = strconv.AppendInt(b, int64(wday), 10)
	case 'Y':
		b = strconv.AppendInt(b, c.year, 10)
	case 'y':
		b = appendPadded(b, int(c.year%100), 2)
	case 'Z':
		b = append(b, "UTC"...)
		if minutes != 0 {
			sign := byte('+')
			if minutes < 0 {
				sign, minutes = '-', -minutes
			}
			b = strconv.AppendInt(append(b, sign), minutes/60, 10)
			if minutes%60 != 0 {
				b = appendPadded(append(b, ':'), int(minutes%60), 2)
			}
		}
	case 'z':
		b = appendOffset(b, minutes, false, false)
	case '%':
		b = append(b, '%')
	default:
		b = append(b, '%', e)
	}
	return b
}

func timeFormatFunctions(zs *zones) []Function {
	return []Function{
		{
			Name: "format_date", Args: []Kind{String, Int64}, Result: String, Total: true,
			Fn: func(a []any) (any, error) {
				return formatTime(a[0].(string), a[1].(int64)*microsOfDay, 0, dateKind), nil
			},
		},
		{
			Name: "format_datetime", Args: []Kind{String, Int64}, Result: String, Total: true,
			Fn: func(a []any) (any, error) {
				return formatTime(a[0].(string), a[1].(int64), 0, datetimeKind), nil
			},
		},
		{
			Name: "format_time", Args: []Kind{String, Int64}, Result: String, Total: true,
			Fn: func(a []any) (any, error) {
				return formatTime(a[0].(string), a[1].(int64), 0, timeOfDayKind), nil
			},
		},
		{
			Name: "format_timestamp", Args: []Kind{String, Int64, String}, Result: String,
			Fn: func(a []any) (any, error) {
				z, err := zs.get(a[2].(string))
				if err != nil {
					return nil, err
				}
				us := a[1].(int64)
				return formatTime(a[0].(string), z.shown(us), z.minutes(us), timestampKind), nil
			},
		},
	}
}
