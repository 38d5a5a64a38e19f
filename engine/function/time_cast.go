package function

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CAST(… FORMAT …) between dates or times and text. The format is a sequence of elements;
// the longest element that fits counts, without regard to case, which says how names are
// written: MONTH, Month or month.

// castElements are the elements and their category, in GoogleSQL's words.
var castElements = map[string]string{
	"-": "LITERAL", ".": "LITERAL", "/": "LITERAL", ",": "LITERAL", "'": "LITERAL", ";": "LITERAL", ":": "LITERAL", " ": "LITERAL", `"`: "LITERAL",
	"YYYY": "YEAR", "YYY": "YEAR", "YY": "YEAR", "Y": "YEAR", "RRRR": "YEAR", "RR": "YEAR", "Y,YYY": "YEAR", "IYYY": "YEAR", "IYY": "YEAR", "IY": "YEAR", "I": "YEAR",
	"SYYYY": "YEAR", "YEAR": "YEAR", "SYEAR": "YEAR",
	"MM": "MONTH", "MON": "MONTH", "MONTH": "MONTH", "RM": "MONTH",
	"DDD": "DAY", "DD": "DAY", "D": "DAY", "DAY": "DAY", "DY": "DAY", "J": "DAY",
	"HH": "HOUR", "HH12": "HOUR", "HH24": "HOUR", "MI": "MINUTE", "SS": "SECOND", "SSSSS": "SECOND",
	"FF1": "SECOND", "FF2": "SECOND", "FF3": "SECOND", "FF4": "SECOND", "FF5": "SECOND", "FF6": "SECOND", "FF7": "SECOND", "FF8": "SECOND", "FF9": "SECOND",
	"AM": "MERIDIAN_INDICATOR", "PM": "MERIDIAN_INDICATOR", "A.M.": "MERIDIAN_INDICATOR", "P.M.": "MERIDIAN_INDICATOR",
	"TZH": "TIME_ZONE", "TZM": "TIME_ZONE", "CC": "CENTURY", "SCC": "CENTURY", "Q": "QUARTER", "IW": "WEEK", "WW": "WEEK", "W": "WEEK",
	"AD": "ERA_INDICATOR", "BC": "ERA_INDICATOR", "A.D.": "ERA_INDICATOR", "B.C.": "ERA_INDICATOR",
	"SP": "MISC", "TH": "MISC", "SPTH": "MISC", "THSP": "MISC", "FM": "MISC",
}

// castParsed are the elements, literals aside, that texts can be read by.
var castParsed = map[string]bool{
	"YYYY": true, "YYY": true, "YY": true, "Y": true, "RRRR": true, "RR": true, "Y,YYY": true, "MM": true, "MON": true, "MONTH": true, "DD": true,
	"HH": true, "HH12": true, "HH24": true, "MI": true, "SS": true, "SSSSS": true, "A.M.": true, "P.M.": true, "TZH": true, "TZM": true,
}

type castElement struct {
	name     string // upper case; of a literal "LITERAL", of spaces " "
	category string
	text     string // as written, of a literal its text
}

func (e castElement) String() string {
	if e.category == "LITERAL" {
		return "'" + e.text + "'"
	}
	return "'" + e.name + "'"
}

