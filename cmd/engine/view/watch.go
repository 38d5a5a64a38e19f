package view

import (
	"encoding/json"
	"io"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/run"
)

// Failures are the frames and failing rows of what went wrong in a result, as the end of a run
// shows them; empty if nothing did.
func (s Screen) Failures(r *run.Result) string {
	h := &Human{s: s}
	var b strings.Builder
	h.failures(&b, r)
	return b.String()
}

// Clear empties the screen, and leaves what has scrolled out of it. Nothing happens where no
// cursor can be moved.
func (s Screen) Clear() {
	if s.Live {
		_, _ = io.WriteString(s.Out, "\x1b[2J\x1b[H")
	}
}

// TallyOf counts a result.
func TallyOf(r *run.Result) Tally { return tallyOf(r) }

// Stamp is the form of a time in lines of the log.
func Stamp(t time.Time) string { return stamp(t) }

// JSONLine writes one object of a log of lines, in one write.
func JSONLine(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}
