package datatest

import (
	"fmt"
	"strings"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
)

const (
	codeKindUnknown diag.Code = "test-kind-unknown"
	codeArgUnknown  diag.Code = "test-argument-unknown"
	codeArgMissing  diag.Code = "test-argument-missing"
	codeArgType     diag.Code = "test-argument-type"
	codeArgValue    diag.Code = "test-argument-value"
	codeMisplaced   diag.Code = "test-misplaced"
	codeColumns     diag.Code = "test-columns-unknown"
)

// Codes is this room's part of the catalogue.
var Codes = []diag.Entry{
	{Code: codeKindUnknown, Title: "a data test that does not exist", Explain: "A test is a built-in kind, or a file of its name in tests/generic.", Bad: "data_tests: [unqiue]", Good: "data_tests: [unique]"},
	{Code: codeArgUnknown, Title: "an argument that the test does not take", Explain: "Each kind of test has its own arguments; configuration such as severity and where stands under config:.", Bad: "- accepted_values: {value: [a, b]}", Good: "- accepted_values: {values: [a, b]}"},
	{Code: codeArgMissing, Title: "an argument that the test needs is missing", Explain: "The test cannot be written without it.", Bad: "- relationships: {to: ref('customers')}", Good: "- relationships: {to: ref('customers'), field: customer_id}"},
	{Code: codeArgType, Title: "an argument of the wrong sort", Explain: "The value is text where a list is wanted, or the like.", Bad: "- accepted_values: {values: open}", Good: "- accepted_values: {values: [open]}"},
	{Code: codeArgValue, Title: "an argument whose value means nothing", Explain: "The value has the right sort, but the test cannot use it.", Bad: `- regex: {pattern: "(["}`, Good: `- regex: {pattern: "[a-z]"}`},
	{Code: codeMisplaced, Title: "a test that is written in the wrong place", Explain: "Tests of a column stand below the column, tests of the whole relation below the model.", Bad: "columns: [{name: id, data_tests: [row_count: {min: 1}]}]", Good: "data_tests: [row_count: {min: 1}]"},
	{Code: codeColumns, Title: "a test of columns that nobody knows", Explain: "The test is about which columns there are, or their types. The warehouse cannot tell that in a query, and what the model reads is not known well enough to tell it without one.", Bad: "models: [{name: raw, data_tests: [columns: {contain: [id]}]}]", Good: "sources: [{name: app, tables: [{name: raw, columns: [{name: id, data_type: INT64}]}]}]"},
}

func kindUnknown(t *project.Test, known []string) diag.Diagnostic {
	name := t.Kind.V
	d := diag.Diagnostic{Code: codeKindUnknown, Message: fmt.Sprintf("no data test named %q", name), At: kindAt(t),
		Help: "known are " + strings.Join(diag.Nearest(name, known, 6), ", ") + fmt.Sprintf("; a test of your own is tests/generic/%s.sql", name)}
	if near, ok := diag.Suggest(name, known); ok {
		d.Help = fmt.Sprintf("did you mean %q?", near)
	}
	return d
}

// kindGone is Render's answer to a kind that Check would have refused.
func kindGone(t *Test) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Internal, Code: codeKindUnknown, Message: fmt.Sprintf("no data test named %q", t.Kind), At: t.At, Help: "this is a mistake of the engine; please report it"}
}

func columnsUnknown(t *Test) diag.Diagnostic {
	return diag.Diagnostic{Code: codeColumns, Message: fmt.Sprintf("test %q needs the columns of %s, which are not known", t.Kind, t.Node.Name), At: t.At, Help: "declare the columns of its sources, with their data_type"}
}

func kindAt(t *project.Test) source.Span {
	if t.Kind.At.IsZero() {
		return t.At
	}
	return t.Kind.At
}

func argNames(kind Kind) []string {
	var out []string
	for _, a := range kind.Args {
		out = append(out, a.Name)
	}
	return out
}

func argUnknown(kind Kind, name string, at source.Span) diag.Diagnostic {
	known := argNames(kind)
	d := diag.Diagnostic{Code: codeArgUnknown, Message: fmt.Sprintf("test %q has no argument %q", kind.Name, name), At: at}
	switch near, ok := diag.Suggest(name, known); {
	case ok:
		d.Help = fmt.Sprintf("did you mean %q?", near)
	case len(known) == 0:
		d.Help = "it takes none; severity, where and the like stand under config:"
	default:
		d.Help = "it takes " + strings.Join(known, ", ") + "; severity, where and the like stand under config:"
	}
	return d
}

func argMissing(t *project.Test, kind Kind, arg Arg) diag.Diagnostic {
	return diag.Diagnostic{Code: codeArgMissing, Message: fmt.Sprintf("test %q needs %q", kind.Name, arg.Name), At: kindAt(t), Help: fmt.Sprintf("add %s: %s", arg.Name, arg.Help)}
}

func argOneOf(t *project.Test, of []string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeArgMissing, Message: fmt.Sprintf("test %q has no bounds", t.Kind.V), At: kindAt(t), Help: "add " + strings.Join(of, " or ")}
}

func argType(kind Kind, arg Arg, v project.Value[any]) diag.Diagnostic {
	return diag.Diagnostic{Code: codeArgType, Message: fmt.Sprintf("%q of test %q is not a %s", arg.Name, kind.Name, arg.Type), At: v.At, Help: arg.Name + " is " + arg.Help}
}

func argValue(t *project.Test, arg, what, help string) diag.Diagnostic {
	at := t.Args[arg].At
	if at.IsZero() {
		at = kindAt(t)
	}
	return diag.Diagnostic{Code: codeArgValue, Message: fmt.Sprintf("%q of test %q: %s", arg, t.Kind.V, what), At: at, Help: help}
}

func columnMissing(t *project.Test, kind Kind) diag.Diagnostic {
	return diag.Diagnostic{Code: codeMisplaced, Message: fmt.Sprintf("test %q has no column", kind.Name), At: kindAt(t), Help: "write it below a column, or add column_name"}
}

func columnTwice(t *project.Test, kind Kind) diag.Diagnostic {
	return diag.Diagnostic{Code: codeMisplaced, Message: fmt.Sprintf("test %q stands below column %q and has column_name too", kind.Name, t.Column), At: t.Args[columnName.Name].At, Help: "remove column_name"}
}

func misplaced(t *project.Test, kind Kind) diag.Diagnostic {
	return diag.Diagnostic{Code: codeMisplaced, Message: fmt.Sprintf("test %q is about the whole relation", kind.Name), At: kindAt(t), Help: fmt.Sprintf("move it from column %q to the data_tests of the model", t.Column)}
}
