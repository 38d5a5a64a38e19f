package ingest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/warehouse"
)

// numericBytes is a binary numeric: base 10000 digits, the weight of the first one, a sign.
func numericBytes(weight int16, sign uint16, digits ...uint16) []byte {
	out := binary.BigEndian.AppendUint16(nil, uint16(len(digits)))
	out = binary.BigEndian.AppendUint16(out, uint16(weight))
	out = binary.BigEndian.AppendUint16(out, sign)
	out = binary.BigEndian.AppendUint16(out, 0)
	for _, d := range digits {
		out = binary.BigEndian.AppendUint16(out, d)
	}
	return out
}

func TestNumeric(t *testing.T) {
	for _, c := range []struct {
		typ   string
		cell  []byte
		text  string // as written, with a width beyond 18
		value int64  // without its point, in a width up to 18
		wrong string
	}{
		{"DECIMAL(12,3)", numericBytes(0, 0, 285, 430), "285.043", 285043, ""},
		{"DECIMAL(12,3)", numericBytes(0, numericNegative, 285, 430), "-285.043", -285043, ""},
		{"DECIMAL(12,3)", numericBytes(-1, 0, 430), "0.043", 43, ""},
		{"DECIMAL(18,9)", numericBytes(-3, 0, 1000), "0.000000001", 1, ""},
		{"DECIMAL(12,3)", numericBytes(0, 0), "0", 0, ""},
		{"DECIMAL(12,0)", numericBytes(2, 0, 1), "100000000", 100000000, ""},
		{"DECIMAL(12,3)", numericBytes(1, 0, 12, 3456, 7000), "123456.7", 123456700, ""},
		{"DECIMAL(9,9)", numericBytes(-1, 0, 1234, 5678, 9000), "0.123456789", 123456789, ""},
		{"DECIMAL(5,2)", numericBytes(0, 0, 999, 9900), "999.99", 99999, ""},
		{"DECIMAL(5,2)", numericBytes(0, 0, 1000), "", 0, "4 digits before the point"},
		{"DECIMAL(5,2)", numericBytes(0, 0, 1, 10), "", 0, "3 digits after the point"},
		{"DECIMAL(5,2)", numericBytes(0, numericNaN), "", 0, "NaN"},
		{"DECIMAL(5,2)", numericBytes(0, numericInfinite), "", 0, "Infinity"},
	} {
		for _, stored := range []bool{true, false} {
			precision, scale, _ := bounds(c.typ)
			var col cells
			err := numeric(precision, scale, stored, c.typ)(&col, c.cell)
			var m *misfit
			switch {
			case c.wrong != "":
				if !errors.As(err, &m) || !strings.Contains(m.reason, c.wrong) {
					t.Errorf("%s, %x: %v, want %q", c.typ, c.cell, err, c.wrong)
				}
			case err != nil:
				t.Errorf("%s, %x: %v", c.typ, c.cell, err)
			case stored && col.Ints[0] != c.value:
				t.Errorf("%s, %x: %d, want %d", c.typ, c.cell, col.Ints[0], c.value)
			case !stored && string(col.all) != c.text:
				t.Errorf("%s, %x: %q, want %q", c.typ, c.cell, col.all, c.text)
			}
		}
	}
}

