package function

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// A NUMERIC or BIGNUMERIC travels as plain decimal text. Results are rounded half away from
// zero to the last digit the type has; see bignumeric.go for what only BIGNUMERIC needs.

// decimal is a decimal type: its values are whole numbers of 10^-scale within bounds.
type decimal struct {
	name        string // of the type, and lower case in names of functions and messages
	scale       int
	unit        *big.Int // 10^scale
	least, most *big.Int
	// Functions that leave the rationals are computed with this many bits.
	bits uint
	// e^x is beyond the bounds above exponent, and 0 below -exponent.
	exponent int64
}

var (
	tenToScale = big.NewInt(1_000_000_000)
	maxNumeric = new(big.Int).Sub(power10(38), big.NewInt(1))

	// 29 digits before the point and 9 behind it.
	numeric = decimal{"NUMERIC", 9, tenToScale, new(big.Int).Neg(maxNumeric), maxNumeric, 320, 70}
	// 256 bits, two's complement, with 38 digits behind the point.
	bigNumeric = decimal{
		"BIGNUMERIC", 38, power10(38), new(big.Int).Neg(new(big.Int).Lsh(big.NewInt(1), 255)),
		new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(1)), 704, 95,
	}
)

func power10(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// of is the number a decimal text is, in units of the type.
func (d *decimal) of(s string) (*big.Int, error) {
	whole, fraction, _ := strings.Cut(s, ".")
	if len(fraction) > d.scale || strings.HasPrefix(fraction, "-") || strings.HasPrefix(fraction, "+") {
		return nil, d.invalid(s)
	}
	n, ok := new(big.Int).SetString(whole+fraction+strings.Repeat("0", d.scale-len(fraction)), 10)
	if !ok || !d.holds(n) {
		return nil, d.invalid(s)
	}
	return n, nil
}

func (d *decimal) invalid(s string) error {
	return fmt.Errorf("Invalid %s value: %s", d.name, s) //nolint:staticcheck // GoogleSQL's words
}

func (d *decimal) holds(n *big.Int) bool { return n.Cmp(d.least) >= 0 && n.Cmp(d.most) <= 0 }

func (d *decimal) overflow(operation string) error {
	return fmt.Errorf("%s overflow: %s", strings.ToLower(d.name), operation)
}

// text is the decimal text of n units, or the error of an overflow.
func (d *decimal) text(n *big.Int, operation string) (any, error) {
	if !d.holds(n) {
		return nil, d.overflow(operation)
	}
	return decimalText(n, d.scale), nil
}

// decimalText is n / 10^scale without trailing zeros.
func decimalText(n *big.Int, scale int) string {
	text := new(big.Int).Abs(n).String()
	if len(text) <= scale {
		text = strings.Repeat("0", scale+1-len(text)) + text
	}
	text = text[:len(text)-scale] + "." + text[len(text)-scale:]
	text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	if n.Sign() < 0 {
		text = "-" + text
	}
	return text
}

// quoRound is a / b rounded half away from zero; b is not zero.
func quoRound(a, b *big.Int) *big.Int {
	q, r := new(big.Int).QuoRem(a, b, new(big.Int))
	if r.Lsh(r.Abs(r), 1).CmpAbs(b) >= 0 {
		if a.Sign()*b.Sign() < 0 {
			return q.Sub(q, big.NewInt(1))
		}
		return q.Add(q, big.NewInt(1))
	}
	return q
}

// roundDecimal rounds n / 10^scale to digits behind the point; mode is "", "even" or "zero".
func roundDecimal(n *big.Int, scale int, digits int64, mode string) *big.Int {
	if digits >= int64(scale) {
		return n
	}
	if digits < -100 {
		return new(big.Int)
	}
	unit := power10(scale - int(digits))
	var q *big.Int
	switch mode {
	case "zero":
		q = new(big.Int).Quo(n, unit)
	case "even":
		var r *big.Int
		q, r = new(big.Int).QuoRem(n, unit, new(big.Int))
		c := r.Lsh(r.Abs(r), 1).Cmp(unit)
		if c > 0 || c == 0 && q.Bit(0) == 1 {
			q.Add(q, big.NewInt(int64(n.Sign())))
		}
	default:
		q = quoRound(n, unit)
	}
	return q.Mul(q, unit)
}

// roundingMode is the mode of roundDecimal by its name in SQL.
func roundingMode(name string) (string, error) {
	switch strings.ToUpper(name) {
	case "ROUND_HALF_AWAY_FROM_ZERO":
		return "", nil
	case "ROUND_HALF_EVEN":
		return "even", nil
	}
	return "", fmt.Errorf("Invalid rounding mode: %s", name) //nolint:staticcheck // GoogleSQL's words
}

// parse reads what PARSE_NUMERIC takes: spaces around the number and its sign, the sign
// before or after it, commas among the digits before the point, an exponent.
func (d *decimal) parse(s string) (*big.Int, error) {
	bad := fmt.Errorf("Invalid input to PARSE_%s: %q", d.name, s) //nolint:staticcheck // GoogleSQL's words
	text := strings.Trim(s, spaces)
	negative, signed := false, false
	if text != "" && (text[0] == '+' || text[0] == '-') {
		negative, signed = text[0] == '-', true
		text = strings.TrimLeft(text[1:], spaces)
	}
	if n := len(text); n > 0 && (text[n-1] == '+' || text[n-1] == '-') {
		if signed {
			return nil, bad
		}
		negative = text[n-1] == '-'
		text = strings.TrimRight(text[:n-1], spaces)
	}
	n, ok := d.unsigned(text, true)
	if negative && ok {
		n.Neg(n)
	}
	if !ok || !d.holds(n) {
		return nil, bad
	}
	return n, nil
}

const spaces = " \t\n\v\f\r"

// unsigned reads digits, a point and an exponent, with commas before the point where they
// are allowed. The number may be beyond the bounds of the type.
func (d *decimal) unsigned(text string, commas bool) (*big.Int, bool) {
	mantissa, exponent := text, int64(0)
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		mantissa = text[:i]
		e, down := text[i+1:], false
		if e != "" && (e[0] == '+' || e[0] == '-') {
			down, e = e[0] == '-', e[1:]
		}
		v, ok := plainNumber(e)
		if !ok || v > 100_000 {
			return nil, false
		}
		if exponent = v; down {
			exponent = -v
		}
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := whole + fraction
	if commas {
		digits = strings.ReplaceAll(whole, ",", "") + fraction
	}
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return nil, false
	}
	n, _ := new(big.Int).SetString(digits, 10)
	switch shift := int64(d.scale) - int64(len(fraction)) + exponent; {
	case n.Sign() == 0:
	case shift > 200:
		return nil, false
	case shift >= 0:
		n.Mul(n, power10(int(shift)))
	case shift < -int64(len(digits))-1:
		n.SetInt64(0)
	default:
		n = quoRound(n, power10(int(-shift)))
	}
	return n, true
}

