package function

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// CAST(number AS STRING FORMAT …): the format elements of BigQuery's documentation, «Format
// numeric type as string». The output has a fixed width and is aligned at the point; FM takes
// the blanks and the zeros at the end away.

// numberFormat is a format for numbers, read.
type numberFormat struct {
	whole    []byte // elements before the point: 0 9 , (hexadecimal: 0 X x)
	fraction int    // digits behind the point
	point    bool
	hex      bool
	roman    bool
	lower    bool // roman numerals in lower case
	exponent bool
	shift    int // digits after V
	fill     bool
	blank    bool // B
	sign     numberSign
	currency string
}

type numberSign uint8

const (
	signReserved numberSign = iota // a blank or a minus before the number
	signBefore                     // S first
	signAfter                      // S last
	signMinus                      // MI
	signBrackets                   // PR
)

// readNumberFormat reads a format. Elements are not case sensitive, but X and C.
func readNumberFormat(format string) (numberFormat, error) {
	var f numberFormat
	bad := func(why string) (numberFormat, error) {
		return f, fmt.Errorf("Invalid format string %q: %s", format, why) //nolint:staticcheck // GoogleSQL's words
	}
	upper := strings.ToUpper(format)
	signed, digits, shifted, last := false, 0, false, false
	for i := 0; i < len(format); {
		c := upper[i]
		if last && !strings.HasPrefix(upper[i:], "FM") {
			return bad("MI and PR must come last")
		}
		if f.roman && !strings.HasPrefix(upper[i:], "FM") {
			return bad("RN goes with no other element")
		}
		width := 1
		sign := func(s numberSign) bool {
			ok := !signed
			signed, f.sign = true, s
			return ok
		}
		symbol := func(s string) bool {
			ok := f.currency == ""
			f.currency = s
			return ok
		}
		ok := true
		switch {
		case strings.HasPrefix(upper[i:], "FM"):
			width, ok, f.fill = 2, !f.fill, true
		case strings.HasPrefix(upper[i:], "MI"):
			width, ok, last = 2, sign(signMinus), true
		case strings.HasPrefix(upper[i:], "PR"):
			width, ok, last = 2, sign(signBrackets), true
		case strings.HasPrefix(upper[i:], "RN"):
			width, f.roman, f.lower = 2, true, format[i] == 'r'
			ok = digits == 0 && !f.point && !signed && f.currency == "" && !f.blank
		case strings.HasPrefix(upper[i:], "EEEE"):
			width, ok, f.exponent = 4, !f.exponent && !shifted && digits > 0, true
		case c == '0' || c == '9':
			if f.exponent {
				return bad("a digit follows EEEE")
			}
			digits++
			switch {
			case shifted:
				f.shift++
				f.whole = append(f.whole, c)
			case f.point:
				f.fraction++
			default:
				f.whole = append(f.whole, c)
			}
		case c == 'X':
			digits++
			f.hex = true
			f.whole = append(f.whole, format[i])
		case c == '.' || c == 'D':
			ok, f.point = !f.point && !shifted && !f.exponent, true
		case c == ',' || c == 'G':
			ok = !f.point && !f.exponent && digits > 0
			f.whole = append(f.whole, ',')
		case c == 'V':
			ok, shifted = !shifted && !f.point && !f.exponent, true
		case c == 'S':
			s := signBefore
			if digits > 0 || f.point {
				s = signAfter
			}
			ok = sign(s)
			last = s == signAfter
		case c == '$' || c == 'L':
			ok = symbol("$")
		case c == 'C':
			ok = symbol("USD")
			if format[i] == 'c' {
				f.currency = "usd"
			}
		case c == 'B':
			ok, f.blank = !f.blank, true
		default:
			return bad("unexpected " + strconv.QuoteRune([]rune(format[i:])[0]))
		}
		if !ok {
			return bad("the element " + strconv.Quote(format[i:i+width]) + " cannot stand there")
		}
		i += width
	}
	hexDigits := 0
	for _, c := range f.whole {
		if f.hex && c != '0' && c|0x20 != 'x' {
			return bad("X goes with 0, FM and signs only")
		}
		hexDigits++
	}
	switch {
	case f.hex && (f.point || f.exponent || shifted || f.currency != "" || f.blank):
		return bad("X goes with 0, FM and signs only")
	case f.hex && hexDigits > 16:
		return bad("more than 16 hexadecimal digits")
	case !f.roman && digits == 0:
		return bad("there is no digit")
	}
	return f, nil
}

// decimalRat is a number of plain decimal text, without an exponent.
func decimalRat(text string) (*big.Rat, error) {
	if strings.Trim(text, "-0123456789.") == "" {
		if r, ok := new(big.Rat).SetString(text); ok {
			return r, nil
		}
	}
	return nil, fmt.Errorf("%q is no number", text)
}

