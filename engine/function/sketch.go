package function

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Sketches. HLL_COUNT and KLL_QUANTILES summarize values in BYTES whose form is the
// warehouse's own. Here a sketch is exact: it holds the set, or the multiset, of the
// values, so that what is extracted is the true answer that the warehouse approximates.
// The precision is checked and kept, but makes nothing smaller. A sketch of one side is
// none to the other.

// setMagic begins a set: then the kind as a length and text, the precision as a byte, and the
// hashes of setHash bytes in ascending order.
const (
	setMagic = "\x00engine-set\x01"
	setHash  = 16
)

// bagMagic begins a multiset: then a byte for the kind, the precision, and for each value in
// ascending order the distance of its key to the one before and the number of times it
// occurs, all as unsigned varints.
const bagMagic = "\x00engine-bag\x01"

func sketchError(name string) error {
	return fmt.Errorf("Invalid or incompatible sketch in %s", name) //nolint:staticcheck // GoogleSQL's words
}

// set is a sketch of HLL_COUNT.
type set struct {
	kind      string
	precision byte
	hashes    []byte
}

func (s set) encode() []byte {
	out := append([]byte(setMagic), byte(len(s.kind)))
	out = append(out, s.kind...)
	out = append(out, s.precision)
	return append(out, s.hashes...)
}

func setOf(b []byte) (set, bool) {
	rest, ok := bytes.CutPrefix(b, []byte(setMagic))
	if !ok || len(rest) < 2 || len(rest) < int(rest[0])+2 {
		return set{}, false
	}
	n := int(rest[0])
	s := set{kind: string(rest[1 : n+1]), precision: rest[n+1], hashes: rest[n+2:]}
	return s, len(s.hashes)%setHash == 0
}

// unite sorts the hashes and drops what is there twice.
func unite(hashes [][setHash]byte) []byte {
	slices.SortFunc(hashes, func(a, b [setHash]byte) int { return bytes.Compare(a[:], b[:]) })
	hashes = slices.Compact(hashes)
	out := make([]byte, 0, len(hashes)*setHash)
	for _, h := range hashes {
		out = append(out, h[:]...)
	}
	return out
}

// initSet is HLL_COUNT.INIT of a list of values as bytes, a type and a precision.
func initSet(a []any) (any, error) {
	values := a[0].([]any)
	precision := a[2].(int64)
	if precision < 10 || precision > 24 {
		return nil, fmt.Errorf("HLL_COUNT.INIT: precision must be between 10 and 24, but was %d", precision)
	}
	hashes := make([][setHash]byte, 0, len(values))
	for _, v := range values {
		if b, ok := v.([]byte); ok {
			h := sha256.Sum256(b)
			hashes = append(hashes, [setHash]byte(h[:setHash]))
		}
	}
	if len(hashes) == 0 {
		return nil, nil
	}
	return set{a[1].(string), byte(precision), unite(hashes)}.encode(), nil
}

// mergeSets is the union of a list of sketches, nil of none; name is the function's.
func mergeSets(a []any) (any, error) {
	name := a[1].(string)
	var all set
	var hashes [][setHash]byte
	first := true
	for _, v := range a[0].([]any) {
		b, ok := v.([]byte)
		if !ok {
			continue
		}
		s, ok := setOf(b)
		if !ok || !first && s.kind != all.kind {
			return nil, sketchError(name)
		}
		if first {
			all, first = s, false
		}
		all.precision = min(all.precision, s.precision)
		for i := 0; i < len(s.hashes); i += setHash {
			hashes = append(hashes, [setHash]byte(s.hashes[i:i+setHash]))
		}
	}
	if first {
		return nil, nil
	}
	all.hashes = unite(hashes)
	return all.encode(), nil
}

func countSet(a []any) (any, error) {
	s, ok := setOf(a[0].([]byte))
	if !ok {
		return nil, errors.New("Invalid sketch in HLL_COUNT.EXTRACT") //nolint:staticcheck // GoogleSQL's words
	}
	return int64(len(s.hashes) / setHash), nil
}

// bag is a sketch of KLL_QUANTILES: values by their keys, in order.
type bag struct {
	kind      Kind
	precision uint64
	keys      []uint64
	counts    []uint64
	ends      []uint64 // the ranks behind each value's last one; of a sketch that was read
	total     uint64
}

