package bigquery

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// details are what a relation that is built aside gets when it is published. A table takes
// five changes of its description in ten seconds, so they are kept until then and written
// with one call; nobody reads the relation before.
type details struct {
	comment *string
	columns map[string]string   // comments by path
	tags    map[string][]string // policy tags by path
	hours   float64
	made    bool // this connection made the relation, so hours are known
	cloned  bool // from the relation that it will replace, whose description holds on
}

// detailsOf gives the details of a relation aside, new ones if there are none.
func (c *conn) detailsOf(rel addr.Relation, change func(*details)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := c.full(rel)
	if c.details[key] == nil {
		c.details[key] = &details{columns: map[string]string{}, tags: map[string][]string{}}
	}
	change(c.details[key])
}

// takeDetails gives the details and forgets them.
func (c *conn) takeDetails(rel addr.Relation) details {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := c.full(rel)
	d := c.details[key]
	delete(c.details, key)
	if d == nil {
		return details{}
	}
	return *d
}

// begun notes that a relation was made.
func (c *conn) begun(rel addr.Relation, l *warehouse.Layout, cloned bool) {
	if !aside(rel.Name) {
		return
	}
	c.takeDetails(rel)
	c.detailsOf(rel, func(d *details) {
		d.made, d.cloned = true, cloned
		if l != nil {
			d.hours = l.Hours
			maps.Copy(d.tags, l.PolicyTags)
		}
	})
}

// Perform does what takes calls of the interface, or statements that depend on what was
// found: datasets, publication, comments, access, pruned merges, partitions, fields within
// records, and tables whose layout needs to know the types of the query.
func (c *conn) Perform(ctx context.Context, op warehouse.Op) (stats warehouse.JobStats, stmt warehouse.Statement, done bool, err error) {
	if warehouse.NeedsExpand(op) {
		return stats, stmt, false, nil
	}
	stats = warehouse.JobStats{Rows: -1, Bytes: -1}
	t := &trail{}
	done = true
	switch o := op.(type) {
	case warehouse.CreateSchema:
		err = c.createSchema(ctx, t, o)
	case warehouse.CreateTableAs:
		return c.createTableAs(ctx, o)
	case warehouse.CreateTable:
		return c.createTable(ctx, o)
	case warehouse.CloneTable:
		stats, stmt, err = c.clone(ctx, t, o)
		return stats, stmt, true, err
	case warehouse.StageSnapshot:
		// Its queries join under aliases of one letter, which a dataset may have as a name.
		o.Target, o.From, o.Fresh, o.Closing = c.full(o.Target), c.full(o.From), c.full(o.Fresh), c.full(o.Closing)
		stats, stmt, err = c.render(ctx, o)
		return stats, stmt, true, err
	case warehouse.Swap:
		stats, stmt, err = c.swap(ctx, o)
		return stats, stmt, true, err
	case warehouse.Drop:
		if !possible(o.Relation) {
			return stats, stmt, true, nil
		}
		c.takeDetails(o.Relation)
		err = c.deleteTable(ctx, t, o.Relation)
	case warehouse.Comment:
		err = c.comment(ctx, t, o)
	case warehouse.MergeInto:
		if o.Partition == nil {
			return stats, stmt, false, nil
		}
		stats, stmt, err = c.mergePruned(ctx, o)
		return stats, stmt, true, err
	case warehouse.ReplacePartitions:
		stats, stmt, err = c.replaceFound(ctx, o)
		return stats, stmt, true, err
	case warehouse.AddColumns:
		return c.addColumns(ctx, t, o)
	case warehouse.DropColumns:
		return c.dropColumns(ctx, o)
	case warehouse.RetypeColumns:
		stats, stmt, err = c.retypeColumns(ctx, o)
		return stats, stmt, true, err
	case warehouse.RefreshMaterializedView:
		o.Target = c.full(o.Target)
		stats, stmt, err = c.render(ctx, o)
		return stats, stmt, true, err
	case warehouse.Grant:
		err = c.grant(ctx, o)
	case warehouse.Authorize:
		err = c.authorize(ctx, o)
	case warehouse.Load:
		return c.loadOp(ctx, o)
	default:
		return warehouse.JobStats{}, stmt, false, nil
	}
	stats.Retries = t.retries
	return stats, stmt, done, err
}

// render runs the statements of an operation; stmt is the one that failed.
func (c *conn) render(ctx context.Context, op warehouse.Op) (warehouse.JobStats, warehouse.Statement, error) {
	stmts, err := Dialect{}.Render(op)
	if err != nil {
		return warehouse.JobStats{Rows: -1, Bytes: -1}, warehouse.Statement{}, err
	}
	return c.send(ctx, stmts)
}

