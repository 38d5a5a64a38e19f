package function

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// A BIGNUMERIC is its canonical text: no exponent, no zeros at the end of the fraction, no
// sign of zero. So texts are equal where the numbers are; their order is that of the key.

// bigKeyBytes is the width of a BIGNUMERIC in units.
const bigKeyBytes = 32

// bigKey is a text of bytes that sort as the numbers do: the number of units above the least.
func bigKey(n *big.Int) []byte {
	return new(big.Int).Sub(n, bigNumeric.least).FillBytes(make([]byte, bigKeyBytes))
}

// cast reads what CAST takes: spaces around, a sign, digits, a point and an exponent.
func (d *decimal) cast(s string) (*big.Int, error) {
	text := strings.Trim(s, spaces)
	negative := strings.HasPrefix(text, "-")
	if negative || strings.HasPrefix(text, "+") {
		text = text[1:]
	}
	n, ok := d.unsigned(text, false)
	if ok && negative {
		n.Neg(n)
	}
	if !ok || !d.holds(n) {
		return nil, d.invalid(s)
	}
	return n, nil
}

// ofRat rounds a fraction to units.
func (d *decimal) ofRat(r *big.Rat) *big.Int {
	return quoRound(new(big.Int).Mul(r.Num(), d.unit), r.Denom())
}