// castFormatElements splits a format.
func castFormatElements(format string) ([]castElement, error) {
	if !utf8.ValidString(format) {
		return nil, errors.New("Format string is not a valid UTF-8 string") //nolint:staticcheck // GoogleSQL's words
	}
	upper := asciiUpper(format)
	var list []castElement
	for i := 0; i < len(format); {
		n := min(5, len(format)-i)
		for n > 0 && castElements[upper[i:i+n]] == "" {
			n--
		}
		if n == 0 {
			return nil, fmt.Errorf("Cannot find matched format element at %d", i) //nolint:staticcheck // GoogleSQL's words
		}
		e := castElement{name: upper[i : i+n], category: castElements[upper[i:i+n]], text: format[i : i+n]}
		switch e.name {
		case " ":
			for i+n < len(format) && format[i+n] == ' ' {
				n++
			}
			e.text = format[i : i+n]
		case `"`:
			var b strings.Builder
			closed := false
			for i+n < len(format) && !closed {
				c := format[i+n]
				n++
				switch c {
				case '"':
					closed = true
				case '\\':
					if i+n == len(format) || format[i+n] != '\\' && format[i+n] != '"' {
						return nil, fmt.Errorf("Unsupported escape sequence in text at %d", i) //nolint:staticcheck // GoogleSQL's words
					}
					b.WriteByte(format[i+n])
					n++
				default:
					b.WriteByte(c)
				}
			}
			if !closed {
				return nil, fmt.Errorf("Cannot find matching \" for quoted literal at %d", i) //nolint:staticcheck // GoogleSQL's words
			}
			e.name, e.text = "LITERAL", b.String()
		default:
			if e.category == "LITERAL" {
				e.name = "LITERAL"
			}
		}
		list = append(list, e)
		i += n
	}
	return list, nil
}

func asciiUpper(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'a' && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}

var kindNames = [...]string{dateKind: "DATE", datetimeKind: "DATETIME", timeOfDayKind: "TIME", timestampKind: "TIMESTAMP"}

func kindNamed(name string) timeKind {
	for k, n := range kindNames {
		if n == name {
			return timeKind(k)
		}
	}
	return timestampKind
}

// castHas reports whether a kind has a category of elements.
func castHas(kind timeKind, category string) bool {
	switch category {
	case "LITERAL":
		return true
	case "YEAR", "MONTH", "DAY":
		return kind != timeOfDayKind
	case "HOUR", "MINUTE", "SECOND", "MERIDIAN_INDICATOR":
		return kind != dateKind
	case "TIME_ZONE":
		return kind == timestampKind
	}
	return false
}

// formatCast writes a wall clock by a format; minutes is its offset from UTC.
func formatCast(format string, us, minutes int64, kind timeKind) (string, error) {
	elements, err := castFormatElements(format)
	if err != nil {
		return "", err
	}
	c := clockOf(us)
	var b []byte
	for _, e := range elements {
		if !castHas(kind, e.category) {
			if kind == timestampKind {
				return "", fmt.Errorf("Unsupported format element %s", e) //nolint:staticcheck // GoogleSQL's words
			}
			return "", fmt.Errorf("%s does not support %s", kindNames[kind], e)
		}
		if e.category == "LITERAL" {
			b = append(b, e.text...)
			continue
		}
		start := len(b)
		switch e.name {
		case "YYYY", "RRRR":
			b = appendPadded(b, int(c.year), 4)
		case "YYY":
			b = appendPadded(b, int(c.year%1000), 3)
		case "YY", "RR":
			b = appendPadded(b, int(c.year%100), 2)
		case "Y":
			b = appendPadded(b, int(c.year%10), 1)
		case "MM":
			b = appendPadded(b, c.month, 2)
		case "MON":
			b = append(b, monthNames[c.month-1][:3]...)
		case "MONTH":
			b = append(b, monthNames[c.month-1]...)
		case "D":
			b = appendPadded(b, weekday(c.days)+1, 1)
		case "DD":
			b = appendPadded(b, c.day, 2)
		case "DDD":
			b = appendPadded(b, c.yearDay(), 3)
		case "DAY":
			b = append(b, dayNames[weekday(c.days)]...)
		case "DY":
			b = append(b, dayNames[weekday(c.days)][:3]...)
		case "HH", "HH12":
			b = appendPadded(b, (c.hour+11)%12+1, 2)
		case "HH24":
			b = appendPadded(b, c.hour, 2)
		case "MI":
			b = appendPadded(b, c.minute, 2)
		case "SS":
			b = appendPadded(b, c.second, 2)
		case "SSSSS":
			b = appendPadded(b, c.hour*3600+c.minute*60+c.second, 5)
		case "AM", "PM", "A.M.", "P.M.":
			half := "AM"
			if c.hour >= 12 {
				half = "PM"
			}
			if len(e.name) == 4 {
				half = half[:1] + ".M."
			}
			b = append(b, half...)
		case "TZH":
			sign := byte('+')
			if minutes < 0 {
				sign = '-'
			}
			b = appendPadded(append(b, sign), int(abs64(minutes)/60), 2)
		case "TZM":
			b = appendPadded(b, int(abs64(minutes)%60), 2)
		default:
			if !strings.HasPrefix(e.name, "FF") {
				return "", fmt.Errorf("Unsupported format element %s", e) //nolint:staticcheck // GoogleSQL's words
			}
			digits := string(appendPadded(nil, c.micro, 6)) + "000"
			b = append(b, digits[:e.name[2]-'0']...)
		}
		b = append(b[:start], cased(string(b[start:]), e)...)
	}
	return string(b), nil
}

