package bigquery

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	bq "google.golang.org/api/bigquery/v2"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// swap publishes a relation that was built aside. A table is copied over the target by a
// job that readers see at once and that costs nothing; a view is made again under the
// target's name by one statement. Where that cannot be (another kind is underneath, or rows
// are divided in another way), the old table is renamed first and dropped last, so that at
// every moment the old rows or the new ones are there, if for an instant under another
// name; what a run that died leaves over has a name that the next build removes.
func (c *conn) swap(ctx context.Context, o warehouse.Swap) (warehouse.JobStats, warehouse.Statement, error) {
	all := &totals{}
	all.sum.Rows = -1
	t := &trail{}
	var failed warehouse.Statement
	var err error
	if o.NewKind == warehouse.Table {
		failed, err = c.swapTable(ctx, t, o, all)
	} else {
		failed, err = c.swapView(ctx, t, o, all)
	}
	all.sum.Retries = append(all.sum.Retries, t.retries...)
	return all.sum, failed, err
}

func (c *conn) swapTable(ctx context.Context, t *trail, o warehouse.Swap, all *totals) (warehouse.Statement, error) {
	staged, err := c.getTable(ctx, t, o.New)
	if err != nil {
		return warehouse.Statement{}, fmt.Errorf("publish %s: look up %s: %w", o.Target, o.New, err)
	}
	// A relation aside dies by itself after a while; the copy must not inherit that.
	if staged["expirationTime"] != nil {
		err := c.request(ctx, t, http.MethodPatch, c.tablePath(o.New), nil, staged.text("etag"), resource{"expirationTime": nil}, nil)
		if hasStatus(err, http.StatusPreconditionFailed) { // an earlier try may have gone through
			err = c.patchTable(ctx, t, o.New, func(table resource) (resource, error) {
				if table["expirationTime"] == nil {
					return nil, nil
				}
				return resource{"expirationTime": nil}, nil
			})
		}
		if err != nil {
			return warehouse.Statement{}, fmt.Errorf("publish %s: keep %s: %w", o.Target, o.New, err)
		}
	}
	know := c.takeDetails(o.New)
	if l := o.Layout; !know.made && l != nil {
		// Another process made it: a publication that it had begun is completed.
		know.hours, know.tags = l.Hours, l.PolicyTags
	}
	// until it is published nothing is forgotten: the caller may try again
	published := false
	defer func() {
		if !published {
			c.detailsOf(o.New, func(d *details) { *d = know })
		}
	}()
	var before resource
	if o.Old == warehouse.Table && know.cloned {
		if before, err = c.getTable(ctx, t, o.Target); err != nil {
			return warehouse.Statement{}, fmt.Errorf("publish %s: %w", o.Target, err)
		}
	}
	if o.Old == warehouse.View || o.Old == warehouse.MaterializedView {
		if err := c.deleteTable(ctx, t, o.Target); err != nil {
			return warehouse.Statement{}, fmt.Errorf("publish %s: drop the %s: %w", o.Target, kindWord(o.Old), err)
		}
	}
	if o.Respread && o.Old == warehouse.Table {
		if failed, err := c.exchange(ctx, t, o, all); err != nil {
			return failed, err
		}
	} else {
		if failed, err := c.keep(ctx, o, all); err != nil {
			return failed, err
		}
		if err := c.copyTable(ctx, o.New, o.Target, staged, all); err != nil {
			return warehouse.Statement{}, err
		}
	}
	if err := c.finish(ctx, t, o, staged, before, know); err != nil {
		return warehouse.Statement{}, fmt.Errorf("publish %s: describe it: %w", o.Target, err)
	}
	published = true
	if !o.Respread || o.Old != warehouse.Table {
		if err := c.deleteTable(ctx, t, o.New); err != nil {
			return warehouse.Statement{}, fmt.Errorf("publish %s: drop %s: %w", o.Target, o.New, err)
		}
	}
	return warehouse.Statement{}, nil
}

// keep makes a clone of the table that is about to be replaced. One that is there already
// is of an earlier try, which may have gone on to replace the table: it is the right one.
func (c *conn) keep(ctx context.Context, o warehouse.Swap, all *totals) (warehouse.Statement, error) {
	if o.Keep.IsZero() || o.Old != warehouse.Table {
		return warehouse.Statement{}, nil
	}
	stmt := Dialect{}.keepAside(o)
	got, err := c.Exec(ctx, stmt)
	if all.add(got); err != nil {
		return stmt, fmt.Errorf("keep %s as %s: %w", o.Target, o.Keep, err)
	}
	return warehouse.Statement{}, nil
}

// parkedFor is where the old table of a swap goes first: where it shall stay, if it shall.
func parkedFor(o warehouse.Swap) addr.Relation {
	if !o.Keep.IsZero() {
		return o.Keep
	}
	return parkedName(o.Target)
}

