package source

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	fileA = NewFile("a.sql", []byte("select {{ ref \"x\" }} from y"))
	fileB = NewFile("b.sql", []byte("0123456789"))
)

// shown is a segment in a form that tests can write down.
type shown struct {
	Start, End int
	Text       string
	Verbatim   bool
}

func show(m *Map) []shown {
	var out []shown
	for _, s := range m.Segments() {
		out = append(out, shown{s.Start, s.End, s.Src.Text(), s.Verbatim})
	}
	return out
}

// exampleMap is of: select "s"."x" from y /* engine */ 345
func exampleMap() *Map {
	m := &Map{}
	m.Append(Segment{0, 7, fileA.Span(0, 7), true})
	m.Append(Segment{7, 14, fileA.Span(7, 20), false})
	m.Append(Segment{14, 21, fileA.Span(20, 27), true})
	m.Append(Segment{35, 38, fileB.Span(3, 6), true})
	return m
}

func TestAppend(t *testing.T) {
	m := &Map{}
	m.Append(Segment{0, 3, fileB.Span(0, 3), true})
	m.Append(Segment{3, 5, fileB.Span(3, 5), true})   // continues: one segment
	m.Append(Segment{5, 5, fileB.Span(5, 6), false})  // empty: dropped
	m.Append(Segment{5, 7, fileB.Span(7, 9), true})   // jumps in the source
	m.Append(Segment{8, 9, fileB.Span(9, 10), true})  // jumps in the output
	m.Append(Segment{9, 10, fileB.Span(0, 4), false}) // generated
	m.Append(Segment{10, 11, fileB.Span(0, 4), false})
	want := []shown{{0, 5, "01234", true}, {5, 7, "78", true}, {8, 9, "9", true}, {9, 10, "0123", false}, {10, 11, "0123", false}}
	if diff := cmp.Diff(want, show(m)); diff != "" {
		t.Error(diff)
	}
	defer func() {
		if recover() == nil {
			t.Error("overlapping segments are accepted")
		}
	}()
	m.Append(Segment{10, 12, fileB.Span(0, 2), true})
}

func TestAt(t *testing.T) {
	m := exampleMap()
	for _, tt := range []struct {
		name       string
		start, end int
		want       string
		ok         bool
	}{
		{"verbatim", 0, 6, "select", true},
		{"an empty range is one byte", 1, 1, "e", true},
		{"generated", 8, 9, `{{ ref "x" }}`, true},
		{"up to generated", 0, 8, `select {{ ref "x" }}`, true},
		{"across generated", 3, 17, `ect {{ ref "x" }} fr`, true},
		{"from generated on", 12, 19, `{{ ref "x" }} from`, true},
		{"the engine's text", 22, 30, "", false},
		{"into the engine's text", 20, 30, "y", true},
		{"out of the engine's text", 30, 36, "3", true},
		{"another file begins", 20, 38, "y", true},
		{"the end", 38, 38, "", true},
		{"behind the end", 39, 40, "", false},
	} {
		s, ok := m.At(tt.start, tt.end)
		if s.Text() != tt.want || ok != tt.ok {
			t.Errorf("%s: %q %v, want %q %v", tt.name, s.Text(), ok, tt.want, tt.ok)
		}
	}
	if s, _ := m.At(38, 38); s.Start != 6 || s.File != fileB {
		t.Errorf("the end is %v", s)
	}
	var none *Map
	if _, ok := none.At(0, 1); ok {
		t.Error("no map maps")
	}
	if _, ok := (&Map{}).At(0, 0); ok {
		t.Error("an empty map maps")
	}
}

