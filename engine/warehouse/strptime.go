package warehouse

import (
	"fmt"
	"strings"
)

// TimeFormat is a format of dates and times that all warehouses read alike, for Slicer.Field.
type TimeFormat struct {
	// Text is the format, abbreviations written out: of the elements %Y %y %m %b %B %d %H %I
	// %p %M %S %z %% only.
	Text string
	// Clock says that it reads a time of day, Zone that it reads an offset from UTC, too.
	Clock, Zone bool
}

// timeParts are the elements of a format by what they read; a format has one of each.
var timeParts = []string{"Yy", "mbB", "d", "HI", "p", "M", "S", "z"}

// ReadTimeFormat reads a format as strptime writes it. A format names a year, a month and a
// day, each once, and a time of day from the hour down or none at all; an error says what is
// amiss.
func ReadTimeFormat(format string) (TimeFormat, error) {
	var f TimeFormat
	text := strings.NewReplacer("%%", "%%", "%F", "%Y-%m-%d", "%D", "%m/%d/%y", "%T", "%H:%M:%S", "%R", "%H:%M").Replace(format)
	has := make([]byte, len(timeParts))
	digits := false // the element before reads digits
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c != '%' {
			switch {
			case c < ' ' || c >= 0x7f:
				return f, fmt.Errorf("the format %q has a character that is not printable ASCII", format)
			case digits && c >= '0' && c <= '9':
				return f, fmt.Errorf("the format %q has a digit right after an element that reads digits", format)
			}
			digits = false
			continue
		}
		i++
		if i == len(text) {
			return f, fmt.Errorf("the format %q ends with a %%", format)
		}
		if text[i] == '%' {
			digits = false
			continue
		}
		part := -1
		for n, letters := range timeParts {
			if strings.IndexByte(letters, text[i]) >= 0 {
				part = n
			}
		}
		switch {
		case part < 0:
			return f, fmt.Errorf("the format %q has the element %%%c: there are %%Y %%y %%m %%b %%B %%d %%H %%I %%p %%M %%S %%z %%F %%D %%T %%R and %%%%", format, text[i])
		case has[part] != 0:
			return f, fmt.Errorf("the format %q says the same twice, with %%%c and %%%c", format, has[part], text[i])
		}
		has[part] = text[i]
		digits = !strings.ContainsRune("bBp", rune(text[i]))
	}
	hour, half, minute, second := has[3], has[4] != 0, has[5] != 0, has[6] != 0
	f = TimeFormat{Text: text, Clock: hour != 0, Zone: has[7] != 0}
	switch {
	case has[0] == 0 || has[1] == 0 || has[2] == 0:
		return f, fmt.Errorf("the format %q does not name a year, a month and a day", format)
	case !f.Clock && (half || minute || second || f.Zone), second && !minute:
		return f, fmt.Errorf("the format %q names a part of a time without the part above it", format)
	case (hour == 'I') != half:
		return f, fmt.Errorf("the format %q needs %%I and %%p together, or %%H", format)
	}
	return f, nil
}
