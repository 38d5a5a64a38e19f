package ingest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/warehouse"
)

// publishKeeping is Publish where views that are there may read columns which staged does not
// have any more, because somebody has accepted that they are gone: such columns stay, as
// NULLs, until nothing reads them, and kept are their names. Otherwise no model that is
// adapted to the change could ever be built: it reads what is only about to be published.
func publishKeeping(ctx context.Context, r Request, staged, into addr.Relation, also func(context.Context, warehouse.Conn) error) (kept []string, err error) {
	err = Publish(ctx, r, staged, into, also)
	var dependent *warehouse.DependentError
	if !errors.As(err, &dependent) {
		return nil, err
	}
	old, failed := warehouse.Probe(ctx, r.Target, into)
	if failed != nil {
		return nil, errors.Join(err, failed)
	}
	made, failed := warehouse.Probe(ctx, r.Target, staged)
	if failed != nil {
		return nil, errors.Join(err, failed)
	}
	has := map[string]bool{}
	for _, c := range made.Columns {
		has[c.Name] = true
	}
	add := warehouse.AddColumns{Target: staged}
	for _, c := range old.Columns {
		if !has[c.Name] {
			add.Columns = append(add.Columns, warehouse.Column{Name: c.Name, Type: c.Type, Nullable: true})
			kept = append(kept, c.Name)
		}
	}
	if len(kept) == 0 {
		return nil, err
	}
	if failed := Do(ctx, r.Target, add); failed != nil {
		return nil, errors.Join(err, failed)
	}
	return kept, Publish(ctx, r, staged, into, also)
}

// stayed says that columns are still there for views.
func stayed(step *Step, kept []string) diag.Diagnostic {
	return diag.Diagnostic{
		Severity: diag.Warning, Code: codeColumn, At: step.Source.Table.At, Model: step.Node,
		Message: fmt.Sprintf("source %q has no %s any more, and views read it", step.Node.Name, strings.Join(kept, ", ")),
		Notes:   []string{"it stays as NULL until nothing reads it"}, Help: "build the models that read the source, with engine build, and ask whose views are left",
	}
}