// Definition is the query that a view was made with.
func (c *conn) Definition(ctx context.Context, rel addr.Relation) (string, error) {
	table, err := c.getTable(ctx, &trail{}, rel)
	if err != nil {
		return "", err
	}
	query := firstOf(table.child("view").text("query"), table.child("materializedView").text("query"))
	if query == "" {
		return "", fmt.Errorf("%s is no view", rel)
	}
	return query, nil
}

// copyTable replaces to by from with one job.
func (c *conn) copyTable(ctx context.Context, from, to addr.Relation, staged resource, all *totals) error {
	config := &bq.JobConfigurationTableCopy{
		SourceTable: c.ref(from), DestinationTable: c.ref(to), CreateDisposition: "CREATE_IF_NEEDED", WriteDisposition: "WRITE_TRUNCATE",
	}
	if key := staged.child("encryptionConfiguration").text("kmsKeyName"); key != "" {
		config.DestinationEncryptionConfiguration = &bq.EncryptionConfiguration{KmsKeyName: key}
	}
	_, got, err := c.run(ctx, work{ours: true, config: &bq.JobConfiguration{Copy: config}})
	all.add(got)
	if err != nil {
		return fmt.Errorf("copy %s to %s: %w", from, to, err)
	}
	return nil
}

// exchange gives New the name of Target by renaming. A crash between the two renames
// leaves the old table under its parked name until the next build has made a new one.
func (c *conn) exchange(ctx context.Context, t *trail, o warehouse.Swap, all *totals) (warehouse.Statement, error) {
	parked := parkedFor(o)
	if err := c.park(ctx, t, o.Target, parked, all); err != nil {
		return warehouse.Statement{}, err
	}
	stmt := Dialect{}.rename(o.New, o.Target)[0]
	got, err := c.Exec(ctx, stmt)
	if all.add(got); err != nil {
		c.unpark(ctx, parked, o.Target, all)
		return stmt, fmt.Errorf("publish %s: %w", o.Target, err)
	}
	if !o.Keep.IsZero() {
		return warehouse.Statement{}, nil
	}
	if err := c.deleteTable(ctx, t, parked); err != nil {
		return warehouse.Statement{}, fmt.Errorf("publish %s: drop the old table: %w", o.Target, err)
	}
	return warehouse.Statement{}, nil
}

// park renames a table aside. What an earlier run left under that name is removed only
// while the table itself is there.
func (c *conn) park(ctx context.Context, t *trail, rel, parked addr.Relation, all *totals) error {
	there, err := c.Probe(ctx, rel)
	if err != nil {
		return err
	}
	if there.Kind == warehouse.None {
		return nil // a run died between the renames: the old rows are parked already
	}
	if err := c.deleteTable(ctx, t, parked); err != nil {
		return err
	}
	got, err := c.Exec(ctx, Dialect{}.rename(rel, parked)[0])
	if all.add(got); err != nil {
		return fmt.Errorf("set %s aside: %w", rel, err)
	}
	return nil
}

// unpark gives a table its name back, although ctx may have ended.
func (c *conn) unpark(ctx context.Context, parked, rel addr.Relation, all *totals) {
	within, stop := context.WithTimeout(context.WithoutCancel(ctx), 2*c.pace.insert)
	defer stop()
	got, _ := c.Exec(within, Dialect{}.rename(parked, rel)[0]) // if this fails, too, the first error says what is wrong
	all.add(got)
}

func (c *conn) swapView(ctx context.Context, t *trail, o warehouse.Swap, all *totals) (warehouse.Statement, error) {
	wrapped := o.Query == ""
	if wrapped {
		staged, err := c.getTable(ctx, t, o.New)
		if err != nil {
			return warehouse.Statement{}, fmt.Errorf("publish %s: look up %s: %w", o.Target, o.New, err)
		}
		if o.Query = firstOf(staged.child("view").text("query"), staged.child("materializedView").text("query")); o.Query == "" {
			return warehouse.Statement{}, fmt.Errorf("publish %s: %s is no view", o.Target, o.New)
		}
	}
	stmts, err := Dialect{}.publishView(o)
	if err != nil {
		return warehouse.Statement{}, err
	}
	stmt := stmts[0]
	if wrapped {
		stmt.BodyStart, stmt.BodyEnd = 0, 0
	}
	parked := parkedFor(o)
	if o.Old == warehouse.Table {
		if err := c.park(ctx, t, o.Target, parked, all); err != nil {
			return warehouse.Statement{}, err
		}
	} else if o.Old != warehouse.None && o.Old != o.NewKind {
		if err := c.deleteTable(ctx, t, o.Target); err != nil {
			return warehouse.Statement{}, err
		}
	}
	got, err := c.Exec(ctx, stmt)
	if all.add(got); err != nil {
		if o.Old == warehouse.Table {
			c.unpark(ctx, parked, o.Target, all)
		}
		return stmt, err
	}
	know := c.takeDetails(o.New)
	if know.comment != nil || len(know.columns) > 0 || len(know.tags) > 0 {
		if err := c.describeTable(ctx, t, o.Target, know); err != nil {
			return warehouse.Statement{}, fmt.Errorf("publish %s: describe it: %w", o.Target, err)
		}
	}
	if o.Old == warehouse.Table && o.Keep.IsZero() {
		if err := c.deleteTable(ctx, t, parked); err != nil {
			return warehouse.Statement{}, fmt.Errorf("publish %s: drop the old table: %w", o.Target, err)
		}
	}
	if err := c.deleteTable(ctx, t, o.New); err != nil {
		return warehouse.Statement{}, fmt.Errorf("publish %s: drop %s: %w", o.Target, o.New, err)
	}
	return warehouse.Statement{}, nil
}

