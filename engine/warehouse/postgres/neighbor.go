package postgres

import (
	"fmt"

	"github.com/engine-build/engine/engine/warehouse"
)

// Reach: a connection reads the schemas of its own database, and of no other.
func (Driver) Reach(own, other warehouse.Config) (warehouse.Reach, error) {
	here, err := readOptions(own)
	if err != nil {
		return warehouse.Reach{}, err
	}
	there, err := readOptions(other)
	if err != nil {
		return warehouse.Reach{}, err
	}
	for _, key := range []string{"host", "port", "dbname"} {
		if here.settings[key] != there.settings[key] {
			return warehouse.Reach{}, &warehouse.OpenError{
				Reason: fmt.Sprintf("PostgreSQL reads no other database than its own: %s is %q here and %q there", key, here.settings[key], there.settings[key]),
				Help:   "let both targets be schemas of one database, or leave --defer away and build the parents too (+model)",
			}
		}
	}
	return warehouse.Reach{}, nil
}
