package function

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
)

// An INTERVAL is three numbers: months, days and microseconds. They travel as three
// arguments, and as a list of three in a result.

// The bounds of the parts: 10,000 years each.
const (
	maxMonths         = 120_000
	maxDays           = 3_660_000
	maxIntervalMicros = 316_224_000_000_000_000
)

type interval struct{ months, days, micros int64 }

func (i interval) check() (interval, error) {
	for _, f := range [...]struct {
		name        string
		value, most int64
	}{{"months", i.months, maxMonths}, {"days", i.days, maxDays}, {"micros", i.micros, maxIntervalMicros}} {
		if f.value > f.most || f.value < -f.most {
			return i, fmt.Errorf("Interval field %s '%d' is out of range -%d to %d", f.name, f.value, f.most, f.most) //nolint:staticcheck // GoogleSQL's words
		}
	}
	return i, nil
}

func (i interval) list() (any, error) {
	i, err := i.check()
	if err != nil {
		return nil, err
	}
	return []any{i.months, i.days, i.micros}, nil
}

// String is the canonical text: [-]Y-M [-]D [-]H:M:S[.F].
func (i interval) String() string {
	sign := func(n int64) (string, int64) {
		if n < 0 {
			return "-", -n
		}
		return "", n
	}
	ms, months := sign(i.months)
	us, micros := sign(i.micros)
	text := fmt.Sprintf("%s%d-%d %d %s%d:%d:%d", ms, months/12, months%12, i.days,
		us, micros/microsOfHour, micros/microsOfMinute%60, micros/microsOfSecond%60)
	switch f := micros % microsOfSecond; {
	case f == 0:
	case f%1000 == 0:
		text += fmt.Sprintf(".%03d", f/1000)
	default:
		text += fmt.Sprintf(".%06d", f)
	}
	return text
}

// parseInterval reads the canonical form, parts of it (Y-M, Y-M D, D H:M:S, H:M:S …), and
// ISO 8601 durations.
func parseInterval(s string) (interval, error) {
	bad := fmt.Errorf("Invalid INTERVAL value '%s'", s) //nolint:staticcheck // GoogleSQL's words
	var i interval
	var ok bool
	if strings.HasPrefix(s, "P") {
		i, ok = parseDuration(s[1:])
	} else {
		i, ok = parseParts(s)
	}
	if !ok {
		return i, bad
	}
	i, err := i.check()
	if err != nil {
		return i, fmt.Errorf("%w: %w", bad, err)
	}
	return i, nil
}

// parseParts tells the fields by their separators: Y-M has a dash, H:M:S colons, a number
// alone is days, and stands between or beside the others.
func parseParts(s string) (interval, bool) {
	fields := strings.Split(s, " ")
	var i interval
	stage := 0 // 1 months seen, 2 days seen, 3 time seen
	for _, f := range fields {
		body, negative := f, false
		if body != "" && (body[0] == '-' || body[0] == '+') {
			negative, body = body[0] == '-', body[1:]
		}
		var value int64
		switch {
		case strings.Contains(body, ":"):
			if stage >= 3 {
				return i, false
			}
			v, ok := intervalClock(body)
			if !ok {
				return i, false
			}
			stage, value = 3, v
			if negative {
				value = -value
			}
			i.micros = value
		case strings.Contains(body, "-"):
			if stage >= 1 {
				return i, false
			}
			y, m, _ := strings.Cut(body, "-")
			yn, ok1 := plainNumber(y)
			mn, ok2 := plainNumber(m)
			if !ok1 || !ok2 || yn > 10_000_000 || mn > 10_000_000 {
				return i, false
			}
			stage, value = 1, yn*12+mn
			if negative {
				value = -value
			}
			i.months = value
		default:
			if stage >= 2 || len(fields) < 2 {
				return i, false
			}
			v, ok := plainNumber(body)
			if !ok {
				return i, false
			}
			if negative {
				v = -v
			}
			stage, i.days = 2, v
		}
	}
	return i, true
}

func plainNumber(s string) (int64, bool) {
	if s == "" || len(s) > 17 {
		return 0, false
	}
	v, n := int64(0), 0
	for ; n < len(s) && s[n] >= '0' && s[n] <= '9'; n++ {
		v = v*10 + int64(s[n]-'0')
	}
	return v, n == len(s)
}

