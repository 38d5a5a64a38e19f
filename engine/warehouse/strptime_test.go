package warehouse

import (
	"strings"
	"testing"
)

func TestReadTimeFormat(t *testing.T) {
	for format, want := range map[string]TimeFormat{
		"%d.%m.%Y":           {Text: "%d.%m.%Y"},
		"%F":                 {Text: "%Y-%m-%d"},
		"%D":                 {Text: "%m/%d/%y"},
		"%d-%b-%Y":           {Text: "%d-%b-%Y"},
		"%d. %B %Y, 100%%":   {Text: "%d. %B %Y, 100%%"},
		"%F %T":              {Text: "%Y-%m-%d %H:%M:%S", Clock: true},
		"%m/%d/%Y %I:%M %p":  {Text: "%m/%d/%Y %I:%M %p", Clock: true},
		"%Y%m%dT%H%M%S %z":   {Text: "%Y%m%dT%H%M%S %z", Clock: true, Zone: true},
		"%%F %d/%m/%y %R %%": {Text: "%%F %d/%m/%y %H:%M %%", Clock: true},
	} {
		if got, err := ReadTimeFormat(format); err != nil || got != want {
			t.Errorf("%q is read as %+v, %v", format, got, err)
		}
	}
	for format, want := range map[string]string{
		"":                     "year",
		"%Y-%m":                "year, a month and a day",
		"%Y-%m-%d %":           "ends with",
		"%Y-%j":                "element %j",
		"%Y-%m-%d %y":          "twice",
		"%Y-%b-%m-%d":          "twice",
		"%Y-%m-%d %M":          "above it",
		"%Y-%m-%d %H %S":       "above it",
		"%Y-%m-%d %z":          "above it",
		"%Y-%m-%d %I:%M":       "%I and %p together",
		"%Y-%m-%d %H:%M %p":    "%I and %p together",
		"%Y0%m%d":              "digit right after",
		"%Y-%m-%d\n":           "printable",
		"%Y-%m-%d '); DROP ä;": "printable",
	} {
		if _, err := ReadTimeFormat(format); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", format, err)
		}
	}
}
