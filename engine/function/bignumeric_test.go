package function

import (
	"bytes"
	"slices"
	"testing"
)

func TestBigNumeric(t *testing.T) {
	most := "578960446186580977117854925043439539266.34992332820282019728792003956564819967"
	least := "-578960446186580977117854925043439539266.34992332820282019728792003956564819968"
	runTimeCases(t, []timeCase{
		{name: "bignumeric_of_string", args: []any{" +1.50e-2 "}, want: "0.015"},
		{name: "bignumeric_of_string", args: []any{"-0.00"}, want: "0"},
		{name: "bignumeric_of_string", args: []any{"0.000000000000000000000000000000000000005"}, want: "0.00000000000000000000000000000000000001"},
		{name: "bignumeric_of_string", args: []any{"1,000"}, fails: "Invalid BIGNUMERIC value"},
		{name: "bignumeric_of_string", args: []any{"1e39"}, fails: "Invalid BIGNUMERIC value"},
		{name: "bignumeric_of_string", args: []any{most}, want: most},
		{name: "bignumeric_of_float64", args: []any{0.5}, want: "0.5"},
		{name: "bignumeric_of_float64", args: []any{1e39}, fails: "BIGNUMERIC out of range"},
		{name: "bignumeric_to_numeric", args: []any{"-1.0000000005"}, want: "-1.000000001"},
		{name: "bignumeric_to_numeric", args: []any{most}, fails: "numeric out of range"},
		{name: "bignumeric_to_integer", args: []any{most}, fails: "int64 out of range"},
		{name: "bignumeric_limit", args: []any{"123.455", int64(5), int64(2)}, want: "123.46"},
		{name: "bignumeric_limit", args: []any{"1234", int64(5), int64(2)}, fails: "BIGNUMERIC(5, 2) has precision 5"},
		{name: "bignumeric_add", args: []any{most, "0.00000000000000000000000000000000000001"}, fails: "bignumeric overflow"},
		{name: "bignumeric_negate", args: []any{least}, fails: "bignumeric overflow"},
		{name: "bignumeric_divide", args: []any{"2", "3"}, want: "0.66666666666666666666666666666666666667"},
		{name: "bignumeric_divide", args: []any{"1", "0"}, fails: "division by zero: 1 / 0"},
		{name: "bignumeric_mod", args: []any{"-5.5", "2"}, want: "-1.5"},
		{name: "bignumeric_ceil", args: []any{"-1.5"}, want: "-1"},
		{name: "bignumeric_floor", args: []any{"-1.5"}, want: "-2"},
		{name: "bignumeric_round_even", args: []any{"2.5", int64(0)}, want: "2"},
		{name: "bignumeric_sqrt", args: []any{"2"}, want: "1.41421356237309504880168872420969807857"},
		{name: "bignumeric_exp", args: []any{"1"}, want: "2.71828182845904523536028747135266249776"},
		{name: "bignumeric_ln", args: []any{"2"}, want: "0.69314718055994530941723212145817656808"},
		{name: "bignumeric_pow", args: []any{"2", "0.5"}, want: "1.41421356237309504880168872420969807857"},
		{name: "bignumeric_radians", args: []any{"180"}, want: "3.1415926535897932384626433832795028842"},
		{name: "bignumeric_greatest", args: []any{"-2", "10", "9"}, want: "10"},
		{name: "bignumeric_sum", args: []any{[]any{"0.1", nil, "0.2"}}, want: "0.3"},
		{name: "bignumeric_sum", args: []any{[]any{nil}}, want: nil},
		{name: "bignumeric_avg", args: []any{[]any{most, most}}, want: most},
		{name: "decimal_spread", args: []any{[]any{"1", "2", nil, "4"}, "var_pop"}, want: 14.0 / 9},
		{name: "decimal_spread", args: []any{[]any{"1"}, "stddev_samp"}, want: nil},
		{name: "decimal_relation", args: []any{[]any{"1 2", nil, "2 4"}, "corr"}, want: 1.0},
		{name: "numeric_percentile_cont", args: []any{[]any{"1", nil, "2"}, "0.25", false}, want: "1.25"},
		{name: "numeric_percentile_cont", args: []any{[]any{"1", nil, "2"}, "0.25", true}, want: "1"},
		{name: "bignumeric_percentile_disc", args: []any{[]any{"1", "10", "9"}, "0.5", false}, want: "9"},
		{name: "parse_bignumeric", args: []any{"1,234.5-"}, want: "-1234.5"},
	})
}

