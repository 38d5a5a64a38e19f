package bigquery

import "github.com/engine-build/engine/engine/warehouse"

// Reach: every project can be read, as far as the account may.
func (Driver) Reach(_, other warehouse.Config) (warehouse.Reach, error) {
	return warehouse.Reach{Database: other.Fields["project"]}, nil
}