// finish gives a published table what a copy does not carry over: description, labels,
// comments and policy tags of columns, keys, what is asked of readers, and its life time.
// It is one call, and none if all is there already.
func (c *conn) finish(ctx context.Context, t *trail, o warehouse.Swap, staged, before resource, know details) error {
	var standing time.Duration
	asked := false
	return c.patchTable(ctx, t, o.Target, func(now resource) (resource, error) {
		if now["expirationTime"] != nil && know.hours == 0 && !asked {
			// The target's own, or that of a configuration which is gone: what the dataset says holds.
			d, err := c.datasetLife(ctx, t, o.Target)
			if err != nil {
				return nil, err
			}
			standing, asked = d, true
		}
		return finishing(o, now, staged, before, know, standing, time.Now())
	})
}

// datasetLife is how long tables of the dataset live by default, 0 for ever.
func (c *conn) datasetLife(ctx context.Context, t *trail, rel addr.Relation) (time.Duration, error) {
	found, err := c.dataset(ctx, t, rel.Database, rel.Schema)
	if err != nil {
		return 0, err
	}
	return found.DefaultTableExpiration, nil
}

// finishing is the patch of finish. now is the target after it got its rows, before what it
// was if New is a clone of it, staged is New.
func finishing(o warehouse.Swap, now, staged, before resource, know details, standing time.Duration, at time.Time) (resource, error) {
	patch := resource{}
	// A clone may or may not have what it was made from; the target had it for sure.
	source := staged
	if before != nil {
		source = before
	}
	description := source["description"]
	if know.comment != nil {
		description = *know.comment
	}
	if !same(now["description"], description) {
		patch["description"] = textOf(description)
	}
	labels := source.child("labels")
	if o.Layout != nil {
		labels = resource{}
		for k, v := range o.Layout.Labels {
			labels[k] = v
		}
	}
	if l := labelPatch(now.child("labels"), labels); len(l) > 0 {
		patch["labels"] = l
	}
	if !same(now["tableConstraints"], source["tableConstraints"]) && source["tableConstraints"] != nil {
		patch["tableConstraints"] = source["tableConstraints"]
	}
	required := source["requirePartitionFilter"]
	if o.Layout != nil {
		required = o.Layout.RequirePartitionFilter // what is built aside can be read without
	}
	if boolOf(now["requirePartitionFilter"]) != boolOf(required) {
		patch["requirePartitionFilter"] = boolOf(required)
	}
	if p, want := now.child("timePartitioning"), source.child("timePartitioning"); p != nil && want != nil && !same(p["expirationMs"], want["expirationMs"]) {
		changed := resource{}
		for k, v := range p {
			changed[k] = v
		}
		changed["expirationMs"] = want["expirationMs"]
		patch["timePartitioning"] = map[string]any(changed)
	}
	carried := carryFields(now.columns(), staged.columns())
	if before != nil && carryFields(now.columns(), before.columns()) {
		carried = true
	}
	own, err := know.applyFields(o.Target, now)
	if err != nil {
		return nil, err
	}
	if carried || own {
		patch["schema"] = now["schema"]
	}
	switch {
	case know.hours > 0:
		patch["expirationTime"] = millis(at.Add(time.Duration(know.hours * float64(time.Hour))))
	case now["expirationTime"] != nil && standing > 0:
		patch["expirationTime"] = millis(at.Add(standing))
	case now["expirationTime"] != nil:
		patch["expirationTime"] = nil
	}
	return patch, nil
}

func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

func textOf(v any) any {
	if v == nil {
		return ""
	}
	return v
}

func boolOf(v any) bool { b, _ := v.(bool); return b }

// labelPatch is what turns have into want; a label that goes is null.
func labelPatch(have, want resource) map[string]any {
	out := map[string]any{}
	for k := range have {
		if _, stays := want[k]; !stays {
			out[k] = nil
		}
	}
	for k, v := range want {
		if !same(have[k], v) || have[k] == nil {
			out[k] = v
		}
	}
	return out
}