func (d *decimal) newFloat() *big.Float { return new(big.Float).SetPrec(d.bits) }

func (d *decimal) float(n *big.Int) *big.Float {
	return d.newFloat().Quo(d.newFloat().SetInt(n), d.newFloat().SetInt(d.unit))
}

// ofFloat rounds to units.
func (d *decimal) ofFloat(f *big.Float) *big.Int {
	return roundFloat(d.newFloat().Mul(f, d.newFloat().SetInt(d.unit)))
}

// roundFloat rounds half away from zero.
func roundFloat(f *big.Float) *big.Int {
	half := new(big.Float).SetPrec(f.Prec()).SetFloat64(0.5)
	if f.Sign() < 0 {
		half.Neg(half)
	}
	n, _ := half.Add(f, half).Int(nil)
	return n
}

// pi is π by Machin's formula, 16·arctan(1/5) - 4·arctan(1/239).
func (d *decimal) pi() *big.Float {
	arctan := func(n int64) *big.Float {
		sum, power := d.newFloat(), d.newFloat().Quo(d.newFloat().SetInt64(1), d.newFloat().SetInt64(n))
		square := d.newFloat().SetInt64(n * n)
		for i := int64(1); power.MantExp(nil) > -int(d.bits); i += 2 {
			term := d.newFloat().Quo(power, d.newFloat().SetInt64(i))
			if i%4 == 3 {
				term.Neg(term)
			}
			sum.Add(sum, term)
			power.Quo(power, square)
		}
		return sum
	}
	a, b := arctan(5), arctan(239)
	a.Mul(a, d.newFloat().SetInt64(16))
	return a.Sub(a, b.Mul(b, d.newFloat().SetInt64(4)))
}

