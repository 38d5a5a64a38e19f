package view

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// live is the area at the bottom of a terminal that is drawn again and again. Finished
// lines are held back until the next picture, so that a run of a thousand fast nodes
// does not spend its time drawing.
//
// A picture is one write. Its lines are drawn over those of the last one, each with what
// clears the rest of its row, so that nothing is empty in between and nothing flickers.
type live struct {
	screen  Screen
	shown   []string // the last picture
	pending strings.Builder
	drawn   time.Time
}

// print puts out text that stays.
func (l *live) print(text string) {
	if !l.screen.Live {
		_, _ = io.WriteString(l.screen.Out, text)
		return
	}
	l.pending.WriteString(text)
}

// draw replaces the area by new lines, in one write. Each of them must fit into columns
// with one to spare: a full row wraps on some terminals and on others does not.
func (l *live) draw(now time.Time, columns int, lines []string) {
	l.drawn = now
	if l.pending.Len() == 0 && sameLines(l.shown, lines) {
		return
	}
	var b strings.Builder
	height := l.height(columns)
	if height > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r", height)
	}
	over := height // rows of the last picture that are not drawn over yet
	if l.pending.Len() > 0 || height != len(l.shown) {
		if height > 0 {
			b.WriteString("\x1b[J")
		}
		over = 0
		b.WriteString(l.pending.String())
		l.pending.Reset()
	}
	for _, line := range lines {
		b.WriteString(line)
		if over > 0 {
			b.WriteString("\x1b[K")
			over--
		}
		b.WriteByte('\n')
	}
	if over > 0 {
		b.WriteString("\x1b[J")
	}
	l.shown = lines
	_, _ = io.WriteString(l.screen.Out, b.String())
}

// clear removes the area and puts out what was held back.
func (l *live) clear(columns int) {
	text := ""
	if height := l.height(columns); height > 0 {
		text = fmt.Sprintf("\x1b[%dA\r\x1b[J", height)
	}
	if text += l.pending.String(); text != "" {
		_, _ = io.WriteString(l.screen.Out, text)
	}
	l.pending.Reset()
	l.shown = nil
}

// height is the number of rows that the last picture takes now: a terminal that has become
// narrower has broken its lines.
func (l *live) height(columns int) int {
	rows := 0
	for _, line := range l.shown {
		rows += max(1, (paintedWidth(line)+columns-1)/max(columns, 1))
	}
	return rows
}

