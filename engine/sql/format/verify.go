package format

import (
	"fmt"

	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/sql"
)

// same compares a file with what was made of it and says what differs; empty if nothing
// does. Tokens must be the same one by one, keywords in any case; comments the same in their
// own order, because one at the end of a line may change places with a comma; and beside
// actions white space must be where it was, because it is part of what the template gives.
// Blocks are looked into even where laying out does not.
func same(f *source.File, data []byte, l sql.Lexis) string {
	a, ds := read(f, l, false)
	if ds.HasErrors() {
		return ds[0].Message
	}
	b, ds := read(source.NewFile(f.Path, data), l, false)
	if ds.HasErrors() {
		return ds[0].Message
	}
	i, j := -1, -1
	for {
		i, j = nextSQL(a.tokens, i), nextSQL(b.tokens, j)
		switch {
		case i < 0 && j < 0:
			return sameComments(a, b)
		case i < 0:
			return fmt.Sprintf("%q appears", b.tokens[j].text)
		case j < 0:
			return fmt.Sprintf("%q is missing", a.tokens[i].text)
		}
		if why := sameToken(a, b, i, j); why != "" {
			return why
		}
	}
}

func sameToken(a, b *lexed, i, j int) string {
	t, u := &a.tokens[i], &b.tokens[j]
	switch {
	case t.kind != u.kind, t.word != u.word, t.keyword != u.keyword:
		return fmt.Sprintf("%q becomes %q", t.text, u.text)
	case !t.keyword && a.text[t.start:t.end] != b.text[u.start:u.end]:
		return fmt.Sprintf("%q becomes %q", t.text, u.text)
	case t.broken && !u.broken:
		return fmt.Sprintf("the line break before %q is gone", t.text)
	}
	// What stands between may be a comment, which separates as well as white space does.
	if i > 0 && j > 0 && !t.free && a.tokens[i-1].kind != kindComment && b.tokens[j-1].kind != kindComment && t.space != u.space {
		return fmt.Sprintf("the space before %q", t.text)
	}
	if t.kind == kindString && i > 0 && j > 0 && a.tokens[i-1].kind == kindString && (t.newlines > 0) != (u.newlines > 0) {
		return fmt.Sprintf("the line break before %q", t.text)
	}
	return ""
}

func sameComments(a, b *lexed) string {
	i, j := -1, -1
	for {
		i, j = nextComment(a.tokens, i), nextComment(b.tokens, j)
		switch {
		case i < 0 && j < 0:
			return ""
		case i < 0 || j < 0 || a.tokens[i].text != b.tokens[j].text:
			return "a comment"
		}
	}
}

// nextSQL is the index of the next token behind i that is no comment, -1 if there is none.
func nextSQL(tokens []token, i int) int {
	for i++; i < len(tokens); i++ {
		if tokens[i].kind != kindComment {
			return i
		}
	}
	return -1
}

func nextComment(tokens []token, i int) int {
	for i++; i < len(tokens); i++ {
		if tokens[i].kind == kindComment {
			return i
		}
	}
	return -1
}