// expFloat is e^x: the argument is halved until its series converges fast.
func expFloat(x *big.Float) *big.Float {
	newFloat := func() *big.Float { return new(big.Float).SetPrec(x.Prec()) }
	smallest := -int(x.Prec()) - 8
	const halvings = 32
	r := newFloat().SetMantExp(x, -halvings)
	sum, term := newFloat().SetInt64(1), newFloat().SetInt64(1)
	for i := int64(1); i < 200; i++ {
		term.Mul(term, r).Quo(term, newFloat().SetInt64(i))
		if term.Sign() == 0 || term.MantExp(nil) < smallest {
			break
		}
		sum.Add(sum, term)
	}
	for range halvings {
		sum.Mul(sum, sum)
	}
	return sum
}

// lnFloat is the natural logarithm of x > 0, by 2·artanh((x-1)/(x+1)) of its mantissa.
func lnFloat(x *big.Float) *big.Float {
	newFloat := func() *big.Float { return new(big.Float).SetPrec(x.Prec()) }
	mantissa := newFloat()
	exponent := x.MantExp(mantissa)
	sum := lnNear(mantissa)
	two := newFloat().SetInt64(2)
	ln2 := lnNear(two)
	return sum.Add(sum, ln2.Mul(ln2, newFloat().SetInt64(int64(exponent))))
}

func lnNear(x *big.Float) *big.Float {
	newFloat := func() *big.Float { return new(big.Float).SetPrec(x.Prec()) }
	smallest := -int(x.Prec()) - 8
	one := newFloat().SetInt64(1)
	t := newFloat().Quo(newFloat().Sub(x, one), newFloat().Add(x, one))
	square := newFloat().Mul(t, t)
	sum, term := newFloat(), newFloat().Set(t)
	for i := int64(1); i < 1000; i += 2 {
		if term.Sign() == 0 || term.MantExp(nil) < smallest {
			break
		}
		sum.Add(sum, newFloat().Quo(term, newFloat().SetInt64(i)))
		term.Mul(term, square)
	}
	return sum.Mul(sum, newFloat().SetInt64(2))
}

