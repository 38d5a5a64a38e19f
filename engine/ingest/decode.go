package ingest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/warehouse"
)

// Days and microseconds from 1970 to 2000, where PostgreSQL begins to count.
const (
	epochDays   = 10957
	epochMicros = epochDays * 86400 * 1_000_000
)

// misfit is a value that does not fit where it is to land.
type misfit struct{ reason string }

func (e *misfit) Error() string { return e.reason }

// decoder appends the values of one column to cells: their bytes are those of PostgreSQL's
// binary form, nil is NULL. It has no state, so that many readers share it.
type decoder struct {
	wire  string
	add   func(v *cells, cell []byte) error
	texts bool
}

// cells is a column of a batch while it is filled.
type cells struct {
	warehouse.Vector
	all    []byte // of texts
	ends   []int
	nulled bool
	digits []byte // of a number while it is read
}

// text notes the text that was appended to all.
func (c *cells) text() { c.ends = append(c.ends, len(c.all)) }

// vector is what was added. The cells can be used again when nobody needs it any more.
func (c *cells) vector(texts bool) warehouse.Vector {
	v := c.Vector
	if !c.nulled {
		v.Null = nil
	}
	if texts {
		all, from := string(c.all), 0
		c.Texts = c.Texts[:0]
		for _, end := range c.ends {
			c.Texts = append(c.Texts, all[from:end])
			from = end
		}
		v.Texts = c.Texts
	}
	return v
}

func (c *cells) reset() {
	c.Ints, c.Floats, c.Bools, c.Null = c.Ints[:0], c.Floats[:0], c.Bools[:0], c.Null[:0]
	c.all, c.ends, c.nulled = c.all[:0], c.ends[:0], false
}

// decoderFor is how values of a wire type become values of a column. stored is what the
// target takes for it; with StoredNone it takes what its type has a vector for, which is kind.
func decoderFor(wire, typ string, stored warehouse.Stored) (decoder, error) {
	d := decoder{wire: wire}
	refuse := func() (decoder, error) {
		return d, fmt.Errorf("values of type %s do not become %s: declare the data_type as a text, and cast it in a model", wire, typ)
	}
	upper := strings.ToUpper(typ)
	precision, scale, decimal := bounds(upper)
	switch base, _, _ := strings.Cut(wire, "("); base {
	case "smallint", "integer", "bigint":
		low, high, ok := intRange(upper)
		switch {
		case decimal:
			d.add = intAsDecimal(precision, scale, stored == warehouse.StoredDecimal)
			d.texts = stored != warehouse.StoredDecimal
		case ok:
			d.add = intIn(low, high, typ)
		default:
			return refuse()
		}
	case "real", "double precision":
		if !oneOf(upper, "FLOAT", "REAL", "DOUBLE", "FLOAT64", "FLOAT8") || base == "double precision" && oneOf(upper, "FLOAT", "REAL") {
			return refuse()
		}
		d.add = float
	case "boolean":
		if !oneOf(upper, "BOOLEAN", "BOOL") {
			return refuse()
		}
		d.add = truth
	case "date":
		if stored != warehouse.StoredDays {
			return refuse()
		}
		d.add = days
	case "timestamp without time zone", "timestamp with time zone":
		if zoned := strings.Contains(upper, "ZONE"); stored != warehouse.StoredMicros || zoned != (base == "timestamp with time zone") {
			return refuse()
		}
		d.add = micros
	case "time without time zone":
		if stored != warehouse.StoredTime {
			return refuse()
		}
		d.add = clockTime
	case "numeric":
		if !decimal {
			return refuse()
		}
		d.add = numeric(precision, scale, stored == warehouse.StoredDecimal, typ)
		d.texts = stored != warehouse.StoredDecimal
	case "bytea":
		if stored != warehouse.StoredBytes {
			return refuse()
		}
		d.add, d.texts = plain, true
	case "jsonb":
		d.add, d.texts = jsonb, true
	case "text", "character varying", "json":
		d.add, d.texts = plain, true
	default:
		return refuse()
	}
	return d, nil
}

