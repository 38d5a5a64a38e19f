package lookml

import (
	"fmt"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

const (
	codeMeta diag.Code = "lookml-meta"
	codeName diag.Code = "lookml-name"
	codeType diag.Code = "lookml-type"
	codeJoin diag.Code = "lookml-join"
)

// Codes is the catalogue of this room.
var Codes = []diag.Entry{
	{Code: codeMeta, Title: "meta for Looker cannot be used",
		Explain: "Keys of meta that begin with looker. say how a model or a column is written as LookML. There is no such key, its value makes no sense, or it has no effect where it stands.",
		Bad:     "meta: {looker.lable: Orders}",
		Good:    "meta: {looker.label: Orders}"},
	{Code: codeName, Title: "a name is not possible in LookML",
		Explain: "Names of views and fields have small letters, digits and underscores, and a view has each only once, the fields of time groups and the measures included. A column whose name would end the SQL around it cannot be written at all.",
		Bad:     "columns: [{name: net amount}, {name: net_amount}]",
		Good:    "columns: [{name: net amount, meta: {looker.name: net}}, {name: net_amount}]"},
	{Code: codeType, Title: "what a dimension is made of is not known",
		Explain: "Dimensions follow the types of columns. Where a model is not analyzed, data_type or meta says them; without columns there is nothing to make a view of.",
		Bad:     "columns: [{name: amount}] # of a model that is not analyzed",
		Good:    "columns: [{name: amount, data_type: NUMERIC}]"},
	{Code: codeJoin, Title: "a relationship makes no join",
		Explain: "A join leads to a view, by fields of both. Where the table that a test or foreign key refers to has no view, or a column no dimension, the explore is written without the join.",
		Bad:     "lookml: {select: [orders]} # relationships: {to: ref('customers'), field: id}",
		Good:    "lookml: {select: [orders, customers]}"},
}

func metaUnknown(at source.Span, n addr.Node, of, key string, known []string) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeMeta, At: at, Model: n, Message: fmt.Sprintf("unknown key %q of %s", "looker."+key, of)}
	if near, ok := diag.Suggest(key, known); ok {
		d.Help = fmt.Sprintf("did you mean %q?", "looker."+near)
	} else {
		d.Help = "known are looker." + strings.Join(known, ", looker.")
	}
	return d
}

func metaWrong(at source.Span, n addr.Node, key, of, why, help string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeMeta, At: at, Model: n, Message: fmt.Sprintf("%q of %s %s", "looker."+key, of, why), Help: help}
}

// oneOf words what a text may be instead.
func oneOf(word string, known []string) string {
	if near, ok := diag.Suggest(word, known); ok {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "known are " + strings.Join(known, ", ")
}