// intervalClock reads H:M:S[.F]; the fraction has at most six digits.
func intervalClock(s string) (int64, bool) {
	parts := strings.Split(s, ":")
	if len(parts) != 3 {
		return 0, false
	}
	h, ok1 := plainNumber(parts[0])
	m, ok2 := plainNumber(parts[1])
	sec, ok3 := fixedSeconds(parts[2])
	if !ok1 || !ok2 || !ok3 || h > 100_000_000 || m > 10_000_000_000 {
		return 0, false
	}
	return h*microsOfHour + m*microsOfMinute + sec, true
}

// fixedSeconds reads S[.F] as microseconds.
func fixedSeconds(s string) (int64, bool) {
	whole, fraction, point := strings.Cut(s, ".")
	v := int64(0)
	if whole != "" || !point {
		var ok bool
		if v, ok = plainNumber(whole); !ok || v > 1_000_000_000_000 {
			return 0, false
		}
	}
	if !point {
		return v * microsOfSecond, true
	}
	if fraction == "" {
		return v * microsOfSecond, whole != ""
	}
	if len(fraction) > 6 {
		if strings.Trim(fraction[6:], "0") != "" {
			return 0, false
		}
		fraction = fraction[:6]
	}
	f, ok := plainNumber(fraction + strings.Repeat("0", 6-len(fraction)))
	return v*microsOfSecond + f, ok
}

// parseDuration reads what follows the P of an ISO 8601 duration. Each number may have a
// sign; units may repeat.
func parseDuration(s string) (interval, bool) {
	var i interval
	if s == "" {
		return i, false
	}
	inTime, any := false, false
	for s != "" {
		if s[0] == 'T' {
			if inTime || len(s) == 1 {
				return i, false
			}
			inTime, s = true, s[1:]
			continue
		}
		sign := int64(1)
		if s[0] == '-' || s[0] == '+' {
			if s[0] == '-' {
				sign = -1
			}
			s = s[1:]
		}
		n := 0
		for n < len(s) && (s[n] >= '0' && s[n] <= '9' || s[n] == '.') {
			n++
		}
		if n == 0 || n == len(s) {
			return i, false
		}
		number, unit := s[:n], s[n]
		s = s[n+1:]
		any = true
		if inTime && unit == 'S' {
			v, ok := fixedSeconds(number)
			if !ok {
				return i, false
			}
			i.micros += sign * v
			continue
		}
		v, ok := plainNumber(number)
		if !ok || v > 100_000_000_000 {
			return i, false
		}
		v *= sign
		switch {
		case !inTime && unit == 'Y':
			i.months += v * 12
		case !inTime && unit == 'M':
			i.months += v
		case !inTime && unit == 'W':
			i.days += v * 7
		case !inTime && unit == 'D':
			i.days += v
		case inTime && unit == 'H' && v < 1e9 && v > -1e9:
			i.micros += v * microsOfHour
		case inTime && unit == 'M' && v < 1e10 && v > -1e10:
			i.micros += v * microsOfMinute
		default:
			return i, false
		}
	}
	return i, any
}

// justifyHours makes whole days of 24 hours, and the sign of the time that of the days.
func (i interval) justifyHours() interval {
	i.days += i.micros / microsOfDay
	i.micros %= microsOfDay
	switch {
	case i.days > 0 && i.micros < 0:
		i.days, i.micros = i.days-1, i.micros+microsOfDay
	case i.days < 0 && i.micros > 0:
		i.days, i.micros = i.days+1, i.micros-microsOfDay
	}
	return i
}

// justifyDays makes whole months of 30 days, and the sign of the days that of the months.
func (i interval) justifyDays() interval {
	i.months += i.days / 30
	i.days %= 30
	switch {
	case i.months > 0 && i.days < 0:
		i.months, i.days = i.months-1, i.days+30
	case i.months < 0 && i.days > 0:
		i.months, i.days = i.months+1, i.days-30
	}
	return i
}