// The keys sort as the numbers do.
func TestBigNumericKey(t *testing.T) {
	numbers := []string{
		"-578960446186580977117854925043439539266.34992332820282019728792003956564819968", "-10", "-9", "-0.5", "0", "0.1", "2", "10",
		"578960446186580977117854925043439539266.34992332820282019728792003956564819967",
	}
	keys := make([][]byte, len(numbers))
	for i, s := range numbers {
		n, err := bigNumeric.of(s)
		if err != nil {
			t.Fatal(err)
		}
		keys[i] = bigKey(n)
	}
	if !slices.IsSortedFunc(keys, bytes.Compare) {
		t.Errorf("%x", keys)
	}
}

// The examples of the documentation, «Format numeric type as string».
func TestFormatNumber(t *testing.T) {
	for _, c := range []struct{ format, number, want string }{
		{"$999,999.999", "1.2", "       $1.200"},
		{"$999,999.999", "1234.56", "   $1,234.560"},
		{"$999,999.999", "-12345.678", " -$12,345.678"},
		{"$999,999.999", "1234567.89", " $###,###.###"},
		{"000.000", "-12", "-012.000"},
		{"999.999", "12", "  12.000"},
		{"XXXX", "43981", " ABCD"},
		{"0X0x", "43981", " ABcd"},
		{"0000000X", "43981", " 0000ABCD"},
		{"999D999", "123.58", " 123.580"},
		{"S9999", "-12", "  -12"},
		{"9999S", "-12", "  12-"},
		{"9999MI", "12", "  12 "},
		{"9999PR", "12", "   12 "},
		{"9999PR", "-12", "  <12>"},
		{"C999", "-12", " -USD12"},
		{"c999", "-12", " -usd12"},
		{"999G999", "12345", "  12,345"},
		{"B99.999S", "0.23", "       "},
		{"B99.999S", "1.23", " 1.230+"},
		{"S9.999EEEE", "299792458", "+2.998E+08"},
		{"9.999EEEE", "-123456", "-1.235E+05"},
		{"9.99EEEE", "0.000999999", " 1.00E-03"},
		{"999999.000FM", "12.5", "12.5"},
		{"RN", "2021", "          MMXXI"},
		{"S000V00", "23.5", "+02350"},
		{"9.99", "0.5", "  .50"},
		{"999", "0", "   0"},
	} {
		got, err := formatNumberText(c.format, c.number)
		if err != nil || got != c.want {
			t.Errorf("%s by %s: got %q, %v, want %q", c.number, c.format, got, err, c.want)
		}
	}
	for _, format := range []string{"", "S", "9S9", "9..9", "MI9", "XX.X", "RN9", "99V9.9", "9EEEE9", "abc"} {
		if got, err := formatNumberText(format, "1"); err == nil {
			t.Errorf("%q: want an error, got %q", format, got)
		}
	}
}

// No format makes a function panic.
func FuzzFormatNumber(f *testing.F) {
	f.Add("S9,999.99EEEE", "-12.5")
	f.Add("0XFM", "255")
	f.Fuzz(func(_ *testing.T, format, number string) {
		_, _ = formatNumberText(format, number)
		_, _ = bigNumeric.cast(number)
		_, _ = bigNumeric.parse(number)
	})
}
