package postgres

import (
	"strings"
	"testing"

	target "github.com/engine-build/engine/engine/transpile/postgres"
	"github.com/engine-build/engine/engine/warehouse"
)

// TestTimeParts: every format that package warehouse reads has an expression here.
func TestTimeParts(t *testing.T) {
	days := []string{"%Y-%m-%d", "%d.%m.%y", "%b %d, %Y", "%d %B %Y", "%Y%m%d", "%F", "%D", "%d. %m. 100%% %Y", `%d\%m\%Y`, "%d(%m)[%Y]{x}*+?|^$", "T%YZ-%m_%d"}
	clocks := []string{"", " %H", " %H:%M", "T%H:%M:%S", " %I:%M %p", "%H%M%S", " %T", " %R %z", " %H%z"}
	read := 0
	for _, day := range days {
		for _, clock := range clocks {
			f, err := warehouse.ReadTimeFormat(day + clock)
			if err != nil {
				t.Errorf("%q: %v", day+clock, err)
				continue
			}
			read++
			re, parts, ok := target.TimeParts(f.Text)
			if !ok || re == "" || f.Clock != strings.ContainsAny(parts, "HI") || f.Zone != strings.Contains(parts, "z") {
				t.Errorf("%q has the parts %q, %v", f.Text, parts, ok)
			}
		}
	}
	if read != len(days)*len(clocks) {
		t.Errorf("%d formats were read", read)
	}
}