// justify does both, so that all parts have one sign.
func (i interval) justify() interval {
	i = i.justifyHours().justifyDays()
	switch {
	case i.micros < 0 && (i.months > 0 || i.months == 0 && i.days > 0):
		i.days, i.micros = i.days-1, i.micros+microsOfDay
	case i.micros > 0 && (i.months < 0 || i.months == 0 && i.days < 0):
		i.days, i.micros = i.days+1, i.micros-microsOfDay
	default:
		return i
	}
	return i.justifyDays()
}

// total is the interval in microseconds, a month being 30 days.
func (i interval) total() *big.Int {
	t := big.NewInt(i.months*30 + i.days)
	t.Mul(t, big.NewInt(microsOfDay))
	return t.Add(t, big.NewInt(i.micros))
}

// times multiplies all parts by a whole number.
func (i interval) times(n int64) (interval, error) {
	overflow := func(a int64) bool { return a != 0 && (a*n/a != n || a == -1 && n == math.MinInt64) }
	if overflow(i.months) || overflow(i.days) || overflow(i.micros) {
		return i, errors.New("Interval overflow during multiplication operation") //nolint:staticcheck // GoogleSQL's words
	}
	return interval{i.months * n, i.days * n, i.micros * n}, nil
}

// over divides all parts by a whole number; what is left of months goes to the days, what
// is left of days to the time, whose rest is dropped.
func (i interval) over(n int64) (interval, error) {
	if n == 0 {
		return i, errors.New("Interval division by zero") //nolint:staticcheck // GoogleSQL's words
	}
	days := i.days + i.months%n*30
	micros := new(big.Int).Mul(big.NewInt(days%n), big.NewInt(microsOfDay))
	micros.Add(micros, big.NewInt(i.micros))
	micros.Quo(micros, big.NewInt(n))
	if !micros.IsInt64() {
		return i, errors.New("Interval overflow during division operation") //nolint:staticcheck // GoogleSQL's words
	}
	return interval{i.months / n, days / n, micros.Int64()}, nil
}

// scale multiplies by a FLOAT64, exactly; fractions of months and days go to the next part,
// a fraction of a microsecond is dropped.
func (i interval) scale(f float64) (interval, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return i, fmt.Errorf("Interval multiplication by %v", f) //nolint:staticcheck // GoogleSQL's words
	}
	by := new(big.Rat)
	by.SetFloat64(f)
	split := func(r *big.Rat) (*big.Int, *big.Rat) {
		whole := new(big.Int).Quo(r.Num(), r.Denom())
		return whole, new(big.Rat).Sub(r, new(big.Rat).SetInt(whole))
	}
	months, rest := split(new(big.Rat).Mul(big.NewRat(i.months, 1), by))
	days := new(big.Rat).Mul(big.NewRat(i.days, 1), by)
	days.Add(days, rest.Mul(rest, big.NewRat(30, 1)))
	whole, rest := split(days)
	micros := new(big.Rat).Mul(big.NewRat(i.micros, 1), by)
	micros.Add(micros, rest.Mul(rest, big.NewRat(microsOfDay, 1)))
	us, _ := split(micros)
	if !months.IsInt64() || !whole.IsInt64() || !us.IsInt64() {
		return i, errors.New("Interval overflow during multiplication operation") //nolint:staticcheck // GoogleSQL's words
	}
	return interval{months.Int64(), whole.Int64(), us.Int64()}, nil
}

// add moves a wall clock or an instant by n intervals.
func (i interval) add(us int64, n int64) (int64, bool) {
	days := floorDiv(us, microsOfDay)
	rest := us - days*microsOfDay
	if i.months != 0 {
		var ok bool
		if days, ok = addMonths(days, i.months*n); !ok {
			return 0, false
		}
	}
	if n != 0 && (abs64(i.days*n) > 8_000_000 || abs64(i.micros) > math.MaxInt64/4/abs64(n)) {
		return 0, false
	}
	us = (days+i.days*n)*microsOfDay + rest + i.micros*n
	return us, us >= minDatetime && us <= maxDatetime
}

func abs64(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}

