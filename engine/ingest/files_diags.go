package ingest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
)

const (
	codeFile    diag.Code = "ingest-file"
	codeRejects diag.Code = "ingest-rejects"
)

// fileWrong words what is wrong with the files of a table.
func fileWrong(w Wanted, err error) error {
	in := w.Source.Ingest
	d := diag.Diagnostic{Code: codeFile, Model: w.Node, At: placeOf(in), Message: fmt.Sprintf("the files of %q cannot be read", w.Node.Name), Notes: []string{err.Error()}, Cause: err}
	var own *fileError
	if errors.As(err, &own) {
		d.Notes = []string{own.Error()}
	}
	return d
}

// placeOf is where the paths of files are written.
func placeOf(in *project.Ingest) source.Span {
	if len(in.Files.Path) > 0 {
		return at(in.Files.Path[0].At, in.At)
	}
	return in.At
}

func noFiles(w Wanted) error {
	in := w.Source.Ingest
	return diag.Diagnostic{Code: codeFile, Model: w.Node, At: placeOf(in), Message: "no file is at " + strings.Join(pathsOf(in), ", "),
		Help: "mend the path, which begins in the project's folder; * stands for a part of a name, ** for folders"}
}

func rowsGone(w Wanted, gone []string) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Warning, Code: codeFile, Model: w.Node, At: w.Source.Ingest.At, Message: fmt.Sprintf("the rows of %d files that are not there any more left %q", len(gone), w.Node.Name), Notes: firstOf(gone)}
}

func columnLacking(w Wanted, column string, files []string) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Warning, Code: codeFile, Model: w.Node, At: w.Source.Ingest.At, Message: fmt.Sprintf("column %q of %q is NULL for %d files, which do not have it", column, w.Node.Name, len(files)), Notes: firstOf(files)}
}

// firstOf are some of many names.
func firstOf(names []string) []string {
	if len(names) > rejectsShown {
		return append(append([]string(nil), names[:rejectsShown]...), fmt.Sprintf("and %d more", len(names)-rejectsShown))
	}
	return names
}

// wrong words why a table was not landed.
func (l *fileLanding) wrong(ctx context.Context, err error) diag.Diagnostic {
	in := l.step.Source.Ingest
	var many *rejectsError
	var own *fileError
	var known diag.Diagnostic
	switch {
	case errors.As(err, &many):
		d := l.rejected(fmt.Sprintf("%d records of %q cannot be read, and %d may be", l.rejects.count, l.step.Node.Name, in.Files.MaxRejects.V))
		d.Help = "mend the files, or declare another data_type for the column; with --accept-drift the values decide anew; max_rejects leaves out as many records as it says"
		return d
	case errors.As(err, &own):
		return fileWrong(l.step.Wanted, err).(diag.Diagnostic)
	case errors.As(err, &known):
		return known
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	if ctx.Err() == nil {
		line, _, _ = strings.Cut(warehouse.Explain(l.request.Target.Dialect(), err).Message, "\n")
	}
	return diag.Diagnostic{Code: codeLand, Model: l.step.Node, At: placeOf(in), Message: fmt.Sprintf("the rows of %q could not be landed", l.step.Node.Name), Notes: []string{line}, Cause: err}
}

// rejected names the records that were left out.
func (l *fileLanding) rejected(message string) diag.Diagnostic {
	in := l.step.Source.Ingest
	d := diag.Diagnostic{Code: codeRejects, Model: l.step.Node, At: placeOf(in), Message: message}
	for _, x := range l.rejects.first {
		d.Notes = append(d.Notes, x.String())
	}
	where := l.rejects.path
	if rel, err := filepath.Rel(l.request.Dir, where); err == nil {
		where = filepath.ToSlash(rel)
	}
	d.Notes = append(d.Notes, "all of them are in "+where)
	return d
}