// numbers are the units of the texts of a list, without the NULLs.
func (d *decimal) numbers(list any) ([]*big.Int, error) {
	items := list.([]any)
	all := make([]*big.Int, 0, len(items))
	for _, v := range items {
		if v == nil {
			continue
		}
		n, err := d.of(v.(string))
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}

// sum adds; it may be beyond the bounds of the type.
func sum(all []*big.Int) *big.Int {
	total := new(big.Int)
	for _, n := range all {
		total.Add(total, n)
	}
	return total
}

// moments are exact sums of pairs, in units and squares of units.
type moments struct {
	n                int64
	x, y, xx, yy, xy big.Int
}

func (m *moments) add(x, y *big.Int) {
	var p big.Int
	m.n++
	m.x.Add(&m.x, x)
	m.xx.Add(&m.xx, p.Mul(x, x))
	if y != nil {
		m.y.Add(&m.y, y)
		m.yy.Add(&m.yy, p.Mul(y, y))
		m.xy.Add(&m.xy, p.Mul(x, y))
	}
}

// spread is n·Σab - Σa·Σb: n² times the covariance.
func (m *moments) spread(ab, a, b *big.Int) *big.Int {
	p := new(big.Int).Mul(big.NewInt(m.n), ab)
	return p.Sub(p, new(big.Int).Mul(a, b))
}

// mean divides a spread of squares of BIGNUMERIC's units by n·(n - less).
func (m *moments) mean(spread *big.Int, less int64) (*big.Float, bool) {
	if m.n-less <= 0 {
		return nil, false
	}
	q := new(big.Int).Mul(big.NewInt(m.n), big.NewInt(m.n-less))
	q.Mul(q, bigNumeric.unit)
	f := bigNumeric.newFloat().Quo(bigNumeric.newFloat().SetInt(spread), bigNumeric.newFloat().SetInt(q.Mul(q, bigNumeric.unit)))
	return f, true
}

// statistic is a variance, deviation, covariance or correlation by its name in SQL; nil
// if there are too few values.
func (m *moments) statistic(name string) (any, error) {
	less := int64(0)
	if strings.HasSuffix(name, "_samp") {
		less = 1
	}
	spread := func() *big.Int { return m.spread(&m.xx, &m.x, &m.x) }
	value := func(f *big.Float) (any, error) {
		v, _ := f.Float64()
		return v, nil
	}
	switch name {
	case "var_pop", "var_samp", "stddev_pop", "stddev_samp":
		f, ok := m.mean(spread(), less)
		if !ok {
			return nil, nil
		}
		if strings.HasPrefix(name, "stddev") {
			f = bigNumeric.newFloat().Sqrt(f)
		}
		return value(f)
	case "covar_pop", "covar_samp":
		f, ok := m.mean(m.spread(&m.xy, &m.x, &m.y), less)
		if !ok {
			return nil, nil
		}
		return value(f)
	case "corr":
		if m.n < 2 {
			return nil, nil
		}
		p := new(big.Int).Mul(spread(), m.spread(&m.yy, &m.y, &m.y))
		if p.Sign() == 0 {
			return math.NaN(), nil
		}
		root := new(big.Float).SetPrec(2048).SetInt(p)
		root.Sqrt(root)
		return value(root.Quo(new(big.Float).SetPrec(2048).SetInt(m.spread(&m.xy, &m.x, &m.y)), root))
	}
	return nil, fmt.Errorf("there is no statistic %s", name)
}

// sorted are the numbers of a list in order; nulls counts the NULLs, which sort first.
func (d *decimal) sorted(list any) (all []*big.Int, nulls int, err error) {
	all, err = d.numbers(list)
	slices.SortFunc(all, func(a, b *big.Int) int { return a.Cmp(b) })
	return all, len(list.([]any)) - len(all), err
}

// fraction is a text as a number between 0 and 1.
func fraction(s string) (*big.Rat, error) {
	p, ok := new(big.Rat).SetString(s)
	if !ok || p.Sign() < 0 || p.Cmp(big.NewRat(1, 1)) > 0 {
		return nil, fmt.Errorf("Percentile value must be between 0 and 1: %s", s) //nolint:staticcheck // GoogleSQL's words
	}
	return p, nil
}

// percentileCont interpolates between the two values next to rank p·(n-1). NULLs, where
// they count, sort first; between a NULL and a value lies the value.
func (d *decimal) percentileCont(list any, p *big.Rat, respect bool) (any, error) {
	all, nulls, err := d.sorted(list)
	if err != nil {
		return nil, err
	}
	if !respect {
		nulls = 0
	}
	n := nulls + len(all)
	if n == 0 {
		return nil, nil
	}
	rank := new(big.Rat).Mul(p, new(big.Rat).SetInt64(int64(n-1)))
	low := new(big.Int).Quo(rank.Num(), rank.Denom())
	weight := rank.Sub(rank, new(big.Rat).SetInt(low))
	at := func(i int) *big.Int {
		if i < nulls {
			return nil
		}
		return all[i-nulls]
	}
	i := int(low.Int64())
	left := at(i)
	if weight.Sign() == 0 {
		if left == nil {
			return nil, nil
		}
		return d.text(left, "PERCENTILE_CONT")
	}
	right := at(i + 1)
	switch {
	case right == nil:
		return nil, nil
	case left == nil:
		return d.text(right, "PERCENTILE_CONT")
	}
	step := new(big.Rat).SetInt(new(big.Int).Sub(right, left))
	value := step.Add(step.Mul(step, weight), new(big.Rat).SetInt(left))
	return d.text(quoRound(value.Num(), value.Denom()), "PERCENTILE_CONT")
}

// percentileDisc is the first value whose cumulative distribution reaches p.
func (d *decimal) percentileDisc(list any, p *big.Rat, respect bool) (any, error) {
	all, nulls, err := d.sorted(list)
	if err != nil {
		return nil, err
	}
	if !respect {
		nulls = 0
	}
	n := nulls + len(all)
	if n == 0 {
		return nil, nil
	}
	i := int(distributionRank(int64(n), p)) - 1
	if i < nulls {
		return nil, nil
	}
	return d.text(all[i-nulls], "PERCENTILE_DISC")
}

// distributionRank is ceil(p·n), at least 1.
func distributionRank(n int64, p *big.Rat) int64 {
	rank := new(big.Rat).Mul(p, new(big.Rat).SetInt64(n))
	up, rest := new(big.Int).QuoRem(rank.Num(), rank.Denom(), new(big.Int))
	if rest.Sign() != 0 {
		return up.Int64() + 1
	}
	return max(up.Int64(), 1)
}

// limited applies the type parameters: rounded to scale digits behind the point, with at
// most precision digits in all.
func (d *decimal) limited(n *big.Int, precision, scale int64) (*big.Int, error) {
	n = roundDecimal(n, d.scale, scale, "")
	if n.CmpAbs(power10(int(precision-scale)+d.scale)) >= 0 {
		return nil, fmt.Errorf("%s(%d, %d) has precision %d but got a value that is out of range: %s", d.name, precision, scale, precision, decimalText(n, d.scale))
	}
	return n, nil
}

// bigNumericFunctions are the functions of BIGNUMERIC; those over NUMERIC that need no other
// type are in numeric.go, the exact statistics of both are here.
func bigNumericFunctions() []Function {
	d := &bigNumeric
	fn := func(name string, count int, f func(x []*big.Int) (*big.Int, error)) Function {
		args := slices.Repeat([]Kind{String}, count)
		return Function{Name: "bignumeric_" + name, Args: args, Result: String, Fn: func(a []any) (any, error) {
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
	operator := func(name, sign string, f func(z, x, y *big.Int) *big.Int) Function {
		return Function{Name: "bignumeric_" + name, Args: []Kind{String, String}, Result: String, Fn: func(a []any) (any, error) {
			x, err := d.of(a[0].(string))
			if err != nil {
				return nil, err
			}
			y, err := d.of(a[1].(string))
			if err != nil {
				return nil, err
			}
			return d.text(f(new(big.Int), x, y), a[0].(string)+" "+sign+" "+a[1].(string))
		}}
	}
	rounding := func(name string, toward int) Function {
		return fn(name, 1, func(x []*big.Int) (*big.Int, error) {
			q, r := new(big.Int).QuoRem(x[0], d.unit, new(big.Int))
			if r.Sign() == toward {
				q.Add(q, big.NewInt(int64(toward)))
			}
			return q.Mul(q, d.unit), nil
		})
	}
	extreme := func(name string, sign int) Function {
		return Function{Name: "bignumeric_" + name, Rest: String, Result: String, Fn: func(a []any) (any, error) {
			var best *big.Int
			for _, v := range a {
				n, err := d.of(v.(string))
				if err != nil {
					return nil, err
				}
				if best == nil || n.Cmp(best) == sign {
					best = n
				}
			}
			return decimalText(best, d.scale), nil
		}}
	}
	listed := func(name string, sign int) Function {
		return Function{Name: "bignumeric_" + name, Args: []Kind{Array | String}, Result: String, Fn: func(a []any) (any, error) {
			all, _, err := d.sorted(a[0])
			if err != nil || len(all) == 0 {
				return nil, err
			}
			if sign < 0 {
				return decimalText(all[0], d.scale), nil
			}
			return decimalText(all[len(all)-1], d.scale), nil
		}}
	}
	percentile := func(name string, f func(list any, p *big.Rat, respect bool) (any, error)) Function {
		return Function{Name: name, Args: []Kind{Array | String, String, Bool}, Result: String, Fn: func(a []any) (any, error) {
			p, err := fraction(a[1].(string))
			if err != nil {
				return nil, err
			}
			return f(a[0], p, a[2].(bool))
		}}
	}
	return append(d.functions(),
		operator("add", "+", (*big.Int).Add),
		operator("subtract", "-", (*big.Int).Sub),
		fn("negate", 1, func(x []*big.Int) (*big.Int, error) { return x[0].Neg(x[0]), nil }),
		fn("abs", 1, func(x []*big.Int) (*big.Int, error) { return x[0].Abs(x[0]), nil }),
		fn("sign", 1, func(x []*big.Int) (*big.Int, error) {
			return new(big.Int).Mul(big.NewInt(int64(x[0].Sign())), d.unit), nil
		}),
		fn("mod", 2, func(x []*big.Int) (*big.Int, error) {
			if x[1].Sign() == 0 {
				return nil, fmt.Errorf("division by zero: MOD(%s, %s)", decimalText(x[0], d.scale), decimalText(x[1], d.scale))
			}
			return new(big.Int).Rem(x[0], x[1]), nil
		}),
		rounding("ceil", 1),
		rounding("floor", -1),
		extreme("greatest", 1),
		extreme("least", -1),
		listed("max", 1),
		listed("min", -1),
		Function{Name: "bignumeric_key", Args: []Kind{String}, Result: Bytes, Fn: func(a []any) (any, error) {
			n, err := d.of(a[0].(string))
			if err != nil {
				return nil, err
			}
			return bigKey(n), nil
		}},
		Function{Name: "rounding_mode", Args: []Kind{String}, Result: String, Fn: func(a []any) (any, error) {
			if _, err := roundingMode(a[0].(string)); err != nil {
				return nil, err
			}
			return a[0], nil
		}},
		Function{Name: "bignumeric_of_string", Args: []Kind{String}, Result: String, Fn: func(a []any) (any, error) {
			n, err := d.cast(a[0].(string))
			if err != nil {
				return nil, err
			}
			return decimalText(n, d.scale), nil
		}},
		Function{Name: "bignumeric_of_float64", Args: []Kind{Float64}, Result: String, Fn: func(a []any) (any, error) {
			f := a[0].(float64)
			if math.IsNaN(f) || math.IsInf(f, 0) {
				return nil, fmt.Errorf("Illegal conversion of non-finite floating point number to BIGNUMERIC: %g", f) //nolint:staticcheck // GoogleSQL's words
			}
			n := d.ofRat(new(big.Rat).SetFloat64(f))
			if !d.holds(n) {
				return nil, fmt.Errorf("BIGNUMERIC out of range: %s", strconv.FormatFloat(f, 'g', -1, 64))
			}
			return decimalText(n, d.scale), nil
		}},
		Function{Name: "bignumeric_to_integer", Args: []Kind{String}, Result: Hugeint, Fn: func(a []any) (any, error) {
			n, err := d.of(a[0].(string))
			if err != nil {
				return nil, err
			}
			n = quoRound(n, d.unit)
			if !n.IsInt64() && !n.IsUint64() {
				return nil, fmt.Errorf("int64 out of range: %s", a[0])
			}
			return n, nil
		}},
		Function{Name: "bignumeric_to_numeric", Args: []Kind{String}, Result: String, Fn: func(a []any) (any, error) {
			n, err := d.of(a[0].(string))
			if err != nil {
				return nil, err
			}
			n = quoRound(n, power10(d.scale-numeric.scale))
			if !numeric.holds(n) {
				return nil, fmt.Errorf("numeric out of range: %s", a[0])
			}
			return decimalText(n, numeric.scale), nil
		}},
		Function{Name: "bignumeric_limit", Args: []Kind{String, Int64, Int64}, Result: String, Fn: func(a []any) (any, error) {
			n, err := d.of(a[0].(string))
			if err != nil {
				return nil, err
			}
			if n, err = d.limited(n, a[1].(int64), a[2].(int64)); err != nil {
				return nil, err
			}
			return d.text(n, "CAST")
		}},
		Function{Name: "bignumeric_sum", Args: []Kind{Array | String}, Result: String, Fn: func(a []any) (any, error) {
			all, err := d.numbers(a[0])
			if err != nil || len(all) == 0 {
				return nil, err
			}
			return d.text(sum(all), "SUM")
		}},
		Function{Name: "bignumeric_avg", Args: []Kind{Array | String}, Result: String, Fn: func(a []any) (any, error) {
			all, err := d.numbers(a[0])
			if err != nil || len(all) == 0 {
				return nil, err
			}
			return d.text(quoRound(sum(all), big.NewInt(int64(len(all)))), "AVG")
		}},
		Function{
			// Variances and deviations of texts of NUMERIC or BIGNUMERIC.
			Name: "decimal_spread", Args: []Kind{Array | String, String}, Result: Float64, Fn: func(a []any) (any, error) {
				all, err := d.numbers(a[0])
				if err != nil {
					return nil, err
				}
				var m moments
				for _, n := range all {
					m.add(n, nil)
				}
				return m.statistic(a[1].(string))
			},
		},
		Function{
			// Covariances and the correlation of pairs of texts, with a blank between the two.
			Name: "decimal_relation", Args: []Kind{Array | String, String}, Result: Float64, Fn: func(a []any) (any, error) {
				var m moments
				for _, v := range a[0].([]any) {
					if v == nil {
						continue
					}
					left, right, _ := strings.Cut(v.(string), " ")
					x, err := d.of(left)
					if err != nil {
						return nil, err
					}
					y, err := d.of(right)
					if err != nil {
						return nil, err
					}
					m.add(x, y)
				}
				return m.statistic(a[1].(string))
			},
		},
		Function{
			// The rank, from 1, at which the cumulative distribution of n values reaches a part of 1.
			Name: "decimal_rank", Args: []Kind{Int64, String}, Result: Int64, Fn: func(a []any) (any, error) {
				p, err := fraction(a[1].(string))
				if err != nil {
					return nil, err
				}
				return distributionRank(a[0].(int64), p), nil
			},
		},
		percentile("numeric_percentile_cont", numeric.percentileCont),
		percentile("bignumeric_percentile_cont", d.percentileCont),
		percentile("bignumeric_percentile_disc", d.percentileDisc),
	)
}