// bucket is the start of the bucket a time lies in, buckets being as long as the interval
// and one of them beginning at the origin.
func bucket(us, origin int64, kind string, i interval) (int64, error) {
	name := strings.ToUpper(kind) + "_BUCKET"
	if i.months != 0 && (i.days != 0 || i.micros != 0) {
		return 0, fmt.Errorf("%s doesn't support bucket width INTERVAL with mixed MONTH and other parts", name)
	}
	if i.months < 0 || i.days < 0 || i.micros < 0 || i == (interval{}) {
		return 0, fmt.Errorf("%s doesn't support zero or negative bucket width INTERVAL", name)
	}
	if kind == "DATE" && i.micros != 0 {
		return 0, fmt.Errorf("%s only supports bucket width INTERVAL with MONTH or DAY parts", name)
	}
	if kind == "TIMESTAMP" && i.months != 0 {
		return 0, fmt.Errorf("%s doesn't support bucket width INTERVAL with MONTH or YEAR parts", name)
	}
	out := errors.New("Bucket for " + strings.ToLower(kind) + " is outside of the valid range") //nolint:staticcheck // GoogleSQL's words
	if i.months == 0 {
		width := i.days*microsOfDay + i.micros
		at := origin + floorDiv(us-origin, width)*width
		if at < minDatetime {
			return 0, out
		}
		return at, nil
	}
	oy, om, _ := civil(floorDiv(origin, microsOfDay))
	y, m, _ := civil(floorDiv(us, microsOfDay))
	n := floorDiv((y*12+int64(m))-(oy*12+int64(om)), i.months)
	at, ok := i.add(origin, n)
	if ok && at > us {
		at, ok = i.add(origin, n-1)
	}
	if !ok {
		return 0, out
	}
	return at, nil
}

// maxArray bounds what the array generators build.
const maxArray = 10_000_000

var errArray = errors.New("Cannot generate arrays with more than 10000000 elements") //nolint:staticcheck // GoogleSQL's words

// series counts from first to last by steps; at gives the n-th element.
func series(first, last, step int64, at func(n int64) (int64, bool)) (any, error) {
	if step == 0 {
		return nil, errors.New("Sequence step cannot be 0") //nolint:staticcheck // GoogleSQL's words
	}
	list := []any{}
	for n := int64(0); ; n++ {
		v, ok := at(n)
		if !ok || step > 0 && v > last || step < 0 && v < last {
			return list, nil
		}
		if len(list) == maxArray {
			return nil, errArray
		}
		list = append(list, v)
	}
}

func dateSeries(first, last, step int64, part string) (any, error) {
	unit := map[string]interval{"DAY": {days: 1}, "WEEK": {days: 7}, "MONTH": {months: 1}, "QUARTER": {months: 3}, "YEAR": {months: 12}}[part]
	if unit == (interval{}) {
		return nil, fmt.Errorf("GENERATE_DATE_ARRAY does not support the %s date part", part)
	}
	if abs64(step) > maxDays {
		step = max(min(step, maxDays), -maxDays)
	}
	i, err := unit.times(step)
	if err != nil {
		return nil, err
	}
	return series(first, last, step, func(n int64) (int64, bool) {
		us, ok := i.add(first*microsOfDay, n)
		return floorDiv(us, microsOfDay), ok
	})
}

func microsSeries(first, last, step int64, part string) (any, error) {
	unit := map[string]interval{
		"MICROSECOND": {micros: 1}, "MILLISECOND": {micros: 1000}, "SECOND": {micros: microsOfSecond}, "MINUTE": {micros: microsOfMinute},
		"HOUR": {micros: microsOfHour}, "DAY": {days: 1}, "WEEK": {days: 7}, "MONTH": {months: 1}, "QUARTER": {months: 3}, "YEAR": {months: 12},
	}[part]
	if unit == (interval{}) {
		return nil, fmt.Errorf("GENERATE_TIMESTAMP_ARRAY does not support the %s date part", part)
	}
	i, err := unit.times(step)
	if err != nil {
		return nil, err
	}
	return series(first, last, step, func(n int64) (int64, bool) { return i.add(first, n) })
}

func intervalAt(a []any, at int) interval {
	return interval{a[at].(int64), a[at+1].(int64), a[at+2].(int64)}
}