// clone makes a clone that can be read without a condition, whatever its base asks of
// readers: tests and comparisons read it as a whole. The published table asks again.
func (c *conn) clone(ctx context.Context, t *trail, o warehouse.CloneTable) (warehouse.JobStats, warehouse.Statement, error) {
	stats, failed, err := c.render(ctx, o)
	if err != nil {
		return stats, failed, err
	}
	c.begun(o.To, nil, true)
	if !aside(o.To.Name) {
		return stats, failed, nil
	}
	err = c.patchTable(ctx, t, o.To, func(table resource) (resource, error) {
		if !boolOf(table["requirePartitionFilter"]) {
			return nil, nil
		}
		return resource{"requirePartitionFilter": false}, nil
	})
	stats.Retries = append(stats.Retries, t.retries...)
	return stats, failed, err
}

// send runs statements one after the other; stmt is the one that failed.
func (c *conn) send(ctx context.Context, stmts []warehouse.Statement) (warehouse.JobStats, warehouse.Statement, error) {
	all := &totals{}
	all.sum.Rows = -1
	for _, s := range stmts {
		got, err := c.Exec(ctx, s)
		if all.add(got); err != nil {
			return all.sum, s, err
		}
	}
	return all.sum, warehouse.Statement{}, nil
}

// createSchema makes a dataset in the target's location. One that exists must be there: a
// job reads and writes one location only.
func (c *conn) createSchema(ctx context.Context, t *trail, o warehouse.CreateSchema) error {
	if !datasetPattern.MatchString(o.Schema) {
		return &Error{Reason: reasonInvalid, Message: fmt.Sprintf("%q is no name of a dataset: use letters, digits and _ only", o.Schema), Err: fmt.Errorf("dataset name")}
	}
	for turn := 1; ; turn++ {
		found, err := c.dataset(ctx, t, o.Database, o.Schema)
		if err == nil {
			if found.Location != "" && !strings.EqualFold(found.Location, c.location) {
				return c.elsewhere(o.Schema, found.Location)
			}
			return nil
		}
		if !notFound(err) {
			return fmt.Errorf("look up dataset %s: %w", o.Schema, err)
		}
		if err = c.makeDataset(ctx, t, o.Database, o.Schema); err == nil {
			return nil
		}
		if !hasStatus(err, http.StatusConflict) || turn == 3 {
			return fmt.Errorf("make dataset %s: %w", o.Schema, err)
		}
	}
}

// createTableAs fills in what the statement cannot be written without: types for NOT NULL,
// and a table to insert into where rows are divided by their arrival, since no query can
// make such a table.
func (c *conn) createTableAs(ctx context.Context, o warehouse.CreateTableAs) (warehouse.JobStats, warehouse.Statement, bool, error) {
	l := o.Layout
	arrival := l != nil && l.Partition != nil && l.Partition.Column == ""
	result := o.Columns
	if (needsTypes(l) || arrival) && !typed(result) {
		query := bodyOnly(o)
		estimate, err := c.DryRun(ctx, query)
		if err != nil {
			return warehouse.JobStats{}, query, true, err
		}
		if result = estimate.Columns; len(result) == 0 {
			return warehouse.JobStats{}, warehouse.Statement{}, true, fmt.Errorf("create table %s: the service does not say which columns the query has", o.Target)
		}
	}
	var stats warehouse.JobStats
	var failed warehouse.Statement
	var err error
	if arrival {
		stats, failed, err = c.createByArrival(ctx, o, result)
	} else {
		var stmts []warehouse.Statement
		if stmts, err = (Dialect{}).createTyped(o, result); err == nil {
			stats, failed, err = c.send(ctx, stmts)
		}
	}
	if err != nil {
		return stats, failed, true, err
	}
	c.begun(o.Target, l, false)
	if !aside(o.Target.Name) && l != nil && len(l.PolicyTags) > 0 {
		err = c.describeTable(ctx, &trail{}, o.Target, details{tags: l.PolicyTags})
	}
	return stats, warehouse.Statement{}, true, err
}

func typed(columns []warehouse.Column) bool {
	return len(columns) > 0 && !slices.ContainsFunc(columns, func(c warehouse.Column) bool { return c.Type == "" })
}

// bodyOnly is the query of a CREATE TABLE AS, with casts if it has some.
func bodyOnly(o warehouse.CreateTableAs) warehouse.Statement {
	if len(o.Columns) == 0 {
		return warehouse.Statement{SQL: o.Query, BodyEnd: len(o.Query)}
	}
	before, after := Dialect{}.casting(o.Columns)
	return around(before, o.Query, after)
}

func (c *conn) createByArrival(ctx context.Context, o warehouse.CreateTableAs, result []warehouse.Column) (warehouse.JobStats, warehouse.Statement, error) {
	var d Dialect
	stats, failed, err := c.render(ctx, warehouse.CreateTable{Target: o.Target, Columns: result, Layout: o.Layout})
	if err != nil {
		return stats, failed, err
	}
	body := bodyOnly(o)
	head := "insert into " + d.Quote(o.Target) + " (" + d.idents("", columnNames(result)) + ")\n(\n"
	insert := warehouse.Statement{SQL: head + body.SQL + "\n)", BodyStart: len(head) + body.BodyStart, BodyEnd: len(head) + body.BodyEnd}
	more, err := c.Exec(ctx, insert)
	more.Retries = append(stats.Retries, more.Retries...)
	if err != nil {
		return more, insert, err
	}
	return more, warehouse.Statement{}, nil
}

