package check

import (
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/sql"
)

// ReadAllowances reads the comments of one text.
func ReadAllowances(name, text string) {
	allowancesIn(source.NewFile(name, []byte(text)), sql.GoogleSQL)
}