// cased applies the case an element is written in to its output.
func cased(s string, e castElement) string {
	lower := func(i int) bool { return i < len(e.text) && e.text[i] >= 'a' && e.text[i] <= 'z' }
	switch {
	case lower(0):
		return strings.ToLower(s)
	case e.category == "MERIDIAN_INDICATOR" || !lower(1):
		return strings.ToUpper(s)
	}
	return s
}

// checkCastParse refuses combinations of elements that no text can be read by.
func checkCastParse(elements []castElement, kind timeKind) error {
	byCategory := map[string][]castElement{}
	byName := map[string]castElement{}
	for _, e := range elements {
		if e.category == "LITERAL" {
			continue
		}
		if !castParsed[e.name] && !strings.HasPrefix(e.name, "FF") {
			return fmt.Errorf("Format element %s is not supported for parsing", e) //nolint:staticcheck // GoogleSQL's words
		}
		name := e.name
		if strings.HasPrefix(name, "FF") {
			name = "FF"
		}
		if _, twice := byName[name]; twice {
			return fmt.Errorf("Format element %s appears more than once in the format string", e) //nolint:staticcheck // GoogleSQL's words
		}
		byName[name] = e
		byCategory[e.category] = append(byCategory[e.category], e)
	}
	for _, category := range []string{"YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "MERIDIAN_INDICATOR", "TIME_ZONE"} {
		if es := byCategory[category]; len(es) > 0 && !castHas(kind, category) {
			return fmt.Errorf("Format element in category %s (%s) is not allowed for output type %s", category, es[0], kindNames[kind]) //nolint:staticcheck // GoogleSQL's words
		}
	}
	for _, category := range []string{"MERIDIAN_INDICATOR", "YEAR", "MONTH", "DAY", "HOUR", "MINUTE"} {
		if es := byCategory[category]; len(es) > 1 {
			return fmt.Errorf("More than one format element in category %s exist: %s and %s", category, es[0], es[1]) //nolint:staticcheck // GoogleSQL's words
		}
	}
	has := func(name string) bool { _, ok := byName[name]; return ok }
	half := len(byCategory["MERIDIAN_INDICATOR"]) > 0
	switch {
	case has("HH24") && half:
		return errors.New("Format element in category MERIDIAN_INDICATOR and format element 'HH24' cannot exist simultaneously") //nolint:staticcheck // GoogleSQL's words
	case (has("HH") || has("HH12")) && !half:
		return errors.New("Format element in category MERIDIAN_INDICATOR is required when format element 'HH' or 'HH12' exists") //nolint:staticcheck // GoogleSQL's words
	case half && !has("HH") && !has("HH12"):
		return errors.New("Format element of type HH/HH12 is required when format element in category MERIDIAN_INDICATOR exists") //nolint:staticcheck // GoogleSQL's words
	case has("SSSSS") && (len(byCategory["HOUR"]) > 0 || len(byCategory["MINUTE"]) > 0 || has("SS")):
		return errors.New("Format element 'SSSSS' and elements of hour, minute or second cannot exist simultaneously") //nolint:staticcheck // GoogleSQL's words
	}
	return nil
}