// roundRatio is |r|·10^digits rounded half away from zero.
func roundRatio(r *big.Rat, digits int) *big.Int {
	p := new(big.Rat).Abs(r)
	if digits >= 0 {
		p.Mul(p, new(big.Rat).SetInt(power10(digits)))
	} else {
		p.Quo(p, new(big.Rat).SetInt(power10(-digits)))
	}
	return quoRound(p.Num(), p.Denom())
}

// formatNumber writes a number; special is "nan", "inf" or "" for a finite one.
func (f *numberFormat) format(r *big.Rat, special string, negative bool) (string, error) {
	if f.roman {
		return f.formatRoman(r, special)
	}
	body, zero, overflow := "", false, false
	blanks := 0
	switch {
	case special != "":
		overflow = true
	case f.hex:
		n := roundRatio(r, 0)
		body, blanks, overflow = f.hexadecimal(n)
		zero = n.Sign() == 0
	case f.exponent:
		body, overflow = f.scientific(r)
		zero = r.Sign() == 0
	default:
		n := roundRatio(r, f.fraction+f.shift)
		zero = n.Sign() == 0
		body, blanks, overflow = f.plain(n)
		if small := new(big.Rat).Abs(r).Cmp(big.NewRat(1, 1)) < 0; f.blank && small {
			if n.Cmp(power10(f.fraction+f.shift)) >= 0 {
				return "", errNumberFormat
			}
			width := blanks + len(body) + len(f.currency)
			switch f.sign {
			case signBrackets:
				width += 2
			default:
				width++
			}
			if f.fill {
				return "", nil
			}
			return strings.Repeat(" ", width), nil
		}
	}
	if overflow {
		body, blanks = f.hashes(), 0
		zero = false
	}
	if zero && negative {
		return "", errNumberFormat
	}
	before, after := "", ""
	space := " "
	if f.fill {
		space = ""
	}
	switch f.sign {
	case signReserved:
		before = space
		if negative {
			before = "-"
		}
	case signBefore, signAfter:
		mark := "+"
		switch {
		case negative:
			mark = "-"
		case zero || special == "nan":
			mark = space
		}
		if f.sign == signBefore {
			before = mark
		} else {
			after = mark
		}
	case signMinus:
		after = space
		if negative {
			after = "-"
		}
	case signBrackets:
		before, after = space, space
		if negative {
			before, after = "<", ">"
		}
	}
	if f.fill {
		blanks = 0
	}
	return strings.Repeat(" ", blanks) + before + f.currency + body + after, nil
}

// hashes stand for the digits of what does not fit.
func (f *numberFormat) hashes() string {
	var b strings.Builder
	for _, c := range f.whole {
		if c == ',' {
			b.WriteByte(',')
		} else {
			b.WriteByte('#')
		}
	}
	if f.point {
		b.WriteByte('.')
	}
	b.WriteString(strings.Repeat("#", f.fraction))
	if f.exponent {
		b.WriteString("####")
	}
	return b.String()
}

// plain writes n units of the last digit; blanks is the number of leading places left empty.
func (f *numberFormat) plain(n *big.Int) (body string, blanks int, overflow bool) {
	text := n.String()
	if short := f.fraction - len(text); short > 0 {
		text = strings.Repeat("0", short) + text
	}
	whole, fraction := strings.TrimLeft(text[:len(text)-f.fraction], "0"), text[len(text)-f.fraction:]
	places, forced := 0, -1
	for i, c := range f.whole {
		if c == ',' {
			continue
		}
		places++
		if c == '0' && forced < 0 {
			forced = i
		}
	}
	if len(whole) > places {
		return "", 0, true
	}
	// A whole part of zero without a fraction shows one zero.
	if whole == "" && places > 0 && f.fraction == 0 {
		whole = "0"
	}
	out := make([]byte, len(f.whole))
	left := len(whole)
	for i := len(f.whole) - 1; i >= 0; i-- {
		switch {
		case f.whole[i] == ',':
			out[i] = ','
		case left > 0:
			left--
			out[i] = whole[left]
		case forced >= 0 && i >= forced:
			out[i] = '0'
		default:
			out[i] = ' '
		}
	}
	for i := 0; i < len(out) && (out[i] == ' ' || out[i] == ','); i++ {
		out[i] = ' '
		blanks++
	}
	body = string(out[blanks:])
	if f.fill {
		fraction = strings.TrimRight(fraction, "0")
	}
	if f.point {
		body += "."
	}
	return body + fraction, blanks, false
}