func oneOf(word string, words ...string) bool {
	for _, w := range words {
		if w == word {
			return true
		}
	}
	return false
}

// bounds are the digits of a decimal type: all, and those after the point.
func bounds(upper string) (precision, scale int, ok bool) {
	name, params, has := strings.Cut(upper, "(")
	switch strings.TrimSpace(name) {
	case "NUMERIC", "DECIMAL":
		if !has {
			return 38, 9, true // GoogleSQL's
		}
	case "BIGNUMERIC":
		if !has {
			return 76, 38, true
		}
	default:
		return 0, 0, false
	}
	p, s, _ := strings.Cut(strings.TrimSuffix(params, ")"), ",")
	precision, err := strconv.Atoi(strings.TrimSpace(p))
	if err != nil {
		return 0, 0, false
	}
	scale, err = strconv.Atoi(strings.TrimSpace(s))
	if err != nil {
		scale = 0
	}
	return precision, scale, true
}

func intRange(upper string) (low, high int64, ok bool) {
	switch upper {
	case "SMALLINT", "INT2":
		return math.MinInt16, math.MaxInt16, true
	case "INTEGER", "INT", "INT4":
		return math.MinInt32, math.MaxInt32, true
	case "BIGINT", "INT8", "INT64", "HUGEINT":
		return math.MinInt64, math.MaxInt64, true
	}
	return 0, 0, false
}

// wholeNumber reads a big-endian integer of 2, 4 or 8 bytes.
func wholeNumberOf(cell []byte) (int64, error) {
	switch len(cell) {
	case 8:
		return int64(binary.BigEndian.Uint64(cell)), nil
	case 4:
		return int64(int32(binary.BigEndian.Uint32(cell))), nil
	case 2:
		return int64(int16(binary.BigEndian.Uint16(cell))), nil
	}
	return 0, fmt.Errorf("an integer came with %d bytes", len(cell))
}

func (c *cells) null(is bool) {
	c.Null = append(c.Null, is)
	c.nulled = c.nulled || is
}

func intIn(low, high int64, typ string) func(*cells, []byte) error {
	return func(c *cells, cell []byte) error {
		c.null(cell == nil)
		if cell == nil {
			c.Ints = append(c.Ints, 0)
			return nil
		}
		n, err := wholeNumberOf(cell)
		if err == nil && (n < low || n > high) {
			err = &misfit{"a number is out of the range of " + typ}
		}
		c.Ints = append(c.Ints, n)
		return err
	}
}

// intAsDecimal gives integers digits after the point.
func intAsDecimal(precision, scale int, stored bool) func(*cells, []byte) error {
	return func(c *cells, cell []byte) error {
		c.null(cell == nil)
		n := int64(0)
		if cell != nil {
			var err error
			if n, err = wholeNumberOf(cell); err != nil {
				return err
			}
		}
		text := strconv.FormatInt(n, 10)
		if digits := len(strings.TrimPrefix(text, "-")); n != 0 && digits > precision-scale {
			return &misfit{fmt.Sprintf("a number has %d digits before the point, and the type %d", digits, precision-scale)}
		}
		if !stored {
			if cell != nil {
				c.all = append(c.all, text...)
			}
			c.text()
			return nil
		}
		for range scale {
			n *= 10
		}
		c.Ints = append(c.Ints, n)
		return nil
	}
}

func float(c *cells, cell []byte) error {
	c.null(cell == nil)
	v := 0.0
	switch len(cell) {
	case 8:
		v = math.Float64frombits(binary.BigEndian.Uint64(cell))
	case 4:
		v = float64(math.Float32frombits(binary.BigEndian.Uint32(cell)))
	default:
		if cell != nil {
			return fmt.Errorf("a float came with %d bytes", len(cell))
		}
	}
	c.Floats = append(c.Floats, v)
	return nil
}