// pow is x^y.
func (d *decimal) pow(x, y *big.Int) (*big.Int, error) {
	overflow := d.overflow("POW")
	if y.Sign() == 0 {
		return d.unit, nil
	}
	if x.Sign() == 0 {
		if y.Sign() < 0 {
			return nil, errors.New("division by zero: POW(0, y) for a negative y")
		}
		return x, nil
	}
	whole, rest := new(big.Int).QuoRem(y, d.unit, new(big.Int))
	negative := false
	if x.Sign() < 0 {
		if rest.Sign() != 0 {
			return nil, fmt.Errorf("Negative %s value cannot be raised to a fractional power", d.name) //nolint:staticcheck // GoogleSQL's words
		}
		negative = whole.Bit(0) == 1
	}
	abs := new(big.Int).Abs(x)
	var f *big.Float
	if rest.Sign() == 0 && whole.IsInt64() && whole.CmpAbs(big.NewInt(4096)) <= 0 {
		// Powers with a whole exponent by squaring: exact as long as the digits fit.
		n := whole.Int64()
		f = d.newFloat().SetInt64(1)
		base := d.float(abs)
		for k := abs64(n); k > 0; k >>= 1 {
			if k&1 == 1 {
				f.Mul(f, base)
			}
			base = d.newFloat().Mul(base, base)
		}
		if n < 0 {
			f.Quo(d.newFloat().SetInt64(1), f)
		}
	} else {
		e := d.newFloat().Mul(d.float(y), lnFloat(d.float(abs)))
		if e.Cmp(d.newFloat().SetInt64(d.exponent)) > 0 {
			return nil, overflow
		}
		if e.Cmp(d.newFloat().SetInt64(-d.exponent)) < 0 {
			return new(big.Int), nil
		}
		f = expFloat(e)
	}
	if f.IsInf() || f.Cmp(d.float(d.most)) > 0 {
		return nil, overflow
	}
	n := d.ofFloat(f)
	if negative {
		n.Neg(n)
	}
	return n, nil
}

func numericFunctions() []Function {
	return append(numeric.functions(), bigNumericFunctions()...)
}