func (f *numberFormat) hexadecimal(n *big.Int) (body string, blanks int, overflow bool) {
	text := n.Text(16)
	if len(text) > len(f.whole) {
		return "", 0, true
	}
	forced := len(f.whole)
	for i, c := range f.whole {
		if c == '0' {
			forced = i
			break
		}
	}
	// A 0 has the case of the next X.
	upper := true
	out := make([]byte, len(f.whole))
	left := len(text)
	for i := len(f.whole) - 1; i >= 0; i-- {
		if c := f.whole[i]; c != '0' {
			upper = c == 'X'
		}
		switch {
		case left > 0:
			left--
			out[i] = text[left]
			if upper && out[i] >= 'a' {
				out[i] -= 'a' - 'A'
			}
		case i >= forced:
			out[i] = '0'
		default:
			out[i] = ' '
			blanks++
		}
	}
	return string(out[blanks:]), blanks, false
}

// scientific writes one digit before the point.
func (f *numberFormat) scientific(r *big.Rat) (body string, overflow bool) {
	exponent := 0
	n := new(big.Int)
	if r.Sign() != 0 {
		// The number of decimal digits of the quotient is that of its parts' difference, or one more.
		exponent = len(new(big.Int).Abs(r.Num()).String()) - len(r.Denom().String())
		if roundRatio(r, f.fraction-exponent).Cmp(power10(f.fraction)) < 0 && new(big.Rat).Abs(r).Cmp(tenPower(exponent)) < 0 {
			exponent--
		}
		n = roundRatio(r, f.fraction-exponent)
		if n.Cmp(power10(f.fraction+1)) >= 0 {
			exponent++
			n = roundRatio(r, f.fraction-exponent)
		}
	}
	text := n.String()
	if short := f.fraction + 1 - len(text); short > 0 {
		text = strings.Repeat("0", short) + text
	}
	fraction := text[1:]
	if f.fill {
		fraction = strings.TrimRight(fraction, "0")
	}
	body = text[:1]
	if f.point {
		body += "."
	}
	sign := "+"
	if exponent < 0 {
		sign, exponent = "-", -exponent
	}
	return body + fraction + "E" + sign + fmt.Sprintf("%02d", exponent), false
}

// tenPower is 10^n.
func tenPower(n int) *big.Rat {
	if n < 0 {
		return new(big.Rat).SetFrac(big.NewInt(1), power10(-n))
	}
	return new(big.Rat).SetInt(power10(n))
}

const romanWidth = 15

func (f *numberFormat) formatRoman(r *big.Rat, special string) (string, error) {
	text := strings.Repeat("#", romanWidth)
	if special == "" && r.Sign() > 0 {
		if n := roundRatio(r, 0); n.IsInt64() && n.Int64() >= 1 && n.Int64() <= 3999 {
			text = romanNumeral(int(n.Int64()))
		}
	}
	if f.lower {
		text = strings.ToLower(text)
	}
	if f.fill {
		return text, nil
	}
	return strings.Repeat(" ", max(romanWidth-len(text), 0)) + text, nil
}

func romanNumeral(n int) string {
	var b strings.Builder
	for _, step := range []struct {
		value int
		text  string
	}{{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"}, {40, "XL"}, {10, "X"}, {9, "IX"}, {5, "V"}, {4, "IV"}, {1, "I"}} {
		for n >= step.value {
			b.WriteString(step.text)
			n -= step.value
		}
	}
	return b.String()
}

var errNumberFormat = errors.New("this number has no text in this format here: what BigQuery writes is not documented")

// formatNumberText is CAST(number AS STRING FORMAT format) of a number's text.
func formatNumberText(format, text string) (string, error) {
	f, err := readNumberFormat(format)
	if err != nil {
		return "", err
	}
	switch text {
	case "nan", "inf", "-inf":
		return "", errNumberFormat
	}
	r, err := decimalRat(text)
	if err != nil {
		return "", err
	}
	switch {
	case f.hex && r.Sign() < 0, f.exponent && (len(f.whole) != 1 || f.blank), f.shift > 0 && f.point, f.roman && (r.Sign() <= 0 || r.Cmp(big.NewRat(7999, 2)) >= 0):
		return "", errNumberFormat
	}
	return f.format(r, "", r.Sign() < 0)
}

func formatNumberFunctions() []Function {
	return []Function{
		{Name: "format_decimal", Args: []Kind{String, String}, Result: String, Fn: func(a []any) (any, error) {
			return formatNumberText(a[0].(string), a[1].(string))
		}},
		{Name: "format_float", Args: []Kind{String, Float64}, Result: String, Fn: func(a []any) (any, error) {
			x := a[1].(float64)
			if math.IsNaN(x) || math.IsInf(x, 0) {
				if _, err := readNumberFormat(a[0].(string)); err != nil {
					return nil, err
				}
				return nil, errNumberFormat
			}
			// The digits are those of the number itself, not of its shortest text.
			return formatNumberText(a[0].(string), new(big.Rat).SetFloat64(x).FloatString(1100))
		}},
	}
}