func truth(c *cells, cell []byte) error {
	c.null(cell == nil)
	if cell != nil && len(cell) != 1 {
		return fmt.Errorf("a boolean came with %d bytes", len(cell))
	}
	c.Bools = append(c.Bools, cell != nil && cell[0] == 1)
	return nil
}

// Infinities of PostgreSQL's dates and times.
const (
	infiniteDay, infinitePast = math.MaxInt32, math.MinInt32
)

func days(c *cells, cell []byte) error {
	c.null(cell == nil)
	n := int64(0)
	if cell != nil {
		if len(cell) != 4 {
			return fmt.Errorf("a date came with %d bytes", len(cell))
		}
		n = int64(int32(binary.BigEndian.Uint32(cell)))
		switch n {
		case infiniteDay:
		case infinitePast:
			n = -math.MaxInt32
		default:
			n += epochDays
		}
	}
	c.Ints = append(c.Ints, n)
	return nil
}

func micros(c *cells, cell []byte) error {
	c.null(cell == nil)
	n := int64(0)
	if cell != nil {
		if len(cell) != 8 {
			return fmt.Errorf("a time came with %d bytes", len(cell))
		}
		n = int64(binary.BigEndian.Uint64(cell))
		switch {
		case n == math.MaxInt64:
		case n == math.MinInt64:
			n = -math.MaxInt64
		case n >= math.MaxInt64-epochMicros:
			return &misfit{"a time is later than the type can hold"}
		default:
			n += epochMicros
		}
	}
	c.Ints = append(c.Ints, n)
	return nil
}

func clockTime(c *cells, cell []byte) error {
	c.null(cell == nil)
	n := int64(0)
	if cell != nil {
		if len(cell) != 8 {
			return fmt.Errorf("a time of day came with %d bytes", len(cell))
		}
		n = int64(binary.BigEndian.Uint64(cell))
	}
	c.Ints = append(c.Ints, n)
	return nil
}

func plain(c *cells, cell []byte) error {
	c.null(cell == nil)
	c.all = append(c.all, cell...)
	c.text()
	return nil
}

func jsonb(c *cells, cell []byte) error {
	if cell != nil {
		if len(cell) == 0 || cell[0] != 1 {
			return errors.New("a jsonb value came in a form that is not known")
		}
		return plain(c, cell[1:])
	}
	return plain(c, nil)
}

// Signs of a binary numeric: https://github.com/postgres/postgres/blob/master/src/backend/utils/adt/numeric.c
const (
	numericNegative = 0x4000
	numericNaN      = 0xC000
	numericInfinite = 0xD000
	numericMinus    = 0xF000
)

// digitsOf are the decimal digits of a binary numeric and how many of them stand after the
// point; without zeros at the end of those. Word is NaN or an infinity.
func digitsOf(cell []byte, buf []byte) (digits []byte, after int, negative bool, word string, err error) {
	if len(cell) < 8 {
		return nil, 0, false, "", errors.New("a numeric is too short")
	}
	n, weight, sign := int(binary.BigEndian.Uint16(cell)), int(int16(binary.BigEndian.Uint16(cell[2:]))), binary.BigEndian.Uint16(cell[4:])
	switch sign {
	case numericNaN:
		return nil, 0, false, "NaN", nil
	case numericInfinite:
		return nil, 0, false, "Infinity", nil
	case numericMinus:
		return nil, 0, false, "-Infinity", nil
	}
	if len(cell) != 8+2*n {
		return nil, 0, false, "", errors.New("a numeric has another length than it says")
	}
	digits = buf[:0]
	for i := range n {
		d := binary.BigEndian.Uint16(cell[8+2*i:])
		if d > 9999 {
			return nil, 0, false, "", errors.New("a numeric has a digit that is none")
		}
		digits = append(digits, byte('0'+d/1000), byte('0'+d/100%10), byte('0'+d/10%10), byte('0'+d%10))
	}
	after = 4 * (n - 1 - weight)
	for after < 0 { // zeros before the point are not sent
		digits = append(digits, '0')
		after++
	}
	for after > 0 && len(digits) > 0 && digits[len(digits)-1] == '0' {
		digits, after = digits[:len(digits)-1], after-1
	}
	for len(digits) > 0 && digits[0] == '0' && len(digits) > after {
		digits = digits[1:]
	}
	if len(digits) == 0 {
		after = 0
	}
	return digits, after, sign == numericNegative, "", nil
}

