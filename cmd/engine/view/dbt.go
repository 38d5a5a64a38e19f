package view

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// DBTLog writes events in the forms that dbt's log has: text, debug, json. One stream is what
// people and programs read, another one is the file.
type DBTLog struct {
	Streams []DBTStream
	// Invocation and PID are put into every event.
	Invocation string
	PID        int
	Now        func() time.Time
	// Width is that of the lines of a run.
	Width int
	// Hidden are words that must not be shown: values of secret variables.
	Hidden []string

	mu sync.Mutex
}

// DBTStream is one place that events are written to.
type DBTStream struct {
	Out    io.Writer
	Format string // text, debug, json
	Level  string // the least one that is written: debug, info, warn, error, none
	Color  bool
	// Quiet leaves all but errors and answers out.
	Quiet bool
}

// DBTEvent is one event. Words of its message in Paint are coloured where the stream has colour.
type DBTEvent struct {
	Name, Code, Level string
	Msg               string
	Data              map[string]any
	Thread            string // empty: MainThread
	// Answer is what the command was asked for: it is shown without a time, in quiet too.
	Answer bool
	// Tagged messages begin with their level: «[WARNING]: Nothing to do».
	Tagged bool
	// Paint is the part of the message that has a colour, Color an ANSI number: 31, 32, 33.
	Paint string
	Color int
}

var dbtLevels = []string{"debug", "info", "warn", "error", "none"}

// Fire writes an event to all streams that want it.
func (l *DBTLog) Fire(e DBTEvent) {
	now := l.Now().UTC()
	for _, word := range l.Hidden {
		e.Msg = strings.ReplaceAll(e.Msg, word, "*****")
	}
	if e.Tagged && (e.Level == "warn" || e.Level == "error") {
		e.Paint, e.Color = "ERROR", red
		if e.Level == "warn" {
			e.Paint, e.Color = "WARNING", yellow
		}
		e.Msg = "[" + e.Paint + "]: " + e.Msg
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.Streams {
		if slices.Index(dbtLevels, e.Level) < slices.Index(dbtLevels, s.Level) || s.Quiet && e.Level != "error" && !e.Answer {
			continue
		}
		msg := e.Msg
		if s.Color && e.Paint != "" {
			at := strings.LastIndex(msg, e.Paint)
			if e.Tagged {
				at = strings.Index(msg, e.Paint)
			}
			if at >= 0 {
				msg = msg[:at] + fmt.Sprintf("\x1b[%dm%s\x1b[0m", e.Color, e.Paint) + msg[at+len(e.Paint):]
			}
		}
		_, _ = io.WriteString(s.Out, l.line(s, e, msg, now))
	}
}

func (l *DBTLog) line(s DBTStream, e DBTEvent, msg string, now time.Time) string {
	thread := e.Thread
	if thread == "" {
		thread = "MainThread"
	}
	switch s.Format {
	case "json":
		return l.object(e, msg, thread, now)
	case "debug":
		return fmt.Sprintf("%s [%-5s] [%s]: %s\n", now.Format("15:04:05.000000"), e.Level, threadName(thread), msg)
	}
	if e.Answer {
		return msg + "\n"
	}
	return now.Format("15:04:05") + "  " + msg + "\n"
}

// threadName is a thread's name as it fits into the columns of the debug form.
func threadName(thread string) string {
	if n, ok := strings.CutSuffix(thread, " (worker)"); ok {
		return n
	}
	return thread
}

// info is the head of an event in the json form.
type info struct {
	Category   string            `json:"category"`
	Code       string            `json:"code"`
	Extra      map[string]string `json:"extra"`
	Invocation string            `json:"invocation_id"`
	Level      string            `json:"level"`
	Msg        string            `json:"msg"`
	Name       string            `json:"name"`
	PID        int               `json:"pid"`
	Thread     string            `json:"thread"`
	Time       string            `json:"ts"`
}

func (l *DBTLog) object(e DBTEvent, msg, thread string, now time.Time) string {
	data := e.Data
	if data == nil {
		data = map[string]any{}
	}
	var out bytes.Buffer
	w := json.NewEncoder(&out)
	w.SetEscapeHTML(false)
	err := w.Encode(struct {
		Data map[string]any `json:"data"`
		Info info           `json:"info"`
	}{data, info{Code: e.Code, Extra: map[string]string{}, Invocation: l.Invocation, Level: e.Level, Msg: msg, Name: e.Name, PID: l.PID, Thread: thread, Time: now.Format("2006-01-02T15:04:05.000000Z")}})
	if err != nil {
		panic("view: an event has no JSON form: " + err.Error())
	}
	text := out.String()
	for _, word := range l.Hidden {
		quoted, _ := json.Marshal(word)
		text = strings.ReplaceAll(text, string(quoted[1:len(quoted)-1]), "*****")
	}
	return text
}

// Blank is the empty line between the parts of a run.
func (l *DBTLog) Blank() {
	l.Fire(DBTEvent{Name: "Formatting", Code: "Z017", Level: "info", Data: map[string]any{"msg": ""}})
}

// Row is one line of a run: «1 of 3 OK created sql table model main.orders ... [OK in 0.10s]».
// A total of 0 has no numbers, and seconds below 0 are not shown. Long text is cut where cut
// is set.
func (l *DBTLog) Row(text, status string, index, total int, seconds float64, cut bool) string {
	line := text + " "
	if total > 0 {
		line = fmt.Sprintf("%d of %d %s ", index, total, text)
	}
	if n := len([]rune(line)); n < l.Width {
		line += strings.Repeat(".", l.Width-n)
	}
	if r := []rune(line); cut && len(r) > l.Width-3 {
		line = string(r[:max(l.Width-3, 0)]) + "..."
	}
	took := ""
	if seconds >= 0 {
		took = fmt.Sprintf(" in %.2fs", seconds)
	}
	return line + " [" + status + took + "]"
}

// Counted is dbt's: «1 error», «2 errors», «2 analyses».
func Counted(n int, what string) string {
	switch {
	case n == 1:
	case what == "analysis":
		what = "analyses"
	default:
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// Took is how long something ran, in dbt's words: « in 0 hours 0 minutes and 4.52 seconds».
func Took(seconds float64) string {
	hours := int(seconds / 3600)
	minutes := int(seconds/60) % 60
	return fmt.Sprintf(" in %d hours %d minutes and %.2f seconds", hours, minutes, seconds-float64(hours*3600+minutes*60))
}
