package lineage

// QuoteDOT writes text as a string of Graphviz's language, whatever is in it.
func QuoteDOT(text string) string { return dotQuote(text) }

// EscapeMermaid writes text so that nothing in it is markup of Mermaid or HTML.
func EscapeMermaid(text string) string { return mermaidEscape(text) }