func sameLines(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

const (
	// redraw is the shortest time between two pictures. A clock that ticks ten times a second
	// is a little early now and then.
	redraw = 95 * time.Millisecond
	// think is the shortest time between two estimates of the time left.
	think = time.Second
	// maxRunning is the number of running nodes shown, maxFailed that of failed ones.
	maxRunning, maxFailed = 8, 3
)

// progress is the picture: what failed, the running nodes, the layers, the status. It has as
// many lines as the screen has room for and is not lower than the last one: the lines above
// it stand still.
func (h *Human) progress(now time.Time, columns, rows int) []string {
	room := maxRunning + maxFailed + 3
	if rows > 0 {
		room = min(room, rows-1)
	}
	if room <= 0 {
		return nil
	}
	columns--
	lines := []string{h.status(now, columns)}
	room--
	if strip := h.layers.strip(h.s, min(columns-2, maxStrip)); strip != "" && room > 0 {
		lines = append([]string{"  " + strip}, lines...)
		room--
	}
	failed := min(len(h.failed), maxFailed, room/3)
	running := min(len(h.running), maxRunning, room-failed)
	var top []string
	for i, f := range h.failed[:failed] {
		if left := len(h.failed) - failed; left > 0 && i == failed-1 {
			top = append(top, h.s.Paint(Red, h.s.clip("  "+h.glyphs().bad+fmt.Sprintf(" and %d more that failed", left+1), columns)))
			break
		}
		top = append(top, h.s.Paint(Red, h.s.clip("  "+h.glyphs().bad+" "+f, columns)))
	}
	for i := range h.running[:running] {
		if left := len(h.running) - running; left > 0 && i == running-1 {
			top = append(top, h.s.Paint(Dim, h.s.clip(fmt.Sprintf("    and %d more", left+1), columns)))
			break
		}
		top = append(top, h.runningLine(now, &h.running[i], columns))
	}
	lines = append(top, lines...)
	for want := min(len(h.live.shown), rowsOr(rows, len(h.live.shown)+1)-1); len(lines) < want; {
		lines = append([]string{""}, lines...)
	}
	return lines
}

func rowsOr(rows, unknown int) int {
	if rows <= 0 {
		return unknown
	}
	return rows
}

type glyphs struct {
	spin []string
	bad  string
}

var (
	unicodeGlyphs = glyphs{[]string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"}, "✗"}
	asciiGlyphs   = glyphs{[]string{"|", "/", "-", `\`}, "X"}
)

func glyphsOf(s Screen) glyphs {
	if s.Unicode {
		return unicodeGlyphs
	}
	return asciiGlyphs
}

func (h *Human) glyphs() glyphs { return glyphsOf(h.s) }

const (
	besideName = 15 // «12.3s of 4.00s», one column before
	elapsedOne = 8  // the first part of it
	shortName  = 16 // the narrowest column of names before something else is left out
)

// runningLine is «⠙ table  core.orders  12.3s of 4.00s  7 wait for it».
func (h *Human) runningLine(now time.Time, r *running, columns int) string {
	elapsed := max(now.Sub(r.since), 0)
	// Names stand below those of the finished lines where there is room for it.
	indent := 2
	if below := 2*h.width.index + 4; below+2+h.width.kind+1+h.width.name+besideName < columns {
		indent = below
	}
	spin := h.glyphs().spin
	lead := strings.Repeat(" ", indent) + h.s.Paint(Cyan, spin[int(max(now.Sub(h.started), 0)/(100*time.Millisecond))%len(spin)]) + " "
	left := columns - indent - 2
	kind := ""
	if name := min(h.width.name, shortName); left >= h.width.kind+1+name+besideName {
		kind = padRight(r.kind, h.width.kind) + " "
		left -= h.width.kind + 1
	}
	word, style := Seconds(elapsed), patience(elapsed)
	beside := elapsedOne
	if left >= shortName+besideName {
		beside = besideName
		if r.expected >= noticeable/2 || r.expected > 0 && elapsed >= noticeable {
			word += " of " + Seconds(r.expected)
			if style == Dim && elapsed > 2*r.expected && elapsed > 5*time.Second {
				style = Yellow
			}
		}
	}
	width := min(h.width.name, left-beside)
	switch {
	case left < 4:
		return h.s.clip("  "+oneLine(r.name), max(columns, 1))
	case width < 4:
		return lead + h.s.clip(oneLine(r.name), left)
	}
	line := lead + kind + padRight(h.s.clipFront(oneLine(r.name), width), width) + h.s.Paint(style, padLeft(word, beside))
	if hint := h.hint(r, elapsed); hint != "" && left-width-beside >= textWidth(hint)+2 {
		line += "  " + h.s.Paint(Dim, hint)
	}
	return line
}

// hint says why it matters when a node ends. What ends at once is not asked about.
func (h *Human) hint(r *running, elapsed time.Duration) string {
	if elapsed < noticeable/2 {
		return ""
	}
	if r.behind < 0 {
		r.behind = h.layers.behind(r.node)
	}
	var words []string
	switch {
	case r.behind == 1:
		words = append(words, "1 waits for it")
	case r.behind > 1:
		words = append(words, Count(int64(r.behind))+" wait for it")
	}
	if len(h.rest.Path) > 1 && h.rest.Path[0] == r.node {
		words = append(words, "critical path")
	}
	return List(words)
}

// patience colours a duration: yellow after a minute, red after five.
func patience(d time.Duration) Style {
	switch {
	case d >= 5*time.Minute:
		return Red
	case d >= time.Minute:
		return Yellow
	}
	return Dim
}

// figure is one number of the status; what has the higher rank goes first where room is short.
type figure struct {
	text  string
	style Style
	rank  int
}

// status is «80/100  2 running  1 failed  12,408 rows  1.2 GiB billed  12.3s  about 2 min left».
func (h *Human) status(now time.Time, columns int) string {
	parts := []figure{{fmt.Sprintf("%d/%d", h.done, h.total), Bold, 0}}
	add := func(rank int, style Style, text string) {
		if text != "" {
			parts = append(parts, figure{text, style, rank})
		}
	}
	if n := len(h.running); n > 0 {
		add(6, Cyan, fmt.Sprintf("%d running", n))
	} else if h.done >= h.total {
		add(6, Cyan, "finishing") // tests that nothing waits for, records
	}
	if n := len(h.failed); n > 0 {
		add(1, Red, fmt.Sprintf("%d failed", n))
	}
	if n := h.tally.Skipped; n > 0 {
		add(7, Dim, fmt.Sprintf("%d skipped", n))
	}
	if n := h.tally.TestsWarned; n > 0 {
		add(5, Yellow, fmt.Sprintf("%d warned", n))
	}
	if h.rows > 0 {
		add(8, Dim, plural(h.rows, "row"))
	}
	add(4, Dim, h.billedSoFar())
	if !h.started.IsZero() {
		add(3, Dim, Seconds(now.Sub(h.started)))
	}
	if h.done < h.total {
		add(2, Plain, h.arrival.text(now))
	}
	for {
		width, worst := 0, 0
		for i, p := range parts {
			width += 2 + textWidth(p.text)
			if p.rank >= parts[worst].rank {
				worst = i
			}
		}
		if width <= columns || len(parts) == 1 {
			break
		}
		parts = append(parts[:worst], parts[worst+1:]...)
	}
	var b strings.Builder
	for _, p := range parts {
		b.WriteString("  " + h.s.Paint(p.style, p.text))
	}
	if len(parts) == 1 {
		return h.s.clip("  "+parts[0].text, columns)
	}
	return b.String()
}
