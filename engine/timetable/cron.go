package timetable

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// Cron is a parsed cron line: minute, hour, day of the month, month and day of the week, as
// in crontab(5). The zero value never fires; Parse gives others. Immutable.
type Cron struct {
	text string
	// Sets of values, bit n for value n. Sunday is 0.
	minutes, hours, days, months, weekdays uint64
	// Where both kinds of days are restricted, a day is due that is in either: POSIX's rule.
	anyDay, anyWeekday bool
}

// String is the line as written.
func (c Cron) String() string { return c.text }

// SyntaxError is what is wrong with a cron line. Offset and Length are bytes of the text.
type SyntaxError struct {
	Offset, Length int
	Message, Help  string
}

func (e *SyntaxError) Error() string { return e.Message }

// field is one of the five, with its range and its words.
type field struct {
	name     string
	min, max int
	words    []string // of min, min+1, …
}

var fields = [5]field{
	{name: "minute", max: 59},
	{name: "hour", max: 23},
	{name: "day of the month", min: 1, max: 31},
	{name: "month", min: 1, max: 12, words: []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
	{name: "day of the week", max: 7, words: []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
}

// macros are the words that stand for a whole line.
var macros = []struct{ word, line string }{
	{"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"}, {"@weekly", "0 0 * * 0"},
	{"@daily", "0 0 * * *"}, {"@midnight", "0 0 * * *"}, {"@hourly", "0 * * * *"},
}

// Macros are the words that a cron line may be instead of its five fields.
func Macros() []string {
	var out []string
	for _, m := range macros {
		out = append(out, m.word)
	}
	return out
}

const fieldsHelp = `want five fields: minute, hour, day of the month, month, day of the week; for example "30 2 * * 1-5"`

// Parse reads a cron line. What other implementations take for something else than it says,
// or silently never do, is an error: steps beyond the range, dates that do not exist, steps in
// one field of days together with a restriction in the other. Errors are *SyntaxError.
func Parse(text string) (Cron, error) {
	trimmed := strings.TrimSpace(text)
	lead := strings.Index(text, trimmed)
	wrong := func(message, help string) (Cron, error) {
		return Cron{}, &SyntaxError{Offset: lead, Length: len(trimmed), Message: message, Help: help}
	}
	if trimmed == "" {
		return wrong("the cron line is empty", fieldsHelp)
	}
	if strings.HasPrefix(trimmed, "@") {
		for _, m := range macros {
			if strings.EqualFold(trimmed, m.word) {
				c, err := Parse(m.line)
				c.text = trimmed
				return c, err
			}
		}
		if every, ok := strings.CutPrefix(strings.ToLower(trimmed), "@every"); ok {
			return wrong("intervals are not cron lines", fmt.Sprintf(`write "every: %s" instead of "cron"`, strings.TrimSpace(every)))
		}
		return wrong(fmt.Sprintf("there is no %q", trimmed), "known are "+strings.Join(Macros(), ", "))
	}
	if zone, ok := strings.CutPrefix(trimmed, "CRON_TZ="); ok || strings.HasPrefix(trimmed, "TZ=") {
		zone, _, _ = strings.Cut(strings.TrimPrefix(zone, "TZ="), " ")
		return wrong("a cron line has no time zone in it", fmt.Sprintf(`write "timezone: %s" beside "cron"`, zone))
	}
	type part struct {
		text string
		at   int
	}
	var parts []part
	for i := 0; i < len(text); {
		if text[i] == ' ' || text[i] == '\t' {
			i++
			continue
		}
		end := i
		for end < len(text) && text[end] != ' ' && text[end] != '\t' {
			end++
		}
		parts = append(parts, part{text[i:end], i})
		i = end
	}
	if len(parts) != len(fields) {
		help := fieldsHelp
		if len(parts) == 6 {
			help = `there is no field of seconds: cron fires once a minute at most; for less write "every: 10s"`
		}
		return wrong(fmt.Sprintf("the cron line has %d fields", len(parts)), help)
	}
	var sets [5]uint64
	for i, p := range parts {
		set, err := fields[i].parse(p.text)
		if err != nil {
			err.Offset += p.at
			return Cron{}, err
		}
		sets[i] = set
	}
	c := Cron{text: trimmed, minutes: sets[0], hours: sets[1], days: sets[2], months: sets[3], weekdays: sets[4]}
	if c.weekdays&(1<<7) != 0 {
		c.weekdays = c.weekdays&^(1<<7) | 1
	}
	c.anyDay, c.anyWeekday = parts[2].text == "*", parts[4].text == "*"
	for i, other := range [2]int{4, 2} {
		p := parts[[2]int{2, 4}[i]]
		if strings.HasPrefix(p.text, "*/") && parts[other].text != "*" {
			return Cron{}, &SyntaxError{Offset: p.at, Length: len(p.text),
				Message: fmt.Sprintf("%q together with a %s is ambiguous: some crons take days that match both, others days that match either", p.text, fields[other].name),
				Help:    "list the days instead of the step: then days that match either are due"}
		}
	}
	if !c.possible() {
		return Cron{}, &SyntaxError{Offset: parts[2].at, Length: parts[3].at + len(parts[3].text) - parts[2].at,
			Message: "the cron line never fires: there is no such date in any year", Help: "no month has more than 31 days, and February has 29 at most"}
	}
	return c, nil
}

// possible reports whether there is a date that the line names.
func (c Cron) possible() bool {
	if c.anyDay || !c.anyWeekday {
		return true // any weekday comes about in every month
	}
	for month := 1; month <= 12; month++ {
		if c.months&(1<<month) != 0 && bits.TrailingZeros64(c.days) <= longest(month) {
			return true
		}
	}
	return false
}

// longest is how many days a month of the Gregorian calendar can have.
func longest(month int) int {
	switch month {
	case 2:
		return 29
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// parse reads one field: a list of values, ranges and steps.
func (f field) parse(text string) (uint64, *SyntaxError) {
	var set uint64
	at := 0
	for item := range strings.SplitSeq(text, ",") {
		one, err := f.item(item)
		if err != nil {
			err.Offset += at
			if err.Length == 0 {
				err.Length = max(len(item), 1)
			}
			return 0, err
		}
		set |= one
		at += len(item) + 1
	}
	return set, nil
}

func (f field) wrong(format string, args ...any) *SyntaxError {
	return &SyntaxError{Message: fmt.Sprintf(format, args...), Help: f.help()}
}

func (f field) help() string {
	help := fmt.Sprintf("the %s is %d to %d", f.name, f.min, f.max)
	if f.words != nil {
		help += fmt.Sprintf(", or %s to %s", f.words[0], f.words[len(f.words)-1])
	}
	return help + ": one value, a range 1-5, a list 1,3,5, a step */2 or 1-5/2, or *"
}

func (f field) item(text string) (uint64, *SyntaxError) {
	span, step, stepped := strings.Cut(text, "/")
	lo, hi := f.min, f.max
	if f.name == "day of the week" {
		hi = 6 // 7 is Sunday once more
	}
	switch first, last, ranged := strings.Cut(span, "-"); {
	case span == "*":
	case span == "":
		return 0, f.wrong("a value of the %s is missing", f.name)
	case ranged:
		var err *SyntaxError
		if lo, err = f.value(first); err != nil {
			return 0, err
		}
		if hi, err = f.value(last); err != nil {
			return 0, err
		}
		if hi < lo {
			e := f.wrong("the range %q of the %s ends before it begins", span, f.name)
			e.Help = fmt.Sprintf("write %d-%d,%d-%d if it goes beyond the end", lo, f.max, f.min, hi)
			if f.name == "day of the week" {
				e.Help = fmt.Sprintf("write %d-6,0-%d if it goes beyond the end", lo, hi)
			}
			return 0, e
		}
	default:
		v, err := f.value(span)
		if err != nil {
			return 0, err
		}
		if stepped {
			e := f.wrong("the step of %q has no range", text)
			e.Help = fmt.Sprintf("write %d-%d/%s", v, hi, step)
			return 0, e
		}
		return 1 << v, nil
	}
	n := 1
	if stepped {
		var err error
		n, err = strconv.Atoi(step)
		switch {
		case err != nil || n < 1 || step[0] == '+':
			return 0, f.wrong("%q is not a step of the %s", step, f.name)
		case n > hi-lo:
			e := f.wrong("the step %d is beyond the range %d-%d of the %s, so only %d would be due", n, lo, hi, f.name, lo)
			e.Help = fmt.Sprintf("write %d if that is meant; for an interval of any length write \"every\" instead of \"cron\"", lo)
			return 0, e
		}
	}
	var set uint64
	for v := lo; v <= hi; v += n {
		set |= 1 << v
	}
	return set, nil
}

func (f field) value(text string) (int, *SyntaxError) {
	for i, w := range f.words {
		if strings.EqualFold(text, w) {
			return f.min + i, nil
		}
	}
	digits := text != "" && strings.Trim(text, "0123456789") == ""
	n, err := strconv.Atoi(text)
	switch {
	case !digits && (text == "?" || strings.ContainsAny(text, "LW#?")):
		return 0, f.wrong("%q is an extension that is not available", text)
	case !digits || err != nil || n < f.min || n > f.max:
		return 0, f.wrong("%q is not the %s", text, f.name)
	}
	return n, nil
}

// on reports whether the line names a date.
func (c Cron) on(month, day, weekday int) bool {
	if c.months&(1<<month) == 0 {
		return false
	}
	d, w := c.days&(1<<day) != 0, c.weekdays&(1<<weekday) != 0
	switch {
	case c.anyDay:
		return w
	case c.anyWeekday:
		return d
	}
	return d || w
}

// everyHour reports whether the line names no hour: it speaks of minutes of whatever hours
// there are.
func (c Cron) everyHour() bool { return c.hours == 1<<24-1 }
