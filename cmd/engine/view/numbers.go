package view

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Count writes a number with thousands separated: 12,408.
func Count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return sign + b.String()
}

// plural writes «1 row», «2 rows».
func plural(n int64, one string) string { return pluralOf(n, one, one+"s") }

func pluralOf(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Count(n) + " " + many
}

// Seconds writes a duration as people compare them: 0.21s, 12.4s, 3m05s, 1h02m.
func Seconds(d time.Duration) string {
	switch {
	case d < 0:
		return "0.00s"
	case d < 10*time.Second:
		return fmt.Sprintf("%.2fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Hour:
		d = d.Round(time.Second)
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	d = d.Round(time.Minute)
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

// Number writes «1 file», «2 files».
func Number(n int, one string) string { return plural(int64(n), one) }

// List writes «a, b, c».
func List(words []string) string { return strings.Join(words, ", ") }

// Age writes how long ago something was in one unit: 45 minutes, 3 hours, 12 days.
func Age(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return plural(int64(max(d, 0)/time.Second), "second")
	case d < 2*time.Hour:
		return plural(int64(d/time.Minute), "minute")
	case d < 48*time.Hour:
		return plural(int64(d/time.Hour), "hour")
	}
	return plural(int64(d/(24*time.Hour)), "day")
}
