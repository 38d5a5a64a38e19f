package view

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/ingest"
)

// Busy shows on a live terminal what a command is at while nothing else is to be shown, and
// leaves no trace. Its methods may be called from several goroutines.
type Busy struct {
	s     Screen
	what  string
	since time.Time

	mu     sync.Mutex
	live   live
	tables []table // of an ingestion
	total  int
	done   int
	failed int
	rows   int64
}

// table is one that is being landed, with the rows so far.
type table struct {
	node addr.Node
	rows int64
}

// NewBusy begins with what is being done: «writing the catalog».
func NewBusy(s Screen, what string) *Busy {
	return &Busy{s: s, what: what, since: s.Now(), live: live{screen: s}}
}

// NewIngestion is for a source of which so many tables are landed; Event tells how it goes.
func NewIngestion(s Screen, source string, tables int) *Busy {
	b := NewBusy(s, "source "+source)
	b.total = tables
	return b
}

// Event takes note of progress of one table.
func (b *Busy) Event(e ingest.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := slices.IndexFunc(b.tables, func(t table) bool { return t.node == e.Node })
	if e.Done != nil {
		b.done++
		b.rows += e.Done.Rows
		if e.Done.Failed {
			b.failed++
		}
		if at >= 0 {
			b.tables = slices.Delete(b.tables, at, at+1)
		}
		return
	}
	if at < 0 {
		b.tables = append(b.tables, table{node: e.Node})
		at = len(b.tables) - 1
	}
	b.tables[at].rows = e.Rows
}

// soon is how long something takes at least that is worth a word.
const soon = 300 * time.Millisecond

// Tick draws, at most ten times a second.
func (b *Busy) Tick() {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.s.Now()
	if !b.s.Live || now.Sub(b.since) < soon || now.Sub(b.live.drawn) < redraw {
		return
	}
	columns, rows := b.s.size()
	b.live.draw(now, columns, b.lines(now, columns-1, rows))
}

func (b *Busy) lines(now time.Time, columns, rows int) []string {
	if rows == 1 {
		return nil
	}
	var lines []string
	room := min(maxRunning, rowsOr(rows, maxRunning+2)-2)
	for i, t := range b.tables {
		if i >= room {
			break
		}
		lines = append(lines, b.s.Paint(Dim, b.s.clip(fmt.Sprintf("    %s  %s", oneLine(t.node.Name), plural(t.rows, "row")), columns)))
	}
	text := oneLine(b.what)
	if b.total > 0 {
		text += fmt.Sprintf("  %d/%d tables", b.done, b.total)
		sum := b.rows
		for _, t := range b.tables {
			sum += t.rows
		}
		if sum > 0 {
			text += "  " + plural(sum, "row")
		}
		if b.failed > 0 {
			text += fmt.Sprintf("  %d failed", b.failed)
		}
	}
	spin := glyphsOf(b.s).spin
	sign := spin[int(max(now.Sub(b.since), 0)/(100*time.Millisecond))%len(spin)]
	text = b.s.clip(text+"  "+Seconds(now.Sub(b.since)), columns-4)
	if columns < 8 {
		return nil
	}
	return append([]string{"  " + b.s.Paint(Cyan, sign) + " " + b.s.Paint(Dim, text)}, lines...)
}

// Note shows a word of the program above.
func (b *Busy) Note(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.live.print(b.s.fold(b.s.Paint(Yellow, text), "  ") + "\n")
	columns, _ := b.s.size()
	b.live.clear(columns)
}

// Clear takes it away.
func (b *Busy) Clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.s.Live {
		return
	}
	columns, _ := b.s.size()
	b.live.clear(columns)
}
