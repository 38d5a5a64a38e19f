package duckdb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/engine-build/engine/engine/warehouse"
)

var _ warehouse.Stocktaker = (*conn)(nil)

// Stock implements warehouse.Stocktaker: a customer's file is there or not.
func (c *conn) Stock(_ context.Context, specs []warehouse.ReleaseSpec) (map[string]warehouse.Stock, error) {
	out := make(map[string]warehouse.Stock, len(specs))
	for _, s := range specs {
		_, err := os.Lstat(filepath.Join(s.Dir, s.Customer+".duckdb"))
		switch {
		case err == nil:
			out[s.Customer] = warehouse.Stock{}
		case !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("look for the file of %s: %w", s.Customer, err)
		}
	}
	return out, nil
}