// takesDigits reports whether an element begins by reading digits.
func (e castElement) takesDigits() bool {
	if e.category == "LITERAL" {
		return e.name == "LITERAL" && e.text != "" && e.text[0] >= '0' && e.text[0] <= '9'
	}
	switch e.name {
	case "MON", "MONTH", "A.M.", "P.M.", "TZH":
		return false
	}
	return true
}

// parseCast reads a text by a format. today gives what the format leaves out: the year and
// the month, the day being the first.
func parseCast(format, text string, today int64, z zone, kind timeKind) (int64, error) {
	if !utf8.ValidString(text) {
		return 0, errors.New("Input string is not valid UTF-8") //nolint:staticcheck // GoogleSQL's words
	}
	elements, err := castFormatElements(format)
	if err != nil {
		return 0, err
	}
	if err := checkCastParse(elements, kind); err != nil {
		return 0, err
	}
	year, month, _ := civil(today)
	day, hour, minute, second, micro, half := 1, 0, 0, 0, 0, 0
	afternoon, zoned, west := false, false, false
	zoneHour, zoneMinute := 0, 0
	rest := strings.TrimLeftFunc(text, unicode.IsSpace)
	i := 0
	for ; i < len(elements) && rest != ""; i++ {
		e := elements[i]
		ok := true
		// An element that digits follow takes all of its own; else it may take fewer.
		exact := false
		for _, next := range elements[i+1:] {
			if next.name == "LITERAL" && next.text == "" {
				continue
			}
			exact = next.takesDigits()
			break
		}
		number := func(width, most int) int {
			v, n := digits(rest, width)
			if n == 0 || exact && n != width || v > most {
				ok = false
				return 0
			}
			rest = rest[n:]
			return v
		}
		oneOf := func(names []string, length int) int {
			for k, n := range names {
				if length > 0 {
					n = n[:length]
				}
				if len(rest) >= len(n) && strings.EqualFold(rest[:len(n)], n) {
					rest = rest[len(n):]
					return k
				}
			}
			ok = false
			return 0
		}
		switch e.name {
		case "LITERAL":
			var after string
			if after, ok = strings.CutPrefix(rest, e.text); ok {
				rest = after
			}
		case " ":
			after := strings.TrimLeftFunc(rest, unicode.IsSpace)
			ok = len(after) < len(rest)
			rest = after
		case "YYYY", "RRRR":
			if exact {
				year = int64(number(4, 9999))
			} else {
				year = int64(number(5, 10000))
			}
		case "YYY":
			year = year - year%1000 + int64(number(3, 999))
		case "YY":
			year = year - year%100 + int64(number(2, 99))
		case "Y":
			year = year - year%10 + int64(number(1, 9))
		case "RR":
			v := int64(number(2, 99))
			century, now := year/100, year%100
			switch {
			case v < 50 && now >= 50:
				century++
			case v >= 50 && now < 50:
				century--
			}
			year = century*100 + v
		case "Y,YYY":
			thousands, n := digits(rest, 2)
			ok = n > 0 && thousands <= 10 && strings.HasPrefix(rest[n:], ",")
			if ok {
				v, m := digits(rest[n+1:], 3)
				ok = m == 3
				year, rest = int64(thousands*1000+v), rest[n+1+m:]
			}
		case "MM":
			month = number(2, 12)
			ok = ok && month > 0
		case "MON":
			month = oneOf(monthNames[:], 3) + 1
		case "MONTH":
			month = oneOf(monthNames[:], 0) + 1
		case "DD":
			day = number(2, 31)
			ok = ok && day > 0
		case "HH", "HH12":
			half = number(2, 12)
			ok = ok && half > 0
		case "HH24":
			hour = number(2, 23)
		case "MI":
			minute = number(2, 59)
		case "SS":
			second = number(2, 59)
		case "SSSSS":
			v := number(5, 86399)
			hour, minute, second = v/3600, v/60%60, v%60
		case "A.M.", "P.M.":
			afternoon = oneOf([]string{"A.M.", "P.M."}, 0) == 1
		case "TZH":
			zoned = true
			if ok = strings.IndexByte("+- ", rest[0]) >= 0; ok {
				west, rest = rest[0] == '-', rest[1:]
				zoneHour = number(2, 14)
			}
		case "TZM":
			zoned = true
			zoneMinute = number(2, 59)
		default: // FFn
			width := int(e.name[2] - '0')
			_, n := digits(rest, width)
			ok = n > 0 && (!exact || n == width)
			if ok {
				micro, _ = digits((rest[:n] + "000000")[:6], 6)
				rest = rest[n:]
			}
		}
		if !ok {
			return 0, fmt.Errorf("Failed to parse input timestamp string at %d with format element %s", len(text)-len(rest), e) //nolint:staticcheck // GoogleSQL's words
		}
	}
	if rest = strings.TrimLeftFunc(rest, unicode.IsSpace); rest != "" {
		return 0, fmt.Errorf("Illegal non-space trailing data '%s' in timestamp string", rest) //nolint:staticcheck // GoogleSQL's words
	}
	for ; i < len(elements); i++ {
		if elements[i].name != "LITERAL" || elements[i].text != "" {
			return 0, fmt.Errorf("Entire timestamp string has been parsed before dealing with format element %s", elements[i]) //nolint:staticcheck // GoogleSQL's words
		}
	}
	if half != 0 {
		hour = half % 12
		if afternoon {
			hour += 12
		}
	}
	if kind == timeOfDayKind {
		year, month, day = 1970, 1, 1
	}
	if day > daysInMonth(year, month) {
		return 0, errors.New("Invalid result from year, month, day values after parsing") //nolint:staticcheck // GoogleSQL's words
	}
	us := daysOf(year, month, day)*microsOfDay + int64(hour)*microsOfHour + int64(minute)*microsOfMinute + int64(second)*microsOfSecond + int64(micro)
	if zoned {
		if zoneHour*60+zoneMinute > 14*60 {
			return 0, errors.New("Invalid time zone") //nolint:staticcheck // GoogleSQL's words
		}
		z = zone{offset: int64(zoneHour*3600 + zoneMinute*60)}
		if west {
			z.offset = -z.offset
		}
	}
	us = z.instant(us)
	if us < minDatetime || us > maxDatetime {
		return 0, errors.New("The parsing result is out of valid time range") //nolint:staticcheck // GoogleSQL's words
	}
	return us, nil
}

func timeCastFunctions(zs *zones) []Function {
	return []Function{
		{
			// Format, microseconds, the name of the type and the zone ("UTC" but for TIMESTAMP).
			Name: "cast_format", Args: []Kind{String, Int64, String, String}, Result: String,
			Fn: func(a []any) (any, error) {
				z, err := zs.get(a[3].(string))
				if err != nil {
					return nil, err
				}
				us := a[1].(int64)
				s, err := formatCast(a[0].(string), z.shown(us), z.minutes(us), kindNamed(a[2].(string)))
				if err != nil {
					return nil, err
				}
				return s, nil
			},
		},
		{
			// Format, text, today, the name of the type and the zone; the result is microseconds.
			Name: "cast_parse", Args: []Kind{String, String, Int64, String, String}, Result: Int64,
			Fn: func(a []any) (any, error) {
				z, err := zs.get(a[4].(string))
				if err != nil {
					return nil, err
				}
				us, err := parseCast(a[0].(string), a[1].(string), a[2].(int64), z, kindNamed(a[3].(string)))
				if err != nil {
					return nil, err
				}
				return us, nil
			},
		},
	}
}
