package words

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Count writes a number with thousands separators: «1,234,567».
func Count[N int | int32 | int64](n N) string {
	s := strconv.FormatInt(int64(n), 10)
	digits := strings.TrimPrefix(s, "-")
	if len(digits) <= 3 {
		return s
	}
	out := make([]byte, 0, len(s)+len(digits)/3)
	out = append(out, s[:len(s)-len(digits)]...)
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			out = append(out, ',')
		}
		out = append(out, digits[i])
	}
	return string(out)
}

// Plural is «1 test», «3 tests».
func Plural[N int | int32 | int64](n N, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return Count(n) + " " + Many(one)
}

// Many is the plural of a regular noun: «tests», «entries», «branches».
func Many(one string) string {
	switch {
	case strings.HasSuffix(one, "y") && !strings.HasSuffix(one, "ay") && !strings.HasSuffix(one, "ey"):
		return one[:len(one)-1] + "ies"
	case strings.HasSuffix(one, "s"), strings.HasSuffix(one, "ch"), strings.HasSuffix(one, "x"):
		return one + "es"
	}
	return one + "s"
}

// Took writes a duration as short as people say it: «12 ms», «3.2 s», «2 min 5 s», «2 h 5 min».
func Took(d time.Duration) string {
	switch {
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < time.Minute:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}

// Period writes a span that somebody has chosen: «12 hours», «2 days»; empty for 0.
func Period(d time.Duration) string {
	day := 24 * time.Hour
	switch {
	case d <= 0:
		return ""
	case d%day == 0:
		return Plural(int64(d/day), "day")
	case d%time.Hour == 0:
		return Plural(int64(d/time.Hour), "hour")
	case d%time.Minute == 0:
		return Plural(int64(d/time.Minute), "minute")
	}
	return Took(d)
}

// Ago writes how long before now a time was, in its largest unit: «3 days before»; empty if
// either is unknown or t is not before now.
func Ago(t, now time.Time) string {
	if t.IsZero() || now.IsZero() || !t.Before(now) {
		return ""
	}
	d := now.Sub(t)
	switch {
	case d >= 48*time.Hour:
		return Plural(int64(d/(24*time.Hour)), "day") + " before"
	case d >= 2*time.Hour:
		return Plural(int64(d/time.Hour), "hour") + " before"
	}
	return Plural(max(1, int64(d/time.Minute)), "minute") + " before"
}

// Size writes a number of bytes in powers of 1,000: «381.2 MB».
func Size(n int64) string {
	x, units := float64(n), []string{"B", "KB", "MB", "GB", "TB", "PB"}
	i := 0
	for x >= 1000 && i < len(units)-1 {
		x /= 1000
		i++
	}
	if i == 0 {
		return strconv.FormatInt(n, 10) + " B"
	}
	return strconv.FormatFloat(x, 'f', 1, 64) + " " + units[i]
}

// When writes a time to the minute, in UTC; empty for none.
func When(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04") + " UTC"
}

// Day writes the day of a time, in UTC; empty for none.
func Day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

// Percent is «12 %» of a whole, rounded down so that only all is 100 %; «0 %» of nothing.
func Percent[N int | int64](n, of N) string {
	if of == 0 {
		return "0 %"
	}
	return Count(int64(n)*100/int64(of)) + " %"
}

// Share is a fraction of a whole to one place where that says more: «0.3 %», «12 %». Something
// is never «0 %», and not all is never «100 %».
func Share(n, of int64) string {
	switch {
	case of <= 0 || n <= 0:
		return "0 %"
	case n >= of:
		return "100 %"
	}
	p := 100 * float64(n) / float64(of)
	switch {
	case p < 0.1:
		return "< 0.1 %"
	case p > 99.9:
		return "> 99.9 %"
	case p < 10:
		return strconv.FormatFloat(p, 'f', 1, 64) + " %"
	}
	return strconv.FormatFloat(min(p, 99), 'f', 0, 64) + " %"
}

// Delta is the change from one number to another: «+1,204», «−3», or «no change».
func Delta(from, to int64) string {
	switch d := to - from; {
	case d > 0:
		return "+" + Count(d)
	case d < 0:
		return "−" + Count(-d)
	}
	return "no change"
}

// Clip cuts a text to a number of characters, with an ellipsis.
func Clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	at, n := 0, 0
	for i := range s {
		if n == most-1 {
			at = i
		}
		n++
	}
	if n <= most {
		return s
	}
	return strings.TrimRight(s[:at], " ,;.") + "…"
}

// Kind is how readers call a kind of node or test: «unit test».
func Kind(k string) string { return strings.ReplaceAll(k, "_", " ") }

// Tone is the word for a tone in badges and legends.
func Tone(tone string) string {
	switch tone {
	case "stg":
		return "staging"
	case "int":
		return "intermediate"
	case "dim":
		return "dimension"
	case "fct":
		return "fact"
	}
	return tone
}

// Summary is the first sentence of a description in Markdown as plain text, cut to a number of
// characters: for lists and titles.
func Summary(s string, most int) string {
	s = strings.TrimSpace(s)
	if i := strings.Index(s, "\n\n"); i >= 0 {
		s = s[:i]
	}
	if len(s) > 8*most { // marks are dropped, so more than most is needed, but not a whole book
		s = s[:8*most]
	}
	s = Plain(s)
	if i := strings.Index(s, ". "); i > 0 {
		s = s[:i+1]
	}
	return Clip(s, most)
}

// Plain drops the marks of Markdown and folds white space.
func Plain(s string) string {
	if strings.ContainsAny(s, "*_`[(#") {
		s = strings.TrimLeft(unmark.Replace(s), "# ")
	}
	return strings.ToValidUTF8(strings.Join(strings.Fields(s), " "), "\uFFFD")
}

var unmark = strings.NewReplacer("**", "", "__", "", "`", "", "](", " (", "[", "")
