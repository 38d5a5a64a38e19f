package function

import (
	"bytes"
	"fmt"
	"math/big"
	"strings"
)

// listFunctions are what aggregates other than sketches make of the list of their values:
// the bitwise ones over BYTES, and the NUMERIC between two others.
// The mode says what happens to
// values of several lengths: STRICT is an error, PAD adds zeros, TRUNCATE cuts to the shortest.
func listFunctions() []Function {
	of := func(name string, op func(a, b byte) byte) Function {
		return Function{Name: "bytes_" + name, Args: []Kind{Array | Bytes, String}, Result: Bytes, Fn: func(a []any) (any, error) {
			mode := strings.ToUpper(a[1].(string))
			var out []byte
			first := true
			for _, v := range a[0].([]any) {
				b, ok := v.([]byte)
				if !ok {
					continue
				}
				if first {
					out, first = bytes.Clone(b), false
					if out == nil {
						out = []byte{}
					}
					continue
				}
				if len(out) != len(b) {
					switch mode {
					case "PAD":
						n := max(len(out), len(b))
						out = append(out, make([]byte, n-len(out))...)
						b = append(bytes.Clone(b), make([]byte, n-len(b))...)
					case "TRUNCATE":
						n := min(len(out), len(b))
						out, b = out[:n], b[:n]
					default:
						return nil, fmt.Errorf("Bitwise binary operator for BYTES requires equal length of the inputs. Got %d bytes on the left hand side and %d bytes on the right hand side.", len(out), len(b)) //nolint:staticcheck // GoogleSQL's words
					}
				}
				for i := range out {
					out[i] = op(out[i], b[i])
				}
			}
			if first {
				return nil, nil
			}
			return out, nil
		}}
	}
	return []Function{
		of("bit_and", func(a, b byte) byte { return a & b }),
		of("bit_or", func(a, b byte) byte { return a | b }),
		of("bit_xor", func(a, b byte) byte { return a ^ b }),
		{Name: "numeric_mix", Args: []Kind{String, String, String}, Result: String, Fn: func(a []any) (any, error) {
			var x [3]*big.Int
			for i := range x {
				var err error
				if x[i], err = numeric.of(a[i].(string)); err != nil {
					return nil, err
				}
			}
			// Rounded once, at the end.
			lo := new(big.Int).Mul(x[0], new(big.Int).Sub(tenToScale, x[2]))
			hi := new(big.Int).Mul(x[1], x[2])
			return numeric.text(quoRound(lo.Add(lo, hi), tenToScale), "PERCENTILE_CONT")
		}},
	}
}
