package diag

import (
	"cmp"
	"slices"
	"strings"
)

// Entry explains one code in the catalogue. Every room lists the entries of the codes
// it emits in an exported variable Codes; the binary concatenates the lists.
type Entry struct {
	Code    Code
	Title   string // what went wrong, in a few words
	Explain string // one to three sentences
	Bad     string // what a user file looks like that has the mistake
	Good    string // and without it
}

// Lookup finds the entry of a code.
func Lookup(entries []Entry, code Code) (Entry, bool) {
	i := slices.IndexFunc(entries, func(e Entry) bool { return e.Code == code })
	if i < 0 {
		return Entry{}, false
	}
	return entries[i], true
}

// Markdown is the catalogue as a page, one section per code, sorted by code.
func Markdown(entries []Entry) string {
	sorted := slices.Clone(entries)
	slices.SortStableFunc(sorted, func(a, b Entry) int { return cmp.Compare(a.Code, b.Code) })
	var b strings.Builder
	b.WriteString("# Errors\n\nEvery diagnostic carries one of these codes. `engine explain CODE` prints an entry.\n")
	for _, e := range sorted {
		b.WriteString("\n## " + string(e.Code) + "\n\n**" + e.Title + ".** " + e.Explain + "\n")
		writeExample(&b, "Wrong:", e.Bad)
		writeExample(&b, "Right:", e.Good)
	}
	return b.String()
}

func writeExample(b *strings.Builder, title, text string) {
	text = strings.Trim(text, "\n")
	if text == "" {
		return
	}
	// A fence has to be longer than any run of backticks inside it.
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	b.WriteString("\n" + title + "\n\n" + fence + "\n" + text + "\n" + fence + "\n")
}
