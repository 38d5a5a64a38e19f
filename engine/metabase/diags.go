package metabase

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

const (
	codeKey   diag.Code = "metabase-key"
	codeValue diag.Code = "metabase-value"
)

// Codes is the catalogue of this room.
var Codes = []diag.Entry{
	{Code: codeKey, Title: "meta has a key that Metabase does not",
		Explain: "Keys of meta that begin with «metabase.» are written to Metabase. This one is none of those that a table or a column has there.",
		Bad:     "meta: {metabase.semantictype: type/Email}",
		Good:    "meta: {metabase.semantic_type: type/Email}"},
	{Code: codeValue, Title: "value cannot be written to Metabase",
		Explain: "The value of a «metabase.» key of meta is not one that Metabase takes there, or half of a foreign key is missing.",
		Bad:     "meta: {metabase.visibility_type: invisible}",
		Good:    "meta: {metabase.visibility_type: hidden}"},
}

func unknownMeta(at source.Span, n addr.Node, key, what string, known map[string]shape) diag.Diagnostic {
	var names []string
	for name := range maps.Keys(known) {
		names = append(names, prefix+name)
	}
	slices.Sort(names)
	d := diag.Diagnostic{Code: codeKey, At: at, Model: n, Message: fmt.Sprintf("the meta of %s has %q, which Metabase does not have", what, key), Help: "keys are " + strings.Join(names, ", ")}
	if near, ok := diag.Suggest(key, names); ok {
		d.Help = fmt.Sprintf("did you mean %q?", near)
	}
	return d
}

func badMeta(at source.Span, n addr.Node, message, help string) diag.Diagnostic {
	return diag.Diagnostic{Code: codeValue, At: at, Model: n, Message: message, Help: help}
}
