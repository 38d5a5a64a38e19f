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
type live struct {
	screen  Screen
	height  int // lines of the last picture
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

// draw replaces the area by new lines, in one write.
func (l *live) draw(now time.Time, lines []string) {
	var b strings.Builder
	b.WriteString(l.erase())
	b.WriteString(l.pending.String())
	l.pending.Reset()
	for _, line := range lines {
		b.WriteString(line)
		b.WriteByte('\n')
	}
	l.height, l.drawn = len(lines), now
	_, _ = io.WriteString(l.screen.Out, b.String())
}

// clear removes the area and puts out what was held back.
func (l *live) clear() {
	if text := l.erase() + l.pending.String(); text != "" {
		_, _ = io.WriteString(l.screen.Out, text)
	}
	l.pending.Reset()
	l.height = 0
}

func (l *live) erase() string {
	if l.height == 0 {
		return ""
	}
	return fmt.Sprintf("\x1b[%dA\r\x1b[J", l.height)
}

// maxRunning is the number of running nodes shown.
const maxRunning = 8

// progress is the picture: the running nodes, then the bar.
func (h *Human) progress(now time.Time) []string {
	var lines []string
	for i, r := range h.running {
		if i == maxRunning {
			more := fmt.Sprintf("  and %d more", len(h.running)-maxRunning)
			lines = append(lines, h.s.Paint(Dim, more))
			break
		}
		elapsed := now.Sub(r.since)
		right := padLeft(Seconds(elapsed), 8)
		left := h.s.clip(fmt.Sprintf("  %s %s", padRight(r.kind, h.width.kind), oneLine(r.name)), max(h.columns()-9, 10))
		lines = append(lines, padRight(left, min(h.columns()-9, h.width.kind+h.width.name+4))+h.s.Paint(patience(elapsed), right))
	}
	return append(lines, h.bar(now))
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

// columns is the width of the screen without the last column, where terminals wrap.
func (h *Human) columns() int {
	if h.s.Width <= 1 {
		return 79
	}
	return h.s.Width - 1
}

func (h *Human) bar(now time.Time) string {
	counts := fmt.Sprintf(" %d/%d", h.done, h.total)
	failed := ""
	if n := h.tally.Failed + h.tally.TestsFailed; n > 0 {
		failed = fmt.Sprintf("  %d failed", n)
	}
	times := ""
	if !h.started.IsZero() {
		times = "  " + Seconds(now.Sub(h.started))
	}
	if left, ok := h.eta.left(now, h.running); ok {
		times += fmt.Sprintf("  about %s left", short(left))
	}
	room := min(h.columns()-textWidth(counts+failed+times)-2, 30)
	if room < 5 {
		return h.s.clip("  "+strings.TrimSpace(counts)+failed+times, h.columns())
	}
	full, empty := "#", "-"
	if h.s.Unicode {
		full, empty = "━", "─"
	}
	filled := 0
	if h.total > 0 {
		filled = min(room*h.done/h.total, room)
	}
	return "  " + h.s.Paint(Green, strings.Repeat(full, filled)) + h.s.Paint(Dim, strings.Repeat(empty, room-filled)) +
		counts + h.s.Paint(Red, failed) + h.s.Paint(Dim, times)
}

// short is a duration for an estimate: whole seconds.
func short(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%ds", int(d.Round(time.Second)/time.Second))
	}
	return Seconds(d)
}