func intervalFunctions() []Function {
	parts := []Kind{Int64, Int64, Int64}
	change := func(name string, f func(interval) interval) Function {
		return Function{Name: name, Args: parts, Result: Array | Int64, Fn: func(a []any) (any, error) {
			return f(intervalAt(a, 0)).list()
		}}
	}
	by := func(name string, f func(interval, int64) (interval, error)) Function {
		return Function{Name: name, Args: []Kind{Int64, Int64, Int64, Int64}, Result: Array | Int64, Fn: func(a []any) (any, error) {
			i, err := f(intervalAt(a, 0), a[3].(int64))
			if err != nil {
				return nil, err
			}
			return i.list()
		}}
	}
	return []Function{
		{
			Name: "interval_text", Args: parts, Result: String, Total: true,
			Fn: func(a []any) (any, error) { return intervalAt(a, 0).String(), nil },
		},
		{
			Name: "interval_of_string", Args: []Kind{String}, Result: Array | Int64,
			Fn: func(a []any) (any, error) {
				i, err := parseInterval(a[0].(string))
				if err != nil {
					return nil, err
				}
				return i.list()
			},
		},
		change("justify_hours", interval.justifyHours),
		change("justify_days", interval.justifyDays),
		change("justify_interval", interval.justify),
		by("interval_multiply", interval.times),
		by("interval_divide", interval.over),
		{
			Name: "interval_scale", Args: []Kind{Int64, Int64, Int64, Float64}, Result: Array | Int64,
			Fn: func(a []any) (any, error) {
				i, err := intervalAt(a, 0).scale(a[3].(float64))
				if err != nil {
					return nil, err
				}
				return i.list()
			},
		},
		{
			Name: "bucket", Args: []Kind{Int64, Int64, String, Int64, Int64, Int64}, Result: Int64,
			Fn: func(a []any) (any, error) {
				us, err := bucket(a[0].(int64), a[1].(int64), a[2].(string), intervalAt(a, 3))
				if err != nil {
					return nil, err
				}
				return us, nil
			},
		},
		{
			Name: "generate_date_array", Args: []Kind{Int64, Int64, Int64, String}, Result: Array | Int64,
			Fn: func(a []any) (any, error) {
				return dateSeries(a[0].(int64), a[1].(int64), a[2].(int64), a[3].(string))
			},
		},
		{
			Name: "generate_micros_array", Args: []Kind{Int64, Int64, Int64, String}, Result: Array | Int64,
			Fn: func(a []any) (any, error) {
				return microsSeries(a[0].(int64), a[1].(int64), a[2].(int64), a[3].(string))
			},
		},
		{
			// The bounds of the sub-ranges of a range: n+1 numbers for n ranges.
			Name: "range_bounds", Args: []Kind{Int64, Int64, String, Bool, Int64, Int64, Int64, Bool}, Result: Array | Int64, Nulls: true,
			Fn: rangeBounds,
		},
	}
}

// rangeBounds takes start, end, the kind, whether the range is NULL, the step's parts and
// whether a last, shorter range counts.
func rangeBounds(a []any) (any, error) {
	if null, ok := a[3].(bool); ok && null {
		return nil, nil
	}
	for _, v := range a[4:] {
		if v == nil {
			return nil, nil
		}
	}
	if a[0] == nil || a[1] == nil {
		return nil, errors.New("Unbounded RANGE is not allowed in GENERATE_RANGE_ARRAY") //nolint:staticcheck // GoogleSQL's words
	}
	start, end, kind, step := a[0].(int64), a[1].(int64), a[2].(string), intervalAt(a, 4)
	mixed := step.months != 0 && (step.days != 0 || step.micros != 0) || step.days != 0 && step.micros != 0
	switch {
	case step == interval{} || step.total().Sign() <= 0:
		return nil, errors.New("step cannot be 0 or negative")
	case mixed:
		return nil, errors.New("step must have exactly one non-zero part")
	case kind == "DATE" && step.micros != 0:
		return nil, errors.New("step must have MONTH or DAY part for RANGE<DATE>")
	case kind == "TIMESTAMP" && step.months != 0:
		return nil, errors.New("step with non-zero MONTH part is not supported for RANGE<TIMESTAMP>")
	}
	bounds := []any{start}
	for n := int64(1); ; n++ {
		at, ok := step.add(start, n)
		if !ok || at >= end {
			if last, _ := a[7].(bool); last || ok && at == end {
				bounds = append(bounds, end)
			}
			return bounds, nil
		}
		if n > maxArray {
			return nil, errArray
		}
		bounds = append(bounds, at)
	}
}
