package warehouse

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// CSVTypes says how a warehouse stores the columns of CSV files.
type CSVTypes struct {
	// Of are the types of the shapes, for columns without a type.
	Of map[Shape]string
	// Check gives the test of values of a type that is known, nil where the warehouse's own
	// is strict enough.
	Check func(typ string) ValueCheck
}

// CSVColumns checks a CSV file as a whole and gives its columns in file order, with the
// types of known where they have one. Only where one is missing are all values looked at for
// their shape. A known column that the header lacks is a *LoadError.
func CSVColumns(ctx context.Context, f File, known []Column, types CSVTypes) ([]Column, error) {
	typeOf := func(name string) string {
		for _, c := range known {
			if strings.EqualFold(c.Name, name) {
				return c.Type
			}
		}
		return ""
	}
	csv, err := CheckCSV(ctx, f, func(column string) ValueCheck {
		if t := typeOf(column); t != "" && types.Check != nil {
			return types.Check(t)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	found := make([]Column, len(csv.Header))
	var shapes []Shape
	for i, name := range csv.Header {
		found[i] = Column{Name: name, Type: typeOf(name), Nullable: true}
		if found[i].Type != "" {
			continue
		}
		if shapes == nil {
			if _, shapes, err = SniffCSV(ctx, f); err != nil {
				return nil, err
			}
		}
		found[i].Type = types.Of[shapes[i]]
	}
	bad := &LoadError{}
	for _, c := range known {
		if !slices.ContainsFunc(csv.Header, func(h string) bool { return strings.EqualFold(h, c.Name) }) {
			bad.Rows = append(bad.Rows, BadRow{Line: 1, Name: c.Name, Reason: fmt.Sprintf("the header has no column %q, only %s", c.Name, strings.Join(csv.Header, ", "))})
		}
	}
	if len(bad.Rows) > 0 {
		return nil, bad
	}
	return found, nil
}
