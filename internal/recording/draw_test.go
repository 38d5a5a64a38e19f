package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hinshun/vt10x"
)

func TestDrawRow(t *testing.T) {
	f := &film{screen: vt10x.New(vt10x.WithSize(columns, rows))}
	// The sequences come in pieces, as they do from a pseudo-terminal.
	for _, piece := range []string{"\x1b[", "2m[1/2]\x1b[0m \x1b[32m✓\x1b", "[0m a <b>  c\r\n", "\x1b[32m██\x1b[0m\x1b[2m░\x1b[0m\r\n", "old\r\x1b[Knew"} {
		f.write([]byte(piece))
	}
	f.shoot(time.Second)
	f.shoot(time.Second)
	if len(f.frames) != 1 || f.frames[0].shown != 2*time.Second {
		t.Fatalf("%d frames for one picture", len(f.frames))
	}
	want := []string{
		`<text y="14"><tspan x="0" class="d">[1/2]</tspan><tspan x="50.4" class="g">✓</tspan><tspan x="67.2" class="f">a &lt;b&gt;</tspan><tspan x="126" class="f">c</tspan></text>`,
		`<rect class="g" x="0" y="4" width="16.8" height="11"/><rect class="d" x="16.8" y="4" width="8.4" height="11" opacity=".28"/>`,
		`<text y="14"><tspan x="0" class="f">new</tspan></text>`,
		``,
	}
	for i, w := range want {
		if d := cmp.Diff(w, drawRow(f.frames[0].cells[i][:])); d != "" {
			t.Errorf("row %d: %s", i, d)
		}
	}
	wellFormed(t, draw(f.frames))
}

func TestThinned(t *testing.T) {
	f := &film{}
	for i, ms := range []int{50, 30, 200, 10, 10} {
		f.frames = append(f.frames, frame{shown: time.Duration(ms) * time.Millisecond})
		f.frames[i].cells[0][0].char = rune('a' + i)
	}
	var got strings.Builder
	total := time.Duration(0)
	for _, x := range f.thinned(100 * time.Millisecond) {
		got.WriteRune(x.cells[0][0].char)
		total += x.shown
	}
	if got.String() != "ce" || total != 300*time.Millisecond {
		t.Errorf("of five pictures %q stay, for %v", got.String(), total)
	}
}

// TestThePictureOfTheReadme: it is one that GitHub shows, and shows what it is meant to.
func TestThePictureOfTheReadme(t *testing.T) {
	body, err := os.ReadFile("../../docs/images/build.svg")
	if err != nil {
		t.Fatal(err)
	}
	text := string(body)
	wellFormed(t, text)
	if len(text) > mostBytes {
		t.Errorf("%d bytes, want at most %d", len(text), mostBytes)
	}
	for _, want := range []string{"engine build", "engine check", "100 built", "did you mean", "99 unchanged", "prefers-reduced-motion"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not show %q: make recording", want)
		}
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, not := range []string{"<script", "<image", "url(", os.TempDir(), here} {
		if strings.Contains(text, not) {
			t.Errorf("it has %q", not)
		}
	}
}

func wellFormed(t *testing.T, text string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