// keyOf maps a value to a number of the same order. NaN comes before all others.
func keyOf(v any) uint64 {
	switch v := v.(type) {
	case int64:
		return uint64(v) ^ 1<<63
	case uint64:
		return v
	case float64:
		if math.IsNaN(v) {
			return 0
		}
		b := math.Float64bits(v + 0) // -0 is 0
		if b>>63 == 1 {
			return ^b
		}
		return b ^ 1<<63
	}
	return 0
}

func (k Kind) valueOf(key uint64) any {
	switch k {
	case Int64:
		return int64(key ^ 1<<63)
	case Float64:
		if key == 0 {
			return math.NaN()
		}
		if key>>63 == 1 {
			return math.Float64frombits(key ^ 1<<63)
		}
		return math.Float64frombits(^key)
	}
	return key
}

func (s bag) encode() []byte {
	out := append([]byte(bagMagic), byte(s.kind))
	out = binary.AppendUvarint(out, s.precision)
	last := uint64(0)
	for i, k := range s.keys {
		out = binary.AppendUvarint(out, k-last)
		out = binary.AppendUvarint(out, s.counts[i])
		last = k
	}
	return out
}

func bagOf(b []byte) (bag, bool) {
	rest, ok := bytes.CutPrefix(b, []byte(bagMagic))
	if !ok || len(rest) < 2 {
		return bag{}, false
	}
	s := bag{kind: Kind(rest[0])}
	rest = rest[1:]
	next := func() uint64 {
		v, n := binary.Uvarint(rest)
		if n <= 0 {
			ok, rest = false, nil
			return 0
		}
		rest = rest[n:]
		return v
	}
	s.precision = next()
	key := uint64(0)
	for ok && len(rest) > 0 {
		key += next()
		n := next()
		if n == 0 || s.total+n < s.total {
			return bag{}, false
		}
		s.keys, s.counts, s.total = append(s.keys, key), append(s.counts, n), s.total+n
		s.ends = append(s.ends, s.total)
	}
	return s, ok && s.total > 0
}

// gather sorts keys and adds up the counts of equal ones.
func (s *bag) gather() {
	order := make([]int, len(s.keys))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(s.keys[i], s.keys[j]) })
	var keys, counts []uint64
	s.total = 0
	for _, i := range order {
		s.total += s.counts[i]
		if n := len(keys); n > 0 && keys[n-1] == s.keys[i] {
			counts[n-1] += s.counts[i]
			continue
		}
		keys, counts = append(keys, s.keys[i]), append(counts, s.counts[i])
	}
	s.keys, s.counts = keys, counts
}

// at is the value at a rank that counts from zero.
func (s bag) at(rank uint64) any {
	i, found := slices.BinarySearch(s.ends, rank)
	if found {
		i++
	}
	return s.kind.valueOf(s.keys[min(i, len(s.keys)-1)])
}

// quantile is the value behind the part of the values that num/den says.
func (s bag) quantile(num, den uint64) any {
	// Whole and rest apart, for the product may be too large.
	rank := s.total/den*num + s.total%den*num/den
	return s.at(min(rank, s.total-1))
}

// initBag is KLL_QUANTILES.INIT of a list of values, their weights and a precision.
func initBag(kind Kind) func(a []any) (any, error) {
	return func(a []any) (any, error) {
		values, weights, precision := a[0].([]any), a[1].([]any), a[2].(int64)
		if precision < 1 || precision > 200_000_000 {
			return nil, fmt.Errorf("KLL failed: Provided inv_eps:%d but inv_eps needs to be >= 1 and <= 200000000.", precision) //nolint:staticcheck // GoogleSQL's words
		}
		s := bag{kind: kind, precision: uint64(precision)}
		for i, v := range values {
			n := uint64(1)
			if len(weights) > 0 {
				w, ok := weights[i].(int64)
				if !ok {
					continue
				}
				if w < 1 {
					return nil, fmt.Errorf("Error adding value to KLL. Values can not be added with a weight < 1. Weight: %d", w) //nolint:staticcheck // GoogleSQL's words
				}
				n = uint64(w)
			}
			if v == nil {
				continue
			}
			s.keys, s.counts = append(s.keys, keyOf(v)), append(s.counts, n)
		}
		if len(s.keys) == 0 {
			return nil, nil
		}
		s.gather()
		return s.encode(), nil
	}
}