// numeric takes exactly what the type has digits for.
func numeric(precision, scale int, stored bool, typ string) func(*cells, []byte) error {
	return func(c *cells, cell []byte) error {
		c.null(cell == nil)
		if cell == nil {
			if stored {
				c.Ints = append(c.Ints, 0)
			} else {
				c.text()
			}
			return nil
		}
		digits, after, negative, word, err := digitsOf(cell, c.digits)
		if err != nil {
			return err
		}
		if word != "" {
			return &misfit{fmt.Sprintf("a number is %s, which %s does not have", word, typ)}
		}
		if after > scale {
			return &misfit{fmt.Sprintf("a number has %d digits after the point, and %s has %d", after, typ, scale)}
		}
		if before := len(digits) - after; before > precision-scale && before > 0 {
			if significant := len(strings.TrimLeft(string(digits[:before]), "0")); significant > precision-scale {
				return &misfit{fmt.Sprintf("a number has %d digits before the point, and %s has %d", significant, typ, precision-scale)}
			}
		}
		if !stored {
			c.all = appendDecimal(c.all, digits, after, negative)
			c.text()
		} else {
			n := int64(0)
			for _, d := range digits {
				n = n*10 + int64(d-'0')
			}
			for range scale - after {
				n *= 10
			}
			if negative {
				n = -n
			}
			c.Ints = append(c.Ints, n)
		}
		if cap(digits) > cap(c.digits) {
			c.digits = digits
		}
		return nil
	}
}

func appendDecimal(to, digits []byte, after int, negative bool) []byte {
	if negative {
		to = append(to, '-')
	}
	before := len(digits) - after
	if before <= 0 {
		to = append(to, '0')
	} else {
		to = append(to, digits[:before]...)
		digits = digits[before:]
		before = 0
	}
	if after > 0 {
		to = append(to, '.')
		for range -before {
			to = append(to, '0')
		}
		to = append(to, digits...)
	}
	return to
}

// wireText is a value as a person writes it, for messages and for targets that read texts.
func wireText(wire string, cell []byte) (string, error) {
	base, _, _ := strings.Cut(wire, "(")
	switch base {
	case "smallint", "integer", "bigint":
		n, err := wholeNumberOf(cell)
		return strconv.FormatInt(n, 10), err
	case "boolean":
		return strconv.FormatBool(len(cell) == 1 && cell[0] == 1), nil
	case "real", "double precision":
		var c cells
		if err := float(&c, cell); err != nil {
			return "", err
		}
		return strconv.FormatFloat(c.Floats[0], 'g', -1, 8*len(cell)), nil
	case "numeric":
		digits, after, negative, word, err := digitsOf(cell, nil)
		if word != "" || err != nil {
			return word, err
		}
		return string(appendDecimal(nil, digits, after, negative)), nil
	case "date":
		var c cells
		if err := days(&c, cell); err != nil {
			return "", err
		}
		switch c.Ints[0] {
		case math.MaxInt32:
			return "infinity", nil
		case -math.MaxInt32:
			return "-infinity", nil
		}
		return calendar(c.Ints[0]), nil
	case "timestamp without time zone", "timestamp with time zone":
		var c cells
		if err := micros(&c, cell); err != nil {
			return "", err
		}
		n := c.Ints[0]
		switch n {
		case math.MaxInt64:
			return "infinity", nil
		case -math.MaxInt64:
			return "-infinity", nil
		}
		const day = 86400 * 1_000_000
		date, rest := n/day, n%day
		if rest < 0 {
			date, rest = date-1, rest+day
		}
		text := calendar(date)
		text, bc := strings.CutSuffix(text, " BC")
		text += " " + clockText(rest)
		if base == "timestamp with time zone" {
			text += "+00"
		}
		if bc {
			text += " BC"
		}
		return text, nil
	case "time without time zone":
		n, err := wholeNumberOf(cell)
		return clockText(n), err
	case "bytea":
		return fmt.Sprintf(`\x%x`, cell), nil
	case "jsonb":
		if len(cell) > 0 {
			cell = cell[1:]
		}
	}
	return string(cell), nil
}

