package view

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/ingest"
)

// TestBusy: what is quick shows nothing; what is shown fits, and is gone in the end.
func TestBusy(t *testing.T) {
	var out bytes.Buffer
	clock, columns := epoch, 60
	s := Screen{Out: &out, Unicode: true, Live: true, Width: 60, Size: func() (int, int) { return columns, 10 }, Now: func() time.Time { return clock }}
	b := NewIngestion(s, "app", 3)
	at := func(ms int) { clock = epoch.Add(time.Duration(ms) * time.Millisecond); b.Tick() }
	at(200)
	if out.Len() > 0 {
		t.Errorf("after 200 ms there is %q", out.String())
	}
	source := func(name string) addr.Node { return addr.Node{Kind: addr.Source, Name: name} }
	b.Event(ingest.Event{Node: source("app.orders"), Rows: 500})
	b.Event(ingest.Event{Node: source("app.lines"), Rows: 1200})
	at(1000)
	b.Event(ingest.Event{Node: source("app.orders"), Rows: 900, Done: &ingest.Result{Rows: 900}})
	b.Event(ingest.Event{Node: source("app.x"), Done: &ingest.Result{Failed: true}})
	at(2000)
	want := []string{"  ⠋ source app  2/3 tables  2,100 rows  1 failed  2.00s", "    app.lines  1,200 rows"}
	if d := cmp.Diff(want, terminal(60, 10, out.String())); d != "" {
		t.Error(d)
	}
	b.Note("stopping")
	at(3000)
	for columns = 59; columns > 1; columns-- {
		at(3000 + 100*(60-columns))
		for _, line := range b.live.shown {
			if n := paintedWidth(line); n >= columns {
				t.Fatalf("%d columns of %d: %q", n, columns, line)
			}
		}
	}
	columns = 60
	at(20000)
	b.Clear()
	got := terminal(60, 10, out.String())
	if !strings.Contains(strings.Join(got, "\n"), "stopping") {
		t.Errorf("the word is gone: %q", got)
	}
	if last := got[len(got)-1]; strings.Contains(last, "source app") {
		t.Errorf("something is left: %q", got)
	}
}
