package changes

import (
	"bytes"
	"compress/gzip"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/engine-build/engine/catalog/content"
	"github.com/engine-build/engine/catalog/content/contenttest"
)

// TestSnapshot: a catalog comes back as it was, and the same catalog is the same bytes.
func TestSnapshot(t *testing.T) {
	for name, c := range map[string]*content.Catalog{"small": contenttest.Small(), "large": contenttest.Large(200), "empty": {}} {
		var a, b bytes.Buffer
		if err := errors.Join(WriteSnapshot(&a, c), WriteSnapshot(&b, c)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Errorf("%s: two snapshots differ", name)
		}
		got, err := ReadSnapshot(&a)
		if err != nil {
			t.Fatal(name, err)
		}
		if d := cmp.Diff(c, got, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
		if ch := Between(c, got); len(ch.Nodes) > 0 || !ch.Empty() {
			t.Errorf("%s: a snapshot differs from what it was taken of: %+v", name, ch.Nodes)
		}
	}
	// Bytes that are no UTF-8 become U+FFFD, once: such a catalog differs from its snapshot, and
	// a snapshot of that one does not.
	var a bytes.Buffer
	if err := WriteSnapshot(&a, contenttest.Hostile()); err != nil {
		t.Fatal(err)
	}
	first, err := ReadSnapshot(&a)
	if err != nil {
		t.Fatal(err)
	}
	a.Reset()
	if err := WriteSnapshot(&a, first); err != nil {
		t.Fatal(err)
	}
	again, err := ReadSnapshot(&a)
	if err != nil {
		t.Fatal(err)
	}
	if ch := Between(first, again); len(ch.Nodes) > 0 {
		t.Errorf("a snapshot of a snapshot differs: %+v", ch.Nodes[0])
	}
}

// TestNoSnapshot: whatever is no snapshot is refused, and nothing stumbles over it.
func TestNoSnapshot(t *testing.T) {
	packed := func(text string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(text))
		_ = z.Close()
		return b.String()
	}
	for _, x := range []string{
		"", "{}", packed(""), packed("x"), packed("engine catalog snapshot 0\n{}"), packed(format + "\n"), packed(format + "\nnull x"),
		packed(format + "\n{\"Nodes\":[null]}"), packed(format + "\n{\"Nodes\":[{\"Parents\":[3]}]}"), packed(format + "\n{\"Nodes\":[{\"ID\":\"model.a\",\"Tests\":[0]}]}"),
		packed(format + "\n{\"Flow\":{\"First\":[1]}}"), packed(format + "\n{\"Flow\":{\"Edges\":[{\"From\":1}]}}"), packed(format + "\n{\"Nodes\":[{\"ID\":\"modl.a\"}]}"),
		packed(format + "\n{}")[:20], packed(strings.Repeat("x", 1000) + "\n{}"),
	} {
		var wrong *NotSnapshotError
		if c, err := ReadSnapshot(strings.NewReader(x)); !errors.As(err, &wrong) && err == nil {
			t.Errorf("%q was read as %+v", x, c)
		}
	}
}

func BenchmarkSnapshot(b *testing.B) {
	c := contenttest.Large(10_000)
	var buf bytes.Buffer
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			buf.Reset()
			if err := WriteSnapshot(&buf, c); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(buf.Len()), "bytes")
	})
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			if _, err := ReadSnapshot(bytes.NewReader(buf.Bytes())); err != nil {
				b.Fatal(err)
			}
		}
	})
}
