package format

import (
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// hazards follows line comments through the blocks of the template. A marker {{- takes the
// line break away that ends a comment, so that the comment goes on in what follows: there a
// line break that ends it must stay where it is, and SQL that may or may not be part of a
// comment, depending on branches, cannot be laid out.
func (x *lexed) hazards() diag.List {
	type block struct {
		entry, exits, els, loop bool
	}
	var blocks []block
	open, since := false, 0
	for i := range x.tokens {
		t := &x.tokens[i]
		if open && t.newlines > 0 && t.space {
			// Directly behind a comment there is a line break in any case.
			open, t.broken = false, t.broken || x.tokens[i-1].kind != kindComment
		}
		switch {
		case t.kind == kindComment:
			if open {
				return diag.List{commentRuns(x.span(since), x.span(i))}
			}
			if t.text[0] != '/' {
				open, since = true, i
			}
			continue
		case t.role == roleOpen || t.role == roleLoop:
			blocks = append(blocks, block{entry: open, loop: t.role == roleLoop})
			continue
		case t.role == roleElse:
			if n := len(blocks); n > 0 {
				b := &blocks[n-1]
				b.exits, b.els = b.exits || open, true
				open = b.entry
			}
			continue
		case t.role == roleEnd:
			if n := len(blocks); n > 0 {
				b := blocks[n-1]
				blocks = blocks[:n-1]
				if b.loop && open && !b.entry {
					return diag.List{commentRuns(x.span(since), x.span(i))}
				}
				// An {{ else if }} may be followed by no else: the entry counts in any case.
				open = open || b.exits || b.entry
			}
			continue
		case t.kind == kindControl:
			continue
		}
		if open {
			return diag.List{commentRuns(x.span(since), x.span(i))}
		}
	}
	return nil
}

func (x *lexed) span(i int) source.Span {
	return x.file.Span(x.tokens[i].start, x.tokens[i].end)
}