func (c *conn) createTable(ctx context.Context, o warehouse.CreateTable) (warehouse.JobStats, warehouse.Statement, bool, error) {
	stats, failed, err := c.render(ctx, o)
	if err != nil {
		return stats, failed, true, err
	}
	c.begun(o.Target, o.Layout, false)
	if !aside(o.Target.Name) && o.Layout != nil && len(o.Layout.PolicyTags) > 0 {
		err = c.describeTable(ctx, &trail{}, o.Target, details{tags: o.Layout.PolicyTags})
	}
	return stats, warehouse.Statement{}, true, err
}

// comment describes a relation or a field, «a.b» within records.
func (c *conn) comment(ctx context.Context, t *trail, o warehouse.Comment) error {
	set := func(d *details) {
		if o.Column == "" {
			d.comment = &o.Text
		} else {
			d.columns[o.Column] = o.Text
		}
	}
	if aside(o.Relation.Name) {
		c.detailsOf(o.Relation, set)
		return nil
	}
	d := details{columns: map[string]string{}}
	set(&d)
	return c.describeTable(ctx, t, o.Relation, d)
}

// describeTable writes details onto an existing relation.
func (c *conn) describeTable(ctx context.Context, t *trail, rel addr.Relation, d details) error {
	return c.patchTable(ctx, t, rel, func(table resource) (resource, error) {
		patch := resource{}
		if d.comment != nil && !same(table["description"], *d.comment) {
			patch["description"] = *d.comment
		}
		changed, err := d.applyFields(rel, table)
		if changed {
			patch["schema"] = table["schema"]
		}
		return patch, err
	})
}

// applyFields writes comments and policy tags into the schema of a table.
func (d details) applyFields(rel addr.Relation, table resource) (changed bool, err error) {
	fields := table.columns()
	for _, path := range slices.Sorted(maps.Keys(d.columns)) {
		did, err := describeField(fields, path, "description", d.columns[path])
		if err != nil {
			return false, &warehouse.ColumnError{Relation: rel, Column: path, Have: fieldNames(fields)}
		}
		changed = changed || did
	}
	for _, path := range slices.Sorted(maps.Keys(d.tags)) {
		did, err := describeField(fields, path, "policyTags", tagsValue(d.tags[path]))
		if err != nil {
			return false, &warehouse.ColumnError{Relation: rel, Column: path, Have: fieldNames(fields)}
		}
		changed = changed || did
	}
	return changed, nil
}

func nestedName(name string) bool { return strings.Contains(name, ".") }

func (c *conn) addColumns(ctx context.Context, t *trail, o warehouse.AddColumns) (warehouse.JobStats, warehouse.Statement, bool, error) {
	var whole, nested []warehouse.Column
	for _, col := range o.Columns {
		if nestedName(col.Name) {
			nested = append(nested, col)
		} else {
			whole = append(whole, col)
		}
	}
	if len(nested) == 0 {
		return warehouse.JobStats{}, warehouse.Statement{}, false, nil
	}
	stats, failed, err := c.render(ctx, warehouse.AddColumns{Target: o.Target, Columns: whole})
	if err != nil {
		return stats, failed, true, err
	}
	err = c.addNested(ctx, t, o.Target, nested)
	stats.Retries = append(stats.Retries, t.retries...)
	return stats, failed, true, err
}

func (c *conn) dropColumns(ctx context.Context, o warehouse.DropColumns) (warehouse.JobStats, warehouse.Statement, bool, error) {
	if !slices.ContainsFunc(o.Columns, nestedName) {
		return warehouse.JobStats{}, warehouse.Statement{}, false, nil
	}
	r := reshaping{drop: map[string]bool{}}
	for _, name := range o.Columns {
		r.drop[strings.ToLower(name)] = true
	}
	stats, failed, err := c.reshape(ctx, o.Target, r)
	return stats, failed, true, err
}

// retypeColumns writes the table anew with casts: ALTER COLUMN only widens numbers and
// lengths, and a value that does not fit has to be an error.
func (c *conn) retypeColumns(ctx context.Context, o warehouse.RetypeColumns) (warehouse.JobStats, warehouse.Statement, error) {
	r := reshaping{retype: map[string]string{}}
	for _, col := range o.Columns {
		r.retype[strings.ToLower(col.Name)] = col.Type
	}
	return c.reshape(ctx, o.Target, r)
}

// loadOp loads a file of the project.
func (c *conn) loadOp(ctx context.Context, o warehouse.Load) (warehouse.JobStats, warehouse.Statement, bool, error) {
	f := fileAt(filepath.Join(c.dir, filepath.FromSlash(o.Path)), o.Format)
	if o.Delimiter != "" {
		f.Delimiter = []rune(o.Delimiter)[0]
	}
	stats, err := c.load(ctx, o.Target, o.Columns, f, o.Layout)
	return stats, warehouse.Statement{}, true, err
}