// functions are those both types have, under the type's name in lower case.
func (d *decimal) functions() []Function {
	lower := strings.ToLower(d.name)
	fn := func(name string, count int, f func(x []*big.Int) (*big.Int, error)) Function {
		args := make([]Kind, count)
		for i := range args {
			args[i] = String
		}
		return Function{Name: lower + "_" + name, Args: args, Result: String, Fn: func(a []any) (any, error) {
			x := make([]*big.Int, count)
			for i := range x {
				var err error
				if x[i], err = d.of(a[i].(string)); err != nil {
					return nil, err
				}
			}
			n, err := f(x)
			if err != nil {
				return nil, err
			}
			return d.text(n, strings.ToUpper(name))
		}}
	}
	zero := func(x []*big.Int) error {
		return fmt.Errorf("division by zero: %s / %s", decimalText(x[0], d.scale), decimalText(x[1], d.scale))
	}
	positive := func(name string, x ...*big.Int) error {
		for _, n := range x {
			if n.Sign() <= 0 {
				return fmt.Errorf("%s is undefined for zero or negative value: %s", name, decimalText(n, d.scale))
			}
		}
		return nil
	}
	rounding := func(name, mode string) Function {
		return Function{Name: lower + "_" + name, Args: []Kind{String, Int64}, Result: String, Fn: func(a []any) (any, error) {
			n, err := d.of(a[0].(string))
			if err != nil {
				return nil, err
			}
			return d.text(roundDecimal(n, d.scale, a[1].(int64), mode), "ROUND")
		}}
	}
	return []Function{
		{
			Name: lower + "_round_mode", Args: []Kind{String, Int64, String}, Result: String, Fn: func(a []any) (any, error) {
				n, err := d.of(a[0].(string))
				if err != nil {
					return nil, err
				}
				mode, err := roundingMode(a[2].(string))
				if err != nil {
					return nil, err
				}
				return d.text(roundDecimal(n, d.scale, a[1].(int64), mode), "ROUND")
			},
		},
		fn("multiply", 2, func(x []*big.Int) (*big.Int, error) {
			return quoRound(new(big.Int).Mul(x[0], x[1]), d.unit), nil
		}),
		fn("divide", 2, func(x []*big.Int) (*big.Int, error) {
			if x[1].Sign() == 0 {
				return nil, zero(x)
			}
			return quoRound(new(big.Int).Mul(x[0], d.unit), x[1]), nil
		}),
		fn("div", 2, func(x []*big.Int) (*big.Int, error) {
			if x[1].Sign() == 0 {
				return nil, zero(x)
			}
			q := new(big.Int).Quo(x[0], x[1])
			return q.Mul(q, d.unit), nil
		}),
		rounding("round", ""),
		rounding("round_even", "even"),
		rounding("trunc", "zero"),
		fn("sqrt", 1, func(x []*big.Int) (*big.Int, error) {
			if x[0].Sign() < 0 {
				return nil, fmt.Errorf("SQRT is undefined for negative value: %s", decimalText(x[0], d.scale))
			}
			return d.ofFloat(d.newFloat().Sqrt(d.float(x[0]))), nil
		}),
		fn("cbrt", 1, func(x []*big.Int) (*big.Int, error) {
			if x[0].Sign() == 0 {
				return x[0], nil
			}
			f := lnFloat(d.float(new(big.Int).Abs(x[0])))
			n := d.ofFloat(expFloat(f.Quo(f, d.newFloat().SetInt64(3))))
			if x[0].Sign() < 0 {
				n.Neg(n)
			}
			return n, nil
		}),
		fn("exp", 1, func(x []*big.Int) (*big.Int, error) {
			f := d.float(x[0])
			if f.Cmp(d.newFloat().SetInt64(d.exponent)) > 0 {
				return nil, d.overflow("EXP")
			}
			if f.Cmp(d.newFloat().SetInt64(-d.exponent)) < 0 {
				return new(big.Int), nil
			}
			return d.ofFloat(expFloat(f)), nil
		}),
		fn("ln", 1, func(x []*big.Int) (*big.Int, error) {
			if err := positive("LN", x[0]); err != nil {
				return nil, err
			}
			return d.ofFloat(lnFloat(d.float(x[0]))), nil
		}),
		fn("log10", 1, func(x []*big.Int) (*big.Int, error) {
			if err := positive("LOG10", x[0]); err != nil {
				return nil, err
			}
			return d.ofFloat(d.newFloat().Quo(lnFloat(d.float(x[0])), lnFloat(d.newFloat().SetInt64(10)))), nil
		}),
		fn("log", 2, func(x []*big.Int) (*big.Int, error) {
			if err := positive("LOG", x...); err != nil {
				return nil, err
			}
			if x[1].Cmp(d.unit) == 0 {
				return nil, errors.New("LOG has invalid base: 1")
			}
			return d.ofFloat(d.newFloat().Quo(lnFloat(d.float(x[0])), lnFloat(d.float(x[1])))), nil
		}),
		fn("radians", 1, func(x []*big.Int) (*big.Int, error) {
			f := d.newFloat().Mul(d.newFloat().SetInt(x[0]), d.pi())
			return roundFloat(f.Quo(f, d.newFloat().SetInt64(180))), nil
		}),
		fn("degrees", 1, func(x []*big.Int) (*big.Int, error) {
			f := d.newFloat().Mul(d.newFloat().SetInt(x[0]), d.newFloat().SetInt64(180))
			return roundFloat(f.Quo(f, d.pi())), nil
		}),
		fn("pow", 2, func(x []*big.Int) (*big.Int, error) { return d.pow(x[0], x[1]) }),
		{
			// GENERATE_ARRAY.
			Name: lower + "_series", Args: []Kind{String, String, String}, Result: Array | String,
			Fn: func(a []any) (any, error) {
				var x [3]*big.Int
				for i := range x {
					var err error
					if x[i], err = d.of(a[i].(string)); err != nil {
						return nil, err
					}
				}
				step := x[2].Sign()
				if step == 0 {
					return nil, errors.New("Sequence step cannot be 0.") //nolint:staticcheck // GoogleSQL's words
				}
				list := []any{}
				for at := x[0]; at.Cmp(x[1])*step <= 0; at = new(big.Int).Add(at, x[2]) {
					if len(list) == maxArray {
						return nil, errArray
					}
					list = append(list, decimalText(at, d.scale))
				}
				return list, nil
			},
		},
		{
			Name: "parse_" + lower, Args: []Kind{String}, Result: String,
			Fn: func(a []any) (any, error) {
				n, err := d.parse(a[0].(string))
				if err != nil {
					return nil, err
				}
				return decimalText(n, d.scale), nil
			},
		},
	}
}