func TestSplice(t *testing.T) {
	for _, tt := range []struct {
		name         string
		at, del, ins int
		want         []shown
	}{
		{"nothing", 3, 0, 0, show(exampleMap())},
		{"insert in front", 0, 0, 2, []shown{{2, 9, "select ", true}, {9, 16, `{{ ref "x" }}`, false}, {16, 23, " from y", true}, {37, 40, "345", true}}},
		{"insert in verbatim text", 3, 0, 2, []shown{{0, 3, "sel", true}, {5, 9, "ect ", true}, {9, 16, `{{ ref "x" }}`, false}, {16, 23, " from y", true}, {37, 40, "345", true}}},
		{"insert in generated text", 8, 0, 1, []shown{{0, 7, "select ", true}, {7, 8, `{{ ref "x" }}`, false}, {9, 15, `{{ ref "x" }}`, false}, {15, 22, " from y", true}, {36, 39, "345", true}}},
		{"delete a segment", 7, 7, 0, []shown{{0, 7, "select ", true}, {7, 14, " from y", true}, {28, 31, "345", true}}},
		{"delete across", 6, 9, 3, []shown{{0, 6, "select", true}, {9, 15, "from y", true}, {29, 32, "345", true}}},
		{"delete all", 0, 38, 1, nil},
		{"behind the end", 38, 0, 5, show(exampleMap())},
	} {
		if diff := cmp.Diff(tt.want, show(exampleMap().Splice(tt.at, tt.del, tt.ins))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	var none *Map
	if got := none.Splice(0, 1, 2); len(got.Segments()) != 0 {
		t.Error("no map has segments after a splice")
	}
}

// origin says of one output byte where it is from.
type origin struct {
	span     Span
	verbatim bool
}

// origins is the slow and obvious form of a map.
func origins(m *Map, n int) []origin {
	out := make([]origin, n)
	for _, s := range m.Segments() {
		for i := s.Start; i < s.End; i++ {
			out[i] = origin{s.Src, s.Verbatim}
			if s.Verbatim {
				out[i].span = s.Src.Sub(i-s.Start, i-s.Start+1)
			}
		}
	}
	return out
}

// randomMap is a map of n output bytes.
func randomMap(r *rand.Rand, n int) *Map {
	m := &Map{}
	for at := 0; at < n; {
		size := 1 + r.IntN(min(5, n-at))
		from := r.IntN(len(fileB.Data) - size)
		switch r.IntN(3) {
		case 0:
			m.Append(Segment{at, at + size, fileB.Span(from, from+size), true})
		case 1:
			m.Append(Segment{at, at + size, fileB.Span(from, from+size), false})
		}
		at += size
	}
	return m
}

// FuzzSplice: splicing a map is splicing the list of its bytes' origins, and At of one
// byte is that byte's origin.
func FuzzSplice(f *testing.F) {
	for seed := range uint64(200) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 1))
		n := r.IntN(40)
		m := randomMap(r, n)
		want := origins(m, n)
		for range 4 {
			at := r.IntN(n + 1)
			del := r.IntN(n - at + 1)
			ins := r.IntN(6)
			m = m.Splice(at, del, ins)
			want = append(append(append([]origin{}, want[:at]...), make([]origin, ins)...), want[at+del:]...)
			n += ins - del
			got := origins(m, n)
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("seed %d: byte %d is from %v, want %v", seed, i, got[i], want[i])
				}
				s, ok := m.At(i, i+1)
				if segs := m.Segments(); len(segs) > 0 && segs[len(segs)-1].End == i {
					continue // just behind the last: its end
				}
				if ok != !want[i].span.IsZero() || ok && s != want[i].span {
					t.Fatalf("seed %d: At(%d) is %v %v, want %v", seed, i, s, ok, want[i].span)
				}
			}
			start := r.IntN(n + 1)
			end := start + r.IntN(n-start+1)
			for i, o := range origins(m.Slice(start, end), end-start) {
				if o != want[start+i] {
					t.Fatalf("seed %d: byte %d of [%d, %d) is from %v, want %v", seed, i, start, end, o, want[start+i])
				}
			}
			last := 0
			for _, s := range m.Segments() {
				if s.Start < last || s.End <= s.Start {
					t.Fatalf("seed %d: segment %v behind %d", seed, s, last)
				}
				last = s.End
			}
		}
	})
}