// calendar is a date, with BC before year 1.
func calendar(days int64) string {
	t := time.Unix(0, 0).UTC().AddDate(0, 0, int(days))
	if t.Year() < 1 {
		return fmt.Sprintf("%04d-%02d-%02d BC", 1-t.Year(), t.Month(), t.Day())
	}
	return fmt.Sprintf("%04d-%02d-%02d", t.Year(), t.Month(), t.Day())
}

func clockText(micros int64) string {
	text := fmt.Sprintf("%02d:%02d:%02d", micros/3_600_000_000, micros/60_000_000%60, micros/1_000_000%60)
	if rest := micros % 1_000_000; rest > 0 {
		text += strings.TrimRight(fmt.Sprintf(".%06d", rest), "0")
	}
	return text
}

// copySignature begins what COPY writes in binary form, followed by flags and the length of an
// extension: https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.4
const copySignature = "PGCOPY\n\xff\r\n\x00"

// binaryRows takes rows out of the binary form of COPY. It is an io.Writer: bytes come in
// pieces of any size.
type binaryRows struct {
	width  int
	row    func(fields [][]byte) error
	begun  bool
	over   bool
	left   []byte
	fields [][]byte
}

// Write takes whole rows and keeps what is left.
func (b *binaryRows) Write(p []byte) (int, error) {
	data := p
	if len(b.left) > 0 {
		b.left = append(b.left, p...)
		data = b.left
	}
	used, err := b.take(data)
	if err != nil {
		return 0, err
	}
	b.left = append(b.left[:0], data[used:]...)
	return len(p), nil
}

func (b *binaryRows) take(data []byte) (used int, err error) {
	if !b.begun {
		const head = len(copySignature) + 8
		if len(data) < head {
			return 0, nil
		}
		if string(data[:len(copySignature)]) != copySignature || binary.BigEndian.Uint32(data[len(copySignature)+4:]) != 0 || binary.BigEndian.Uint32(data[len(copySignature):]) != 0 {
			return 0, errors.New("the rows do not come in the binary form of COPY")
		}
		b.begun, used = true, head
	}
	for !b.over {
		rest := data[used:]
		if len(rest) < 2 {
			return used, nil
		}
		n := int(int16(binary.BigEndian.Uint16(rest)))
		if n == -1 {
			b.over = true
			return used + 2, nil
		}
		if n != b.width {
			return used, fmt.Errorf("a row has %d values, not %d", n, b.width)
		}
		pos := 2
		b.fields = b.fields[:0]
		for range n {
			if len(rest) < pos+4 {
				return used, nil
			}
			size := int(int32(binary.BigEndian.Uint32(rest[pos:])))
			pos += 4
			if size < 0 {
				b.fields = append(b.fields, nil)
				continue
			}
			if len(rest) < pos+size {
				return used, nil
			}
			b.fields = append(b.fields, rest[pos:pos+size:pos+size])
			pos += size
		}
		if err := b.row(b.fields); err != nil {
			return used, err
		}
		used += pos
	}
	return used, nil
}

// end makes sure that nothing is missing.
func (b *binaryRows) end() error {
	if !b.over || len(b.left) > 0 {
		return errors.New("the rows ended in the middle of one")
	}
	return nil
}
