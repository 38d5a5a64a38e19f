package format

import (
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

const (
	codeQuote   diag.Code = "format-quote"
	codeComment diag.Code = "format-comment"
	codeChanged diag.Code = "format-changed"
)

// Codes is this room's part of the catalogue.
var Codes = []diag.Entry{
	{Code: codeQuote, Title: "a quote that cannot be followed", Explain: "A quote or comment that is not closed, or that begins in one branch of the template and ends in another, hides where SQL begins again. The formatter leaves such a file as it is.", Bad: "select '{{ if .x }}a'{{ else }}b'{{ end }} as c", Good: "select {{ if .x }}'a'{{ else }}'b'{{ end }} as c"},
	{Code: codeComment, Title: "a comment that runs on into SQL", Explain: "The marker {{- takes away the line break that ends a line comment, so that what the action gives, and what follows it, becomes part of the comment.", Bad: "select a -- a note\n{{- if is_incremental }} where a > 1 {{ end }}", Good: "select a -- a note\n{{ if is_incremental }} where a > 1 {{ end }}"},
	{Code: codeChanged, Title: "a mistake of the formatter", Explain: "What the formatter made of the file is not the same SQL, which is compared after every change. The file is left as it is. Please report it with the file.", Bad: "", Good: ""},
}

func quoteOpen(at source.Span, comment bool) diag.Diagnostic {
	d := diag.Diagnostic{Code: codeQuote, Message: "the quote is not closed", At: at, Help: "close it; nothing behind it can be formatted"}
	if comment {
		d.Message = "the comment is not closed"
	}
	return d
}

func quoteAcross(at, quote source.Span, comment bool) diag.Diagnostic {
	d := diag.Diagnostic{
		Code: codeQuote, Message: "a quote begins in one branch of the template and ends outside of it", At: at,
		AtText: "inside of a quote", Labels: []diag.Label{{At: quote, Text: "which begins here"}},
		Help: "put whole quotes into the branches",
	}
	if comment {
		d.Message, d.AtText, d.Help = "a comment begins in one branch of the template and ends outside of it", "inside of a comment", "end the comment before the action, or use {{/* … */}}"
	}
	return d
}

func commentRuns(comment, at source.Span) diag.Diagnostic {
	return diag.Diagnostic{
		Code: codeComment, Message: "the line comment runs on: {{- or -}} takes away the line break that ends it", At: at,
		AtText: "part of the comment", Labels: []diag.Label{{At: comment, Text: "the comment"}},
		Help: "remove the - beside the comment, or write the comment as {{/* … */}}",
	}
}

func changed(f *source.File, why string) diag.Diagnostic {
	return diag.Diagnostic{
		Severity: diag.Internal, Code: codeChanged, Message: "formatting would change the file's SQL: " + why, At: f.Whole(),
		Help: "this is a mistake of the engine: please report it with the file, which was left as it is",
	}
}
