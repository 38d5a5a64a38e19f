package terminal

import (
	"os"

	"golang.org/x/term"
)

// Size is that of the first of files that is a terminal, in cells; zeros if none is. It may
// change from one call to the next.
func Size(files ...*os.File) (columns, rows int) {
	for _, f := range files {
		if c, r, err := term.GetSize(int(f.Fd())); err == nil && c > 0 {
			return c, max(r, 0)
		}
	}
	return 0, 0
}
