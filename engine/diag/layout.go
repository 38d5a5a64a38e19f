package diag

import (
	"strings"
	"unicode"

	"github.com/mattn/go-runewidth"
)

// widths measures runes the same everywhere, whatever the locale says.
var widths = &runewidth.Condition{StrictEmojiNeutral: true}

const tabStop = 4

// lineLayout is a line as shown: tabs expanded, what a terminal would act on replaced,
// cut to a width.
type lineLayout struct {
	text string
	skip int   // runes of the line that are not in at
	at   []int // at[i]: display column of rune skip+i; the last one is behind the text
	lo   int   // display column of the first shown cell
	hi   int   // display column behind the last shown cell
	lead int   // cells that stand in for what was cut in front
}

// layOut lays out a line so that the rune column focus is visible within room cells.
func layOut(s Snippet, focus, room int) lineLayout {
	cells, at := expand(s.Text)
	total := at[len(at)-1]
	l := lineLayout{skip: s.Skip, at: at, hi: total}
	need := total
	if s.Skip > 0 {
		need++
	}
	if s.Cut {
		need++
	}
	if room > 0 && need > room {
		l.lo, l.hi = window(at, focus-1-s.Skip, total, room)
	}
	var b strings.Builder
	if l.lo > 0 || s.Skip > 0 {
		b.WriteString("…")
		l.lead = 1
	}
	for i, c := range cells {
		if at[i] >= l.lo && at[i+1] <= l.hi {
			b.WriteString(c)
		}
	}
	if l.hi < total || s.Cut {
		b.WriteString("…")
	}
	l.text = strings.TrimRight(b.String(), " ")
	return l
}

// window is the part of the display columns [0, total) that is shown: room cells, two of
// them for the ellipses, with the focused rune in its first third.
func window(at []int, focus, total, room int) (lo, hi int) {
	focus = min(max(focus, 0), len(at)-1)
	size := room - 2
	lo = min(max(0, at[focus]-size/3), max(0, total-size))
	// Start and end at whole runes.
	for i := range at {
		if at[i] >= lo {
			lo = at[i]
			break
		}
	}
	return lo, min(total, lo+size)
}

// column is the display column of a rune column, counted from the first shown cell.
func (l lineLayout) column(rune int) int {
	i := min(max(rune-1-l.skip, 0), len(l.at)-1)
	return min(max(l.at[i], l.lo), l.hi) - l.lo + l.lead
}

// expand makes the runes of a line printable and measures them.
func expand(text string) (cells []string, at []int) {
	col := 0
	for _, r := range text {
		at = append(at, col)
		switch {
		case r == '\t':
			n := tabStop - col%tabStop
			cells = append(cells, strings.Repeat(" ", n))
			col += n
		case !shown(r):
			cells = append(cells, "\uFFFD")
			col++
		default:
			cells = append(cells, string(r))
			col += widths.RuneWidth(r)
		}
	}
	return cells, append(at, col)
}

// shown reports whether a rune may reach a terminal: no control characters, and none of
// those that change the order or the direction of the text around them.
func shown(r rune) bool {
	return !unicode.IsControl(r) && !unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp)
}

// printable replaces what a terminal would act on, keeping line breaks.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case !shown(r):
			return '\uFFFD'
		}
		return r
	}, s)
}
