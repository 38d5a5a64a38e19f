package browse

import (
	_ "embed"
)

//go:embed script/contrast.js
var contrast string

//go:embed script/labels.js
var labels string

//go:embed script/width.js
var sideways string

//go:embed script/markup.js
var markup string

//go:embed script/words.js
var content string

// Finding is what a check has looked at and what it found wrong.
type Finding struct {
	Seen     int // how many things were judged
	Problems []string
}

// Contrast judges the texts in drawings: each has 4.5 to 1 against what is painted below it.
func (tab *Tab) Contrast() Finding { tab.t.Helper(); return Call[Finding](tab, contrast) }

// Labels judges whether texts in drawings fit in their boxes, as this machine's fonts draw them.
func (tab *Tab) Labels() Finding { tab.t.Helper(); return Call[Finding](tab, labels) }

// Width judges whether the page needs to be scrolled sideways.
func (tab *Tab) Width() Finding { tab.t.Helper(); return Call[Finding](tab, sideways) }

// Markup judges whether the document has elements, handlers and addresses that only a text of a
// user can have brought in.
func (tab *Tab) Markup() Finding { tab.t.Helper(); return Call[Finding](tab, markup) }

// Words is the text of the page's content in the order of the document, whether it is to be seen
// or folded away, without buttons and what else only scripts fill.
func (tab *Tab) Words() string { tab.t.Helper(); return Call[string](tab, content) }
