package main

import (
	"fmt"
	"html"
	"strings"
	"time"

	"github.com/hinshun/vt10x"
)

// Sizes in pixels: a cell, the room around the screen, the bar above it.
const (
	cellWide, cellHigh = 8.4, 18
	margin, bar        = 16, 34
)

// colours are those of a dark terminal. The picture brings its own background, so that it looks
// the same on a light page and on a dark one.
var colours = map[vt10x.Color]string{
	vt10x.DefaultFG: "f", vt10x.Red: "r", vt10x.LightRed: "r", vt10x.Green: "g", vt10x.LightGreen: "g",
	vt10x.Yellow: "y", vt10x.LightYellow: "y", vt10x.Blue: "b", vt10x.LightBlue: "b",
	vt10x.Cyan: "c", vt10x.LightCyan: "c", vt10x.Magenta: "m", vt10x.LightMagenta: "m", vt10x.DarkGrey: "d",
}

const style = `.t{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace;white-space:pre}
.f{fill:#d7dce4}.r{fill:#ff7b72}.g{fill:#56d364}.y{fill:#e3b341}.b{fill:#79c0ff}.c{fill:#4fc3d9}.m{fill:#d2a8ff}.d{fill:#8b949e}.w{font-weight:700}
`

// blocks are drawn as boxes, so opaque: fonts leave gaps between such signs.
var blocks = map[rune]string{'█': "", '▓': ` opacity=".75"`, '░': ` opacity=".28"`}

// draw makes the animation: all frames below each other, of which a window shows one after the
// other. A row that stands in several frames is written once.
func draw(frames []frame) string {
	width, height := columns*cellWide+2*margin, rows*cellHigh+margin+bar
	var total time.Duration
	for _, f := range frames {
		total += f.shown
	}
	rowsSeen := map[string]int{}
	var defs, uses, keys strings.Builder
	at := time.Duration(0)
	for i, f := range frames {
		fmt.Fprintf(&keys, "%s%%{transform:translateY(-%dpx)}", percent(at, total), i*rows*cellHigh)
		at += f.shown
		for y, cells := range f.cells {
			body := drawRow(cells[:])
			if body == "" {
				continue
			}
			id, seen := rowsSeen[body]
			if !seen {
				id = len(rowsSeen)
				rowsSeen[body] = id
				fmt.Fprintf(&defs, "<g id=\"%s\">%s</g>\n", name(id), body)
			}
			fmt.Fprintf(&uses, "<use href=\"#%s\" y=\"%d\"/>", name(id), (i*rows+y)*cellHigh)
		}
		uses.WriteByte('\n')
	}
	last := (len(frames) - 1) * rows * cellHigh
	var b strings.Builder
	fmt.Fprintf(&b, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %g %d\" width=\"%g\" height=\"%d\" role=\"img\" aria-label=\"A terminal: engine build builds and tests a hundred nodes; engine check finds a mistake; the next build does one node\">\n", width, height, width, height)
	fmt.Fprintf(&b, "<style>\n%s.s{animation:p %.2fs steps(1,end) infinite}\n@keyframes p{%s}\n@media (prefers-reduced-motion:reduce){.s{animation:none;transform:translateY(-%dpx)}}\n</style>\n", style, total.Seconds(), keys.String(), last)
	fmt.Fprintf(&b, "<rect width=\"%g\" height=\"%d\" rx=\"10\" fill=\"#161b22\"/><rect x=\".5\" y=\".5\" width=\"%g\" height=\"%d\" rx=\"9.5\" fill=\"none\" stroke=\"#484f58\"/>\n", width, height, width-1, height-1)
	for i, colour := range []string{"#ff5f57", "#febc2e", "#28c840"} {
		fmt.Fprintf(&b, "<circle cx=\"%d\" cy=\"17\" r=\"5.5\" fill=\"%s\"/>", 20+18*i, colour)
	}
	fmt.Fprintf(&b, "\n<defs>\n%s</defs>\n<svg x=\"%d\" y=\"%d\" width=\"%g\" height=\"%d\"><g class=\"s t\">\n%s</g></svg>\n</svg>\n", defs.String(), margin, bar, columns*cellWide, rows*cellHigh, uses.String())
	return b.String()
}

// percent is a share of the time without needless digits.
func percent(part, of time.Duration) string {
	return strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.3f", 100*float64(part)/float64(max(of, 1))), "0"), ".")
}

// name is a short id that begins with a letter.
func name(id int) string {
	const letters = "abcdefghijklmnopqrstuvwxyz"
	text := string(letters[id%26])
	if id >= 26 {
		text += fmt.Sprint(id / 26)
	}
	return text
}

// drawRow is a row at the top of the picture, empty for one without text.
func drawRow(cells []cell) string {
	var text, boxes strings.Builder
	for x := 0; x < len(cells); {
		c := cells[x]
		if c.char == ' ' {
			x++
			continue
		}
		end := x + 1
		if opacity, ok := blocks[c.char]; ok {
			for end < len(cells) && cells[end] == c {
				end++
			}
			fmt.Fprintf(&boxes, "<rect class=\"%s\" x=\"%s\" y=\"4\" width=\"%s\" height=\"11\"%s/>", class(c), pixels(x), pixels(end-x), opacity)
			x = end
			continue
		}
		// A run goes on over single spaces: after more of them the column has to be right again.
		for end < len(cells) && (same(cells[end], c) || cells[end].char == ' ' && end+1 < len(cells) && same(cells[end+1], c)) {
			end++
		}
		var run strings.Builder
		for _, c := range cells[x:end] {
			run.WriteRune(c.char)
		}
		fmt.Fprintf(&text, "<tspan x=\"%s\" class=\"%s\">%s</tspan>", pixels(x), class(c), html.EscapeString(run.String()))
		x = end
	}
	if text.Len() > 0 {
		return boxes.String() + "<text y=\"14\">" + text.String() + "</text>"
	}
	return boxes.String()
}

// same reports whether a cell is text that looks like another one.
func same(a, like cell) bool {
	_, box := blocks[a.char]
	return a.char != ' ' && !box && class(a) == class(like)
}

func class(c cell) string {
	name, ok := colours[c.fg]
	if !ok {
		name = "f"
	}
	if c.bold {
		name += " w"
	}
	return name
}

func pixels(cells int) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(cells)*cellWide), ".0")
}
