package postgres

import (
	"context"

	"github.com/engine-build/engine/engine/warehouse"
)

// Sniff finds the columns of a CSV file as a connection does; it takes no server.
func (Driver) Sniff(ctx context.Context, f warehouse.File, known ...warehouse.Column) ([]warehouse.Column, error) {
	return session{}.Sniff(ctx, f, known...)
}
