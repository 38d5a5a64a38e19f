package duckdb

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

var _ warehouse.Stocktaker = (*conn)(nil)

// filesAtOnce is how many customers' files are open at a time while stock is taken.
const filesAtOnce = 16

// Stock implements warehouse.Stocktaker: it looks into the files of customers that have another
// stamp now. One that is not the owner's, or cannot be read, counts as not there: a release says why.
func (c *conn) Stock(ctx context.Context, specs []warehouse.ReleaseSpec) (map[string]warehouse.Stock, error) {
	out := make(map[string]warehouse.Stock, len(specs))
	own, err := c.ownPath(ctx)
	if err != nil {
		return nil, err
	}
	var changed []warehouse.ReleaseSpec
	for _, s := range specs {
		if isOwn(own, fileOf(s)) {
			continue // a release says so
		}
		if s.Stamp != "" && stampOf(fileOf(s), s) == s.Stamp {
			out[s.Customer] = warehouse.Stock{Stamp: s.Stamp}
		} else {
			changed = append(changed, s)
		}
	}
	specs = changed
	for some := range slices.Chunk(specs, filesAtOnce) {
		if err := c.stock(ctx, some, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// fileOf is a customer's file.
func fileOf(s warehouse.ReleaseSpec) string { return filepath.Join(s.Dir, s.Customer+".duckdb") }

func (c *conn) stock(ctx context.Context, specs []warehouse.ReleaseSpec, out map[string]warehouse.Stock) (err error) {
	var d Dialect
	open := map[string]warehouse.ReleaseSpec{} // by database
	stamps := map[string]string{}              // by database, of before it was opened
	defer func() {
		for name := range open {
			if failed := c.alone(context.WithoutCancel(ctx), "detach database if exists "+d.Ident(name)); failed != nil && err == nil {
				err = fmt.Errorf("let go of the file of %s: %w", open[name].Customer, failed)
			}
		}
	}()
	var names []string
	for _, s := range specs {
		if err := ctx.Err(); err != nil {
			return err
		}
		file := fileOf(s)
		if there, err := isDatabase(file); err != nil || !there {
			continue
		}
		stamp := stampOf(file, s)
		name, err := c.attachFile(ctx, file, "_engine_stock__"+s.Customer, " (read_only)")
		if err != nil {
			continue
		}
		open[name], stamps[name] = s, stamp
		names = append(names, d.Literal(name))
	}
	if len(open) == 0 {
		return nil
	}
	rows, err := c.catalog(ctx, "database_name in ("+strings.Join(names, ", ")+")", false)
	if err != nil {
		return err
	}
	found := map[string][]warehouse.Relation{}
	marks := map[string][]addr.Relation{}
	for _, row := range rows {
		rel := row.relation
		database := rel.Name.Database
		if rel.Name.Name == warehouse.ReleaseTable && rel.Kind == warehouse.Table {
			marks[database] = append(marks[database], rel.Name)
		}
		rel.Name.Database = ""
		found[database] = append(found[database], rel)
	}
	for name, s := range open {
		if len(marks[name]) != 1 {
			continue
		}
		rows, err := c.leases().Ask(ctx, "select owner, relations, run_id from "+d.Quote(marks[name][0]))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil || len(rows) != 1 || rows[0][0] != s.Owner {
			continue
		}
		released, err := warehouse.ReadReleased(rows[0][1])
		if err != nil {
			continue
		}
		own, _ := released.Apart(found[name], warehouse.Kinds(found[name]), true)
		have := warehouse.Stock{Run: &rows[0][2], Relations: map[addr.Relation]bool{}}
		// Another file may have taken the name meanwhile: the stamp is of the one that was read.
		if stampOf(fileOf(s), s) == stamps[name] {
			have.Stamp = stamps[name]
		}
		for _, o := range own {
			have.Relations[o.Name] = true
		}
		out[s.Customer] = have
	}
	return nil
}
