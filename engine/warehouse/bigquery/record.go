package bigquery

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/goccy/go-json"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// record is what a customer's ReleaseTable has written down: what the engine has put there, or
// is about to, and which access it has given to the customer's datasets elsewhere. It is
// written before anything is done that only it can tell from the doing of others.
type record struct {
	names      warehouse.Released
	authorized map[authorization]bool
	signed     bool // the first dataset has a ReleaseTable
}

// authorization lets the views of a dataset (reader) read another one (source, with its project
// where that is not the target's).
type authorization struct{ source, reader string }

// authorizedColumn is the column of ReleaseTable with authorizations: a JSON array of arrays of
// source and reader.
const authorizedColumn = "authorized"

// list has the authorizations in order.
func (d *record) list() []authorization {
	return slices.SortedFunc(maps.Keys(d.authorized), func(a, b authorization) int {
		return cmp.Or(cmp.Compare(a.source, b.source), cmp.Compare(a.reader, b.reader))
	})
}

// read adds what a ReleaseTable says.
func (r *release) read(ctx context.Context, table addr.Relation, into *record) error {
	rows, err := r.c.Query(ctx, warehouse.Statement{SQL: "select * from " + Dialect{}.Quote(table)})
	if err != nil {
		return fmt.Errorf("read %s: %w", table, err)
	}
	defer rows.Close()
	into.signed = into.signed || table.Schema == r.spec.Schemas[0]
	for rows.Next() {
		row, err := rows.Values()
		if err != nil {
			return fmt.Errorf("read %s: %w", table, err)
		}
		for i, c := range rows.Columns() {
			text, _ := row[i].(string)
			switch {
			case text == "":
			case c.Name == "relations":
				names, err := warehouse.ReadReleased(text)
				if err != nil {
					return err
				}
				maps.Copy(into.names, names)
			case c.Name == authorizedColumn:
				var pairs [][2]string
				if err := json.Unmarshal([]byte(text), &pairs); err != nil {
					return fmt.Errorf("the column %s of %s cannot be read: %w", authorizedColumn, table, err)
				}
				for _, p := range pairs {
					into.authorized[authorization{p[0], p[1]}] = true
				}
			}
		}
	}
	return rows.Err()
}

// announce writes down what is about to be published and given, and leaves which release is
// complete. It does nothing where all of that is written down already.
func (r *release) announce(ctx context.Context, down *record, names warehouse.Released, missing []authorization, all *totals) error {
	news := !down.signed
	for name, kind := range names {
		if _, ok := down.names[name]; !ok {
			down.names[name], news = kind, true
		}
	}
	for _, one := range missing {
		news = news || !down.authorized[one]
		down.authorized[one] = true
	}
	if !news {
		return nil
	}
	columns, row := warehouse.ReleaseRow(Dialect{}, "INT64", r.spec.Owner, warehouse.Handover{}, down.names)
	return r.write(ctx, columns, row, down, true, all)
}

// write replaces ReleaseTable with one statement. With keep the columns that say which release
// is complete stay as they are, NULL if none ever was.
func (r *release) write(ctx context.Context, columns []warehouse.Column, row []any, down *record, keep bool, all *totals) error {
	var d Dialect
	pairs := [][2]string{}
	for _, one := range down.list() {
		pairs = append(pairs, [2]string{one.source, one.reader})
	}
	list, err := json.Marshal(pairs)
	if err != nil {
		return fmt.Errorf("write %s: %w", warehouse.ReleaseTable, err)
	}
	columns = append(slices.Clone(columns), warehouse.Column{Name: authorizedColumn, Type: d.Words().Text()})
	row = append(slices.Clone(row), string(list))
	table := addr.Relation{Schema: r.spec.Schemas[0], Name: warehouse.ReleaseTable}
	cells := make([]string, len(columns))
	for i, c := range columns {
		value := d.Literal(row[i])
		switch c.Name {
		case "run_id", "published_at", "contract":
			if keep && down.signed {
				cells[i] = d.Ident(c.Name)
				continue
			}
			if keep {
				value = "null"
			}
		}
		cells[i] = "cast(" + value + " as " + c.Type + ") as " + d.Ident(c.Name)
	}
	text := "create or replace table " + d.Quote(table) + " options(labels = " + d.labels(ownerLabels(r.spec.Owner)) + ") as select " + strings.Join(cells, ", ")
	if keep && down.signed {
		text += " from " + d.Quote(table)
	}
	got, err := r.c.Exec(ctx, warehouse.Statement{SQL: text})
	all.add(got)
	if err != nil {
		return fmt.Errorf("write %s: %w", warehouse.ReleaseTable, err)
	}
	down.signed = true
	return nil
}

// needed are the authorizations that views need which read on behalf of their readers
// (Authorized datasets).
func (r *release) needed(views []warehouse.SliceView) []authorization {
	seen := map[authorization]bool{}
	for _, v := range views {
		for _, read := range v.Reads {
			source := read.Schema
			if read.Database != "" && read.Database != r.c.project {
				source = read.Database + "." + source
			}
			seen[authorization{source, v.Name.Schema}] = true
		}
	}
	return (&record{authorized: seen}).list()
}

// parts are the project, empty for the target's, and the dataset. A project's name may have a
// dot, a dataset's may not.
func (a authorization) parts() (project, dataset string) {
	if i := strings.LastIndexByte(a.source, '.'); i >= 0 {
		return a.source[:i], a.source[i+1:]
	}
	return "", a.source
}

// authorizes finds an authorization among a dataset's access entries, -1 where it is not.
func (r *release) authorizes(dataset resource, one authorization) int {
	reader := map[string]any{"projectId": r.c.project, "datasetId": one.reader}
	entries, _ := dataset["access"].([]any)
	return slices.IndexFunc(entries, func(e any) bool {
		entry, _ := e.(map[string]any)
		return same(resource(entry).child("dataset")["dataset"], reader)
	})
}

// unauthorized are those of the needed authorizations that are not there.
func (r *release) unauthorized(ctx context.Context, t *trail, needed []authorization) (out []authorization, err error) {
	for _, one := range needed {
		project, name := one.parts()
		var dataset resource
		if err := r.c.request(ctx, t, http.MethodGet, r.c.datasetPath(project, name), url.Values{"accessPolicyVersion": {"3"}}, "", nil, &dataset); err != nil {
			return nil, fmt.Errorf("read dataset %s: %w", name, err)
		}
		if r.authorizes(dataset, one) < 0 {
			out = append(out, one)
		}
	}
	return out, nil
}

// authorize gives or takes an authorization. All other entries go back as they came. A source
// that is gone has none to take.
func (r *release) authorize(ctx context.Context, t *trail, one authorization, give bool) error {
	project, name := one.parts()
	err := r.c.changeDataset(ctx, t, project, name, func(dataset resource) (resource, error) {
		entries, _ := dataset["access"].([]any)
		at := r.authorizes(dataset, one)
		switch {
		case (at >= 0) == give:
			return nil, nil
		case give:
			entry := map[string]any{"dataset": map[string]any{"dataset": map[string]any{"projectId": r.c.project, "datasetId": one.reader}, "targetTypes": []any{"VIEWS"}}}
			return resource{"access": append(slices.Clone(entries), entry)}, nil
		}
		return resource{"access": slices.Delete(slices.Clone(entries), at, at+1)}, nil
	})
	switch {
	case err == nil, !give && notFound(err):
		return nil
	case give:
		return fmt.Errorf("authorize dataset %s: %w", one.reader, err)
	}
	return fmt.Errorf("take from dataset %s what it was authorized for: %w", one.reader, err)
}