// mergeBags is the sum of a list of sketches, nil of none; name is the function's.
func mergeBags(a []any) (any, error) {
	var all bag
	for _, v := range a[0].([]any) {
		b, ok := v.([]byte)
		if !ok {
			continue
		}
		s, ok := bagOf(b)
		if !ok || all.kind != 0 && all.kind != s.kind {
			return nil, sketchError(a[1].(string))
		}
		if all.kind == 0 {
			all.kind, all.precision = s.kind, s.precision
		}
		all.precision = min(all.precision, s.precision)
		all.keys, all.counts = append(all.keys, s.keys...), append(all.counts, s.counts...)
	}
	if all.kind == 0 {
		return nil, nil
	}
	all.gather()
	return all.encode(), nil
}

// read is the sketch of a call, whose last argument is the function's name.
func (k Kind) read(a []any) (bag, error) {
	s, ok := bagOf(a[0].([]byte))
	if !ok || s.kind != k {
		return bag{}, sketchError(a[len(a)-1].(string))
	}
	return s, nil
}

func sketchFunctions() []Function {
	list := []Function{
		{Name: "set_init", Args: []Kind{Array | Bytes, String, Int64}, Result: Bytes, Fn: initSet},
		{Name: "set_merge", Args: []Kind{Array | Bytes, String}, Result: Bytes, Fn: mergeSets},
		{Name: "set_count", Args: []Kind{Bytes}, Result: Int64, Fn: countSet},
		{Name: "bag_merge", Args: []Kind{Array | Bytes, String}, Result: Bytes, Fn: mergeBags},
	}
	for _, k := range []Kind{Int64, Uint64, Float64} {
		suffix := "_" + strings.ToLower(k.String())
		if k == Uint64 {
			suffix = "_uint64"
		}
		list = append(list,
			Function{Name: "bag_init" + suffix, Args: []Kind{Array | k, Array | Int64, Int64}, Result: Bytes, Fn: initBag(k)},
			Function{Name: "bag_quantiles" + suffix, Args: []Kind{Bytes, Int64, String}, Result: Array | k, Fn: func(a []any) (any, error) {
				s, err := k.read(a)
				if err != nil {
					return nil, err
				}
				n := a[1].(int64)
				if n < 1 || n > 100_000 {
					return nil, fmt.Errorf("The second argument of %s must be between 1 and 100000, but was %d", a[2], n) //nolint:staticcheck // GoogleSQL's words
				}
				out := make([]any, n+1)
				for i := range out {
					out[i] = s.quantile(uint64(i), uint64(n))
				}
				return out, nil
			}},
			Function{Name: "bag_point" + suffix, Args: []Kind{Bytes, Float64, String}, Result: k, Fn: func(a []any) (any, error) {
				s, err := k.read(a)
				if err != nil {
					return nil, err
				}
				phi := a[1].(float64)
				if !(phi >= 0 && phi <= 1) {
					return nil, fmt.Errorf("The second argument of %s must be between 0 and 1, but was %v", a[2], phi) //nolint:staticcheck // GoogleSQL's words
				}
				return s.at(min(uint64(phi*float64(s.total)), s.total-1)), nil
			}},
			Function{Name: "bag_rank" + suffix, Args: []Kind{Bytes, k, String, String}, Result: Float64, Fn: func(a []any) (any, error) {
				s, err := k.read(a)
				if err != nil {
					return nil, err
				}
				key := keyOf(a[1])
				var less, equal uint64
				for i, x := range s.keys {
					switch {
					case x < key:
						less += s.counts[i]
					case x == key:
						equal = s.counts[i]
					}
				}
				rank := float64(less)
				switch strings.ToUpper(a[2].(string)) {
				case "FRACTION_LESS_THAN":
				case "MIDPOINT":
					rank += float64(equal) / 2
				case "FRACTION_LESS_THAN_OR_EQUAL":
					rank += float64(equal)
				default:
					return nil, fmt.Errorf("Invalid rank_type in %s: %s", a[3], a[2]) //nolint:staticcheck // GoogleSQL's words
				}
				return rank / float64(s.total), nil
			}})
	}
	return append(list, listFunctions()...)
}
