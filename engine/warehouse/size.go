package warehouse

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// sizeUnits are the units of ParseSize: powers of 1000 and, with an «i», of 1024.
var sizeUnits = map[string]float64{
	"": 1, "b": 1,
	"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "pb": 1e15,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40, "pib": 1 << 50,
}

// ParseSize reads a number of bytes as people write it: «500000000», «500MB», «1.5 TiB».
// Units are those of IEC 80000-13 without regard to case; a fraction of a byte is cut off.
func ParseSize(text string) (int64, error) {
	t := strings.ToLower(strings.TrimSpace(text))
	digits := strings.TrimRight(t, "abcdefghijklmnopqrstuvwxyz ")
	factor, known := sizeUnits[strings.TrimSpace(t[len(digits):])]
	n, err := strconv.ParseFloat(strings.ReplaceAll(digits, "_", ""), 64)
	switch {
	case digits == "" || err != nil || !known || strings.ContainsAny(digits, "x+"):
		return 0, fmt.Errorf("%q is no size: write bytes or a unit, for example 500MB or 1.5TiB", text)
	case n < 0 || n*factor >= math.MaxInt64:
		return 0, fmt.Errorf("%q is out of range", text)
	}
	if whole, err := strconv.ParseInt(strings.ReplaceAll(digits, "_", ""), 10, 64); err == nil && factor == 1 {
		return whole, nil // all digits of it
	}
	return int64(n * factor), nil
}

// FormatSize writes a number of bytes in the largest binary unit that leaves a whole part:
// «512 B», «1.5 GiB». What is charged for is counted in these units.
func FormatSize(n int64) string {
	if n < 1<<10 {
		return strconv.FormatInt(n, 10) + " B"
	}
	v := float64(n)
	for _, unit := range []string{"KiB", "MiB", "GiB", "TiB", "PiB"} {
		if v /= 1 << 10; v < 1023.95 || unit == "PiB" {
			return strconv.FormatFloat(v, 'f', 1, 64) + " " + unit
		}
	}
	return ""
}