func TestTimes(t *testing.T) {
	number := func(n int64, bytes int) []byte {
		return binary.BigEndian.AppendUint64(nil, uint64(n))[8-bytes:]
	}
	for _, c := range []struct {
		wire string
		cell []byte
		want string
		n    int64
	}{
		{"date", number(0, 4), "2000-01-01", epochDays},
		{"date", number(-epochDays-1, 4), "1969-12-31", -1},
		{"date", number(math.MaxInt32, 4), "infinity", math.MaxInt32},
		{"date", number(math.MinInt32, 4), "-infinity", -math.MaxInt32},
		{"date", number(-730485-365, 4), "0002-01-01 BC", -730485 - 365 + epochDays},
		{"timestamp without time zone", number(1, 8), "2000-01-01 00:00:00.000001", epochMicros + 1},
		{"timestamp with time zone", number(-epochMicros-1, 8), "1969-12-31 23:59:59.999999+00", -1},
		{"timestamp with time zone", number(math.MinInt64, 8), "-infinity", -math.MaxInt64},
	} {
		got, err := wireText(c.wire, c.cell)
		if err != nil || got != c.want {
			t.Errorf("%s %x: %q, %v, want %q", c.wire, c.cell, got, err, c.want)
		}
		var col cells
		add := micros
		if c.wire == "date" {
			add = days
		}
		if err := add(&col, c.cell); err != nil || col.Ints[0] != c.n {
			t.Errorf("%s %x: %d, %v, want %d", c.wire, c.cell, col.Ints, err, c.n)
		}
	}
	var m *misfit
	if err := micros(&cells{}, number(math.MaxInt64-1, 8)); !errors.As(err, &m) {
		t.Errorf("a time that is too late: %v", err)
	}
}

// binaryCopy writes rows as the server does.
func binaryCopy(rows [][][]byte) []byte {
	out := append([]byte(copySignature), make([]byte, 8)...)
	for _, row := range rows {
		out = binary.BigEndian.AppendUint16(out, uint16(len(row)))
		for _, f := range row {
			if f == nil {
				out = binary.BigEndian.AppendUint32(out, math.MaxUint32)
				continue
			}
			out = append(binary.BigEndian.AppendUint32(out, uint32(len(f))), f...)
		}
	}
	return binary.BigEndian.AppendUint16(out, math.MaxUint16)
}

// TestBinaryRows: pieces of any size give the same rows, and what is cut off is noticed.
func TestBinaryRows(t *testing.T) {
	rows := [][][]byte{{[]byte("a"), nil}, {[]byte(""), []byte(strings.Repeat("long", 100))}, {nil, nil}}
	want := fmt.Sprint(rows)
	all := binaryCopy(rows)
	for size := 1; size <= len(all); size++ {
		var got [][][]byte
		b := &binaryRows{width: 2, row: func(fields [][]byte) error {
			row := make([][]byte, len(fields))
			for i, f := range fields {
				if f != nil {
					row[i] = append([]byte{}, f...)
				}
			}
			got = append(got, row)
			return nil
		}}
		for piece := range slices.Chunk(all, size) {
			if _, err := b.Write(piece); err != nil {
				t.Fatalf("pieces of %d: %v", size, err)
			}
		}
		if err := b.end(); err != nil || fmt.Sprint(got) != want {
			t.Errorf("pieces of %d: %v\n%s", size, err, cmp.Diff(want, fmt.Sprint(got)))
		}
	}
	for cut := range len(all) {
		b := &binaryRows{width: 2, row: func([][]byte) error { return nil }}
		_, err := b.Write(all[:cut])
		if err == nil {
			err = b.end()
		}
		if err == nil {
			t.Errorf("the first %d of %d bytes are taken for all", cut, len(all))
		}
	}
}

// FuzzBinaryRows: no bytes of a server make the reader panic.
func FuzzBinaryRows(f *testing.F) {
	f.Add(binaryCopy([][][]byte{{numericBytes(0, 0, 1), []byte("x")}}))
	f.Add([]byte(copySignature))
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := newStream([]Taken{{Name: "n", Wire: "numeric", Type: "DECIMAL(38,9)"}, {Name: "j", Wire: "jsonb", Type: "JSON"}}, []string{"n"}, func(string) warehouse.Stored { return warehouse.StoredNone })
		if err != nil {
			t.Fatal(err)
		}
		r := &reading{stream: in, ctx: t.Context()}
		in.batches = make(chan *warehouse.Batch, 100)
		b := &binaryRows{width: 2, row: r.row}
		if _, err := b.Write(data); err == nil {
			_ = b.end()
		}
	})
}
