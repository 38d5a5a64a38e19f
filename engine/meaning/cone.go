package meaning

import (
	"math/bits"
	"slices"
	"strings"
)

// cone is all that a value, or a set of rows, follows from: places of tables, and what may
// differ between two runs over the same rows. Nil holds nothing.
type cone struct {
	// places is a set of numbers of tracer.places; its first word stands for 64*from and on,
	// since most values read few of many.
	from   int
	places []uint64
	whole  bool    // everything of every table
	causes []uint8 // a sorted set of numbers of tracer.causes
}

func (c *cone) set(place int) {
	c.cover(place/64, place/64+1)
	c.places[place/64-c.from] |= 1 << (place % 64)
}

// cover makes room for the words from first up to end.
func (c *cone) cover(first, end int) {
	if len(c.places) == 0 {
		c.from, c.places = first, make([]uint64, end-first)
		return
	}
	if first < c.from {
		c.places = append(make([]uint64, c.from-first, end-first), c.places...)
		c.from = first
	}
	for c.from+len(c.places) < end {
		c.places = append(c.places, 0)
	}
}

func (c *cone) add(o *cone) {
	if o == nil {
		return
	}
	if len(o.places) > 0 {
		c.cover(o.from, o.from+len(o.places))
		for i, word := range o.places {
			c.places[o.from-c.from+i] |= word
		}
	}
	c.whole = c.whole || o.whole
	for _, n := range o.causes {
		c.cause(n)
	}
}

func (c *cone) cause(n uint8) {
	if i, had := slices.BinarySearch(c.causes, n); !had {
		c.causes = slices.Insert(c.causes, i, n)
	}
}

// clone can be added to without changing c.
func (c *cone) clone() cone {
	if c == nil {
		return cone{}
	}
	return cone{from: c.from, places: slices.Clone(c.places), whole: c.whole, causes: slices.Clone(c.causes)}
}

// place is a column of a table, its rows, or all of it.
type place struct {
	table, column string // the column in lower case
	kind          placeKind
}

type placeKind uint8

const (
	columnPlace placeKind = iota
	rowsPlace
	wholePlace
)

func (t *tracer) place(p place) int {
	i, ok := t.placed[p]
	if !ok {
		i = len(t.places)
		t.placed[p] = i
		t.places = append(t.places, p)
	}
	return i
}

// cause is why something may differ between two runs over the same rows.
type cause struct {
	name     string
	volatile bool
}

// note adds a cause to a cone.
func (t *tracer) note(c *cone, volatile bool, name string) {
	i := slices.Index(t.causes, cause{name, volatile})
	if i < 0 {
		if len(t.causes) == 255 { // more than any statement has; they are for people
			c.cause(254)
			return
		}
		i = len(t.causes)
		t.causes = append(t.causes, cause{name, volatile})
	}
	c.cause(uint8(i))
}

func (t *tracer) named(c *cone) (volatile, ambiguous []string) {
	for _, n := range c.causes {
		if x := t.causes[n]; x.volatile {
			volatile = append(volatile, x.name)
		} else {
			ambiguous = append(ambiguous, x.name)
		}
	}
	slices.Sort(volatile)
	slices.Sort(ambiguous)
	return volatile, ambiguous
}

// reads lists the places of a cone.
func (t *tracer) reads(c *cone) Reads {
	out := Reads{}
	if c == nil {
		return out
	}
	put := func(p place) {
		r := out[p.table]
		r.All = r.All || c.whole || p.kind == wholePlace
		if p.kind == columnPlace {
			r.Columns = append(r.Columns, p.column)
		}
		out[p.table] = r
	}
	if c.whole {
		for _, p := range t.places {
			put(p)
		}
	} else {
		for i, word := range c.places {
			for ; word != 0; word &= word - 1 {
				put(t.places[64*(c.from+i)+bits.TrailingZeros64(word)])
			}
		}
	}
	for name, r := range out {
		if slices.SortFunc(r.Columns, strings.Compare); r.All {
			r.Columns = nil
		}
		out[name] = r
	}
	return out
}
