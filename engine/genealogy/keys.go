package genealogy

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// column is a column of keys as it was read: whole numbers or texts, not both.
type column struct {
	ints  []int64
	texts []string
	// kind is 0 as long as no value was seen, 'i' or 's' then.
	kind byte
}

// add appends a value; NULL must not come here.
func (c *column) add(v any, name string) error {
	switch v := v.(type) {
	case int64:
		if c.kind == 's' {
			return &KeyError{Column: name, Value: strconv.FormatInt(v, 10), Want: "text", Got: "a whole number"}
		}
		c.kind = 'i'
		c.ints = append(c.ints, v)
	case string:
		if c.kind == 'i' {
			return &KeyError{Column: name, Value: strconv.Quote(v), Want: "a whole number", Got: "text"}
		}
		c.kind = 's'
		c.texts = append(c.texts, v)
	default:
		return &KeyError{Column: name, Value: fmt.Sprint(v), Want: "a whole number or text", Got: fmt.Sprintf("%T", v)}
	}
	return nil
}

func (c *column) len() int { return max(len(c.ints), len(c.texts)) }

// KeyError says that a value cannot be a key, or not beside the others.
type KeyError struct{ Column, Value, Want, Got string }

func (e *KeyError) Error() string {
	return fmt.Sprintf("column %s holds %s, which is %s: keys of a genealogy are all %s", e.Column, e.Value, e.Got, e.Want)
}

// keys are distinct values in ascending order; a value's number is its place.
type keys struct {
	ints  []int64
	texts []string
}

func (k *keys) len() int { return max(len(k.ints), len(k.texts)) }

// text is the key with a number, for people.
func (k *keys) text(n int32) string {
	if k.texts != nil {
		return k.texts[n]
	}
	return strconv.FormatInt(k.ints[n], 10)
}

// number finds the distinct values of all columns and the number of each value.
func number(columns ...*column) (*keys, [][]int32, error) {
	kind := byte(0)
	for _, c := range columns {
		if kind != 0 && c.kind != 0 && c.kind != kind {
			return nil, nil, &KeyError{Column: "of the child", Value: "another type than that of the parent", Want: "of one type", Got: "not comparable"}
		}
		kind = cmp.Or(kind, c.kind)
	}
	out := make([][]int32, len(columns))
	if kind == 's' {
		// Each text is looked up once: it gets a number as it comes, and the right one when
		// all are sorted.
		seen := map[string]int32{}
		var all []string
		for i, c := range columns {
			out[i] = make([]int32, len(c.texts))
			for j, s := range c.texts {
				n, ok := seen[s]
				if !ok {
					n = int32(len(all))
					seen[s] = n
					all = append(all, s)
				}
				out[i][j] = n
			}
		}
		order := make([]int32, len(all))
		for i := range order {
			order[i] = int32(i)
		}
		slices.SortFunc(order, func(a, b int32) int { return strings.Compare(all[a], all[b]) })
		texts, place := make([]string, len(all)), make([]int32, len(all))
		for i, n := range order {
			texts[i], place[n] = all[n], int32(i)
		}
		for _, numbers := range out {
			for j, n := range numbers {
				numbers[j] = place[n]
			}
		}
		return &keys{texts: texts}, out, nil
	}
	k, place := distinct(columns)
	var group sync.WaitGroup
	for i, c := range columns {
		group.Go(func() {
			numbers := make([]int32, len(c.ints))
			for j, v := range c.ints {
				numbers[j] = place(v)
			}
			out[i] = numbers
		})
	}
	group.Wait()
	return k, out, nil
}

// distinct sorts whole numbers. Where they are dense a table is quicker than sorting.
func distinct(columns []*column) (*keys, func(int64) int32) {
	count := 0
	var low, high int64
	for _, c := range columns {
		for _, v := range c.ints {
			if count == 0 {
				low, high = v, v
			}
			low, high = min(low, v), max(high, v)
			count++
		}
	}
	if count == 0 {
		return &keys{ints: []int64{}}, nil
	}
	if width := uint64(high) - uint64(low); width < uint64(8*count+1<<16) {
		at := make([]int32, width+1)
		for _, c := range columns {
			for _, v := range c.ints {
				at[v-low] = 1
			}
		}
		k := &keys{ints: make([]int64, 0, count)}
		for i, there := range at {
			if there == 1 {
				at[i] = int32(len(k.ints))
				k.ints = append(k.ints, low+int64(i))
			}
		}
		return k, func(v int64) int32 { return at[v-low] }
	}
	all := make([]int64, 0, count)
	for _, c := range columns {
		all = append(all, c.ints...)
	}
	slices.Sort(all)
	all = slices.Clip(slices.Compact(all))
	return &keys{ints: all}, func(v int64) int32 {
		i, _ := slices.BinarySearch(all, v)
		return int32(i)
	}
}
