package function

import (
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// timeCase is a call of one of the functions on times, formats, intervals and numbers.
type timeCase struct {
	name string
	args []any
	want any // nil with fails: an error
	// fails is the beginning of the error's text.
	fails string
}

func runTimeCases(t *testing.T, cases []timeCase) {
	t.Helper()
	byName := map[string]Function{}
	for _, f := range append(append(append(timeFunctions(), intervalFunctions()...), numericFunctions()...), formatFunctions()...) {
		if _, twice := byName[f.Name]; twice {
			t.Errorf("%s is listed twice", f.Name)
		}
		byName[f.Name] = f
	}
	for _, c := range cases {
		f, ok := byName[c.name]
		if !ok {
			t.Errorf("no function %s", c.name)
			continue
		}
		got, err := f.Guard(c.args)
		switch {
		case c.fails != "" && (err == nil || len(err.Error()) < len(c.fails) || err.Error()[:len(c.fails)] != c.fails):
			t.Errorf("%s%v = %v, %v; want error %q", c.name, c.args, got, err, c.fails)
		case c.fails == "" && err != nil:
			t.Errorf("%s%v: %v", c.name, c.args, err)
		case c.fails == "":
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("%s%v (-want +got):\n%s", c.name, c.args, d)
			}
		}
		if c.fails != "" {
			if v, err := f.safe().Guard(c.args); v != nil || err != nil {
				t.Errorf("safe_%s%v = %v, %v; want NULL", c.name, c.args, v, err)
			}
		}
	}
}

// us is the microseconds of a time as RFC 3339 writes it.
func us(s string) int64 {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return t.UnixMicro()
}

func TestCivil(t *testing.T) {
	for days := int64(minDate); days <= maxDate; days += 1 + rand.Int64N(40) {
		at := time.Unix(days*86400, 0).UTC()
		year, month, day := civil(days)
		if int(year) != at.Year() || month != int(at.Month()) || day != at.Day() {
			t.Fatalf("civil(%d) = %d-%d-%d, want %s", days, year, month, day, at)
		}
		if back := daysOf(year, month, day); back != days {
			t.Fatalf("daysOf(%d, %d, %d) = %d, want %d", year, month, day, back, days)
		}
		y, w := at.ISOWeek()
		if iy, iw := isoWeek(days); int(iy) != y || iw != w {
			t.Fatalf("isoWeek(%s) = %d, %d", at, iy, iw)
		}
		if weekday(days) != int(at.Weekday()) {
			t.Fatalf("weekday(%s) = %d", at, weekday(days))
		}
	}
}

func TestZones(t *testing.T) {
	const ny = "America/New_York"
	runTimeCases(t, []timeCase{
		{name: "timestamp_local", args: []any{us("2020-01-01T00:00:00Z"), ny}, want: us("2019-12-31T19:00:00Z")},
		{name: "timestamp_local", args: []any{us("2020-01-01T00:00:00Z"), "+05:30"}, want: us("2020-01-01T05:30:00Z")},
		{name: "timestamp_local", args: []any{us("2020-01-01T00:00:00Z"), "UTC-8"}, want: us("2019-12-31T16:00:00Z")},
		{name: "timestamp_local", args: []any{int64(0), "nowhere"}, fails: "Invalid time zone: nowhere"},
		{name: "timestamp_local", args: []any{int64(0), ""}, fails: "Invalid empty time zone"},
		{name: "timestamp_local", args: []any{int64(0), "+15"}, fails: "Invalid time zone: +15"},
		{name: "timestamp_local", args: []any{int64(minDatetime), "-01"}, fails: "Invalid datetime"},
		// A time the clock shows twice is the first; one it skips is read by the offset before.
		{name: "timestamp_instant", args: []any{us("2020-11-01T01:30:00Z"), ny}, want: us("2020-11-01T05:30:00Z")},
		{name: "timestamp_instant", args: []any{us("2020-03-08T02:30:00Z"), ny}, want: us("2020-03-08T07:30:00Z")},
		{name: "timestamp_instant", args: []any{us("2020-03-08T03:30:00Z"), ny}, want: us("2020-03-08T07:30:00Z")},
		{name: "timestamp_instant", args: []any{us("2011-12-30T12:00:00Z"), "Pacific/Apia"}, want: us("2011-12-30T22:00:00Z")},
		{name: "timestamp_trunc", args: []any{us("2020-11-01T06:30:00Z"), "HOUR", ny}, want: us("2020-11-01T06:00:00Z")},
		{name: "timestamp_trunc", args: []any{us("2020-06-01T03:30:00Z"), "DAY", ny}, want: us("2020-05-31T04:00:00Z")},
		{name: "timestamp_trunc", args: []any{us("2015-06-15T00:00:00Z"), "ISOYEAR", "UTC"}, want: us("2014-12-29T00:00:00Z")},
		{name: "timestamp_trunc", args: []any{int64(minDatetime), "WEEK", "UTC"}, fails: "Truncating to WEEK"},
	})
}

func TestTimeText(t *testing.T) {
	runTimeCases(t, []timeCase{
		{name: "date_of_string", args: []any{"2014-9-7"}, want: daysOf(2014, 9, 7)},
		{name: "date_of_string", args: []any{"2014-02-29"}, fails: "Invalid date: '2014-02-29'"},
		{name: "date_of_string", args: []any{"0000-01-01"}, fails: "Invalid date"},
		{name: "date_of_string", args: []any{"2014-01-01 00:00:00"}, fails: "Invalid date"},
		{name: "datetime_of_string", args: []any{"2006-1-2T1:2:3.12"}, want: us("2006-01-02T01:02:03.12Z")},
		{name: "datetime_of_string", args: []any{"2015-11-06 23:59:60.9"}, want: us("2015-11-07T00:00:00Z")},
		{name: "datetime_of_string", args: []any{"9999-12-31 23:59:60"}, fails: "Invalid datetime"},
		{name: "datetime_of_string", args: []any{"2006-01-02 01:02:03.1234567"}, fails: "Invalid datetime"},
		{name: "time_of_string", args: []any{"1:2:3"}, want: int64(3723000000)},
		{name: "time_of_string", args: []any{"24:00:00"}, fails: "Invalid time"},
		{name: "timestamp_of_string", args: []any{"2014-09-27 12:30:00.45-8:00", "UTC"}, want: us("2014-09-27T20:30:00.45Z")},
		{name: "timestamp_of_string", args: []any{"2014-09-27 12:30:00 America/Los_Angeles", "UTC"}, want: us("2014-09-27T19:30:00Z")},
		{name: "timestamp_of_string", args: []any{"2014-09-27t12:30:00z", "+03"}, want: us("2014-09-27T12:30:00Z")},
		{name: "timestamp_of_string", args: []any{"2014-09-27 12:30:00 UTC+1", "UTC"}, want: us("2014-09-27T11:30:00Z")},
		{name: "timestamp_of_string", args: []any{"2014-09-27", "-08"}, want: us("2014-09-27T08:00:00Z")},
		{name: "timestamp_of_string", args: []any{"2014-09-27 -08", "UTC"}, want: us("2014-09-27T08:00:00Z")},
		{name: "timestamp_of_string", args: []any{"2014-09-27 12:30:00 +08", "UTC"}, fails: "Invalid timestamp"},
		{name: "timestamp_of_string_in", args: []any{"2014-09-27 12:30:00+08", "UTC"}, fails: "Timezone is not allowed"},
		{name: "timestamp_to_string", args: []any{us("2016-01-12T01:54:36.149111Z"), "America/Los_Angeles"}, want: "2016-01-11 17:54:36.149111-08"},
		{name: "timestamp_to_string", args: []any{us("2020-06-01T03:30:00.1Z"), "Asia/Kolkata"}, want: "2020-06-01 09:00:00.100+05:30"},
		// Offsets are shown without their seconds, and the clock fits what is shown.
		{name: "timestamp_to_string", args: []any{us("1800-01-01T00:00:00Z"), "America/Los_Angeles"}, want: "1799-12-31 16:08:00-07:52"},
	})
}

func TestFormatTime(t *testing.T) {
	at := us("2008-12-25T15:30:05.25Z")
	runTimeCases(t, []timeCase{
		{name: "format_date", args: []any{"%x|%b-%d-%Y|%b %Y|%e|%j|%U|%W|%V|%G|%g|%Q|%J|%C", daysOf(2008, 12, 25)}, want: "12/25/08|Dec-25-2008|Dec 2008|25|360|51|51|52|2008|08|4|361|20"},
		{name: "format_date", args: []any{"%H:%M %Y %E4Y %%", daysOf(8, 1, 2)}, want: "%H:%M 8 0008 %"},
		{name: "format_time", args: []any{"%R|%I %p|%l|%k|%E3S|%E*S|%Y", int64(55805250000)}, want: "15:30|03 PM| 3|15|05.250|05.25|%Y"},
		{name: "format_datetime", args: []any{"%c|%Z|%i", at}, want: "Thu Dec 25 15:30:05 2008|%Z|%i"},
		{name: "format_timestamp", args: []any{"%c|%Z|%z|%Ez|%s", at, "America/New_York"}, want: "Thu Dec 25 10:30:05 2008|UTC-5|-0500|-05:00|1230219005"},
		{name: "format_timestamp", args: []any{"%Z", at, "Asia/Kolkata"}, want: "UTC+5:30"},
		{name: "format_timestamp", args: []any{"%Y", at, "x"}, fails: "Invalid time zone: x"},
	})
}

func TestParseTime(t *testing.T) {
	runTimeCases(t, []timeCase{
		{name: "parse_date", args: []any{"%A %b %e %Y", "Thursday Dec 25 2008"}, want: daysOf(2008, 12, 25)},
		{name: "parse_date", args: []any{"%Y%m%d", "20081225"}, want: daysOf(2008, 12, 25)},
		{name: "parse_date", args: []any{"%y", "68"}, want: daysOf(2068, 1, 1)},
		{name: "parse_date", args: []any{"%C%y", "1868"}, want: daysOf(1868, 1, 1)},
		{name: "parse_date", args: []any{" %F ", "2000-12-30 "}, want: daysOf(2000, 12, 30)},
		{name: "parse_date", args: []any{"%Q %Y", "3 2020"}, want: daysOf(2020, 7, 1)},
		{name: "parse_date", args: []any{"%Y %j", "2020 366"}, want: daysOf(2020, 12, 31)},
		{name: "parse_date", args: []any{"%Y %j", "2021 366"}, fails: "Year 2021 has 365 days"},
		{name: "parse_date", args: []any{"%W%y", "092"}, want: daysOf(2002, 3, 4)},
		{name: "parse_date", args: []any{"%W%y", "92"}, fails: "Failed to parse"},
		{name: "parse_date", args: []any{"%Y-%m-%d", "2021-02-30"}, fails: "Out-of-range datetime field"},
		{name: "parse_date", args: []any{"%Y %H", "2021 1"}, fails: "Invalid format: %H is not allowed for the DATE type."},
		{name: "parse_date", args: []any{"%Y", "2021x"}, fails: "Failed to parse"},
		{name: "parse_date", args: []any{"%Y%", "2021x"}, fails: "Format string cannot end"},
		{name: "parse_date", args: []any{"%G %J", "2020 001"}, want: daysOf(2019, 12, 30)},
		{name: "parse_datetime", args: []any{"%m/%d/%Y %I:%M:%S %p", "8/30/2018 2:23:38 pm"}, want: us("2018-08-30T14:23:38Z")},
		{name: "parse_datetime", args: []any{"%c", "Thu Dec 25 07:30:00 2008"}, want: us("2008-12-25T07:30:00Z")},
		{name: "parse_time", args: []any{"%T", "07:30:60"}, want: int64(27060000000)},
		{name: "parse_time", args: []any{"%Y", "2020"}, fails: "Invalid format: %Y is not allowed for the TIME type."},
		{name: "parse_timestamp", args: []any{"%Y-%m-%d %H:%M:%E*S%Ez", "2024-03-15 12:30:45.123456789+01:30", "UTC"}, want: us("2024-03-15T11:00:45.123456Z")},
		{name: "parse_timestamp", args: []any{"%Y-%m-%d %H:%M:%E3S", "2024-03-15 12:30:45.1234", "UTC"}, fails: "Failed to parse"},
		{name: "parse_timestamp", args: []any{"%F %T %Z", "2024-03-15 12:30:45 America/New_York", "UTC"}, want: us("2024-03-15T16:30:45Z")},
		{name: "parse_timestamp", args: []any{"%s", "-1", "UTC"}, want: int64(-1000000)},
	})
}

func TestCastFormat(t *testing.T) {
	at := us("2008-12-25T15:30:05.25Z")
	runTimeCases(t, []timeCase{
		{name: "cast_format", args: []any{`YYYY-MM-DD HH24:MI:SS.FF2 "at" TZH:TZM`, at, "TIMESTAMP", "Asia/Kolkata"}, want: "2008-12-25 21:00:05.25 at +05:30"},
		{name: "cast_format", args: []any{"MONTH Month month Day dy HH:MI A.M. p.m.", at, "DATETIME", "UTC"}, want: "DECEMBER December december Thursday thu 03:30 P.M. p.m."},
		{name: "cast_format", args: []any{"HH", at, "DATE", "UTC"}, fails: "DATE does not support 'HH'"},
		{name: "cast_format", args: []any{"a", at, "TIMESTAMP", "UTC"}, fails: "Cannot find matched format element at 0"},
		{name: "cast_parse", args: []any{"YY-MM-DD", "18-12-03", daysOf(2020, 5, 6), "DATE", "UTC"}, want: us("2018-12-03T00:00:00Z")},
		{name: "cast_parse", args: []any{"RR", "51", daysOf(2020, 5, 6), "DATE", "UTC"}, want: us("1951-05-01T00:00:00Z")},
		{name: "cast_parse", args: []any{"Mon DD, Y,YYY", "jan 03, 2,018", daysOf(2020, 5, 6), "DATE", "UTC"}, want: us("2018-01-03T00:00:00Z")},
		{name: "cast_parse", args: []any{"HH12:MI:SS P.M.", "02:03:04 p.m.", int64(0), "TIME", "UTC"}, want: int64(50584000000)},
		{name: "cast_parse", args: []any{"YYYYMMDD HH24MISSFF3TZH", "20200603 000053123-08", int64(0), "TIMESTAMP", "UTC"}, want: us("2020-06-03T08:00:53.123Z")},
		{name: "cast_parse", args: []any{"hh24", "1234", int64(0), "DATE", "UTC"}, fails: "Format element in category HOUR ('HH24') is not allowed for output type DATE"},
		{name: "cast_parse", args: []any{"YYYY-YY", "2020-20", int64(0), "DATE", "UTC"}, fails: "More than one format element in category YEAR"},
		{name: "bytes_to_text", args: []any{[]byte{0, 1, 0xef, 0xff}, "hex"}, want: "0001efff"},
		{name: "bytes_to_text", args: []any{[]byte{5}, "BASE2"}, want: "00000101"},
		{name: "bytes_to_text", args: []any{[]byte("a"), "abc"}, fails: "Invalid format 'abc'"},
		{name: "text_to_bytes", args: []any{"0001efff", "HEX"}, want: []byte{0, 1, 0xef, 0xff}},
		{name: "text_to_bytes", args: []any{"00000101", "BASE2"}, want: []byte{5}},
		{name: "text_to_bytes", args: []any{"zz", "HEX"}, fails: "Failed to decode invalid HEX string"},
	})
}

func TestInterval(t *testing.T) {
	list := func(months, days, micros int64) any { return []any{months, days, micros} }
	runTimeCases(t, []timeCase{
		{name: "interval_text", args: []any{int64(-14), int64(-3), int64(-14706789000)}, want: "-1-2 -3 -4:5:6.789"},
		{name: "interval_text", args: []any{int64(0), int64(0), int64(-1)}, want: "0-0 0 -0:0:0.000001"},
		{name: "interval_of_string", args: []any{"-1-2 -3 -4:5:6.789"}, want: list(-14, -3, -14706789000)},
		{name: "interval_of_string", args: []any{"1-2"}, want: list(14, 0, 0)},
		{name: "interval_of_string", args: []any{"P1Y2M3DT4H5M6.789S"}, want: list(14, 3, 14706789000)},
		{name: "interval_of_string", args: []any{"PT1H2M"}, want: list(0, 0, 3720000000)},
		{name: "interval_of_string", args: []any{"P-1Y-2WT-0.5S"}, want: list(-12, -14, -500000)},
		{name: "interval_of_string", args: []any{"1"}, fails: "Invalid INTERVAL value '1'"},
		{name: "interval_of_string", args: []any{"P1"}, fails: "Invalid INTERVAL value 'P1'"},
		{name: "interval_of_string", args: []any{"10000-1"}, fails: "Invalid INTERVAL value"},
		{name: "justify_interval", args: []any{int64(14), int64(-12), int64(-144306789000)}, want: list(13, 16, 28493211000)},
		{name: "justify_days", args: []any{int64(14), int64(-35), int64(-5)}, want: list(12, 25, -5)},
		{name: "justify_hours", args: []any{int64(0), int64(35), int64(-176706789000)}, want: list(0, 32, 82493211000)},
		{name: "interval_divide", args: []any{int64(13), int64(1), int64(3601000000), int64(5)}, want: list(2, 18, 18000200000)},
		{name: "interval_divide", args: []any{int64(0), int64(0), int64(8), int64(-3)}, want: list(0, 0, -2)},
		{name: "interval_divide", args: []any{int64(0), int64(0), int64(8), int64(0)}, fails: "Interval division by zero"},
		{name: "interval_multiply", args: []any{int64(1), int64(2), int64(3), int64(20)}, want: list(20, 40, 60)},
		{name: "interval_multiply", args: []any{int64(1), int64(0), int64(0), int64(120001)}, fails: "Interval field months '120001' is out of range -120000 to 120000"},
		{name: "interval_scale", args: []any{int64(1), int64(0), int64(0), 3.5}, want: list(3, 15, 0)},
		{name: "interval_scale", args: []any{int64(0), int64(0), int64(1000000), 1.0 / 3}, want: list(0, 0, 333333)},
		{name: "bucket", args: []any{us("2020-02-15T00:00:00Z"), us("1950-01-01T00:00:00Z"), "DATE", int64(0), int64(7), int64(0)}, want: us("2020-02-09T00:00:00Z")},
		{name: "bucket", args: []any{us("2020-02-15T00:00:00Z"), us("2150-12-11T00:00:00Z"), "DATE", int64(0), int64(7), int64(0)}, want: us("2020-02-14T00:00:00Z")},
		{name: "bucket", args: []any{us("2020-02-15T00:00:00Z"), us("1950-01-01T00:00:00Z"), "DATE", int64(0), int64(0), int64(7)}, fails: "DATE_BUCKET only supports"},
		{name: "generate_date_array", args: []any{daysOf(2024, 1, 31), daysOf(2024, 3, 31), int64(1), "MONTH"}, want: []any{daysOf(2024, 1, 31), daysOf(2024, 2, 29), daysOf(2024, 3, 31)}},
		{name: "generate_date_array", args: []any{int64(1), int64(0), int64(1), "DAY"}, want: []any{}},
		{name: "generate_date_array", args: []any{int64(1), int64(0), int64(0), "DAY"}, fails: "Sequence step cannot be 0"},
		{name: "range_bounds", args: []any{int64(0), 25 * microsOfHour, "TIMESTAMP", false, int64(0), int64(0), 12 * microsOfHour, true}, want: []any{int64(0), 12 * microsOfHour, 24 * microsOfHour, 25 * microsOfHour}},
		{name: "range_bounds", args: []any{int64(0), 25 * microsOfHour, "TIMESTAMP", false, int64(0), int64(0), 12 * microsOfHour, false}, want: []any{int64(0), 12 * microsOfHour, 24 * microsOfHour}},
		{name: "range_bounds", args: []any{nil, int64(5), "TIMESTAMP", false, int64(0), int64(0), int64(1), true}, fails: "Unbounded RANGE"},
	})
}

func TestNumeric(t *testing.T) {
	runTimeCases(t, []timeCase{
		{name: "numeric_multiply", args: []any{"99999999999999999999", "1000000000"}, want: "99999999999999999999000000000"},
		{name: "numeric_multiply", args: []any{"0.000000001", "-0.5"}, want: "-0.000000001"},
		{name: "numeric_multiply", args: []any{"99999999999999999999", "99999999999999"}, fails: "numeric overflow"},
		{name: "numeric_divide", args: []any{"10.000000000", "3"}, want: "3.333333333"},
		{name: "numeric_divide", args: []any{"2", "-3"}, want: "-0.666666667"},
		{name: "numeric_divide", args: []any{"1", "0"}, fails: "division by zero: 1 / 0"},
		{name: "numeric_div", args: []any{"-7.5", "2"}, want: "-3"},
		{name: "numeric_round", args: []any{"255.5", int64(-1)}, want: "260"},
		{name: "numeric_round", args: []any{"99999999999999999999999999999.5", int64(0)}, fails: "numeric overflow"},
		{name: "numeric_round_even", args: []any{"2.45", int64(1)}, want: "2.4"},
		{name: "numeric_round_even", args: []any{"-2.550000001", int64(1)}, want: "-2.6"},
		{name: "numeric_trunc", args: []any{"-1.29", int64(1)}, want: "-1.2"},
		{name: "numeric_sqrt", args: []any{"2"}, want: "1.414213562"},
		{name: "numeric_sqrt", args: []any{"-2"}, fails: "SQRT is undefined"},
		{name: "numeric_cbrt", args: []any{"-27"}, want: "-3"},
		{name: "numeric_exp", args: []any{"1"}, want: "2.718281828"},
		{name: "numeric_exp", args: []any{"67"}, fails: "numeric overflow"},
		{name: "numeric_ln", args: []any{"10"}, want: "2.302585093"},
		{name: "numeric_log10", args: []any{"0.001"}, want: "-3"},
		{name: "numeric_log", args: []any{"8", "2"}, want: "3"},
		{name: "numeric_log", args: []any{"8", "1"}, fails: "LOG has invalid base"},
		{name: "numeric_pow", args: []any{"2", "0.5"}, want: "1.414213562"},
		{name: "numeric_pow", args: []any{"-2", "3"}, want: "-8"},
		{name: "numeric_pow", args: []any{"-2", "0.5"}, fails: "Negative NUMERIC"},
		{name: "numeric_pow", args: []any{"10", "29"}, fails: "numeric overflow"},
		{name: "numeric_pow", args: []any{"10", "28"}, want: "10000000000000000000000000000"},
		{name: "numeric_series", args: []any{"1", "2.1", "0.5"}, want: []any{"1", "1.5", "2"}},
		{name: "numeric_series", args: []any{"1", "2", "0"}, fails: "Sequence step cannot be 0"},
		{name: "parse_numeric", args: []any{" - 1,2.34 "}, want: "-12.34"},
		{name: "parse_numeric", args: []any{" 12.34e-1  +"}, want: "1.234"},
		{name: "parse_numeric", args: []any{"1e29"}, fails: "Invalid input to PARSE_NUMERIC"},
		{name: "parse_numeric", args: []any{"+1-"}, fails: "Invalid input to PARSE_NUMERIC"},
		{name: "parse_numeric", args: []any{""}, fails: "Invalid input to PARSE_NUMERIC"},
	})
	// The logarithm and the exponential undo each other.
	for range 50 {
		n := big.NewInt(1 + rand.Int64N(1_000_000_000_000_000))
		back := numeric.ofFloat(expFloat(lnFloat(numeric.float(n))))
		if back.Cmp(n) != 0 {
			t.Fatalf("exp(ln(%s)) = %s", n, back)
		}
	}
}

func TestFormat(t *testing.T) {
	runTimeCases(t, []timeCase{
		{name: "format", args: []any{"%d|%5d|%-5d|%05d|%+d|%'d", "i10", "i10", "i-10", "i-10", "i10", "i12345678"}, want: "10|   10|-10  |-0010|+10|12,345,678"},
		{name: "format", args: []any{"%x|%X|%o|%#x|%#o|%'x|%'o", "i255", "i255", "i8", "i255", "i8", "i12345678", "i55555"}, want: "ff|FF|10|0xff|010|bc:614e|15,4403"},
		{name: "format", args: []any{"%f|%.2f|%e|%E|%g|%G|%F", "f1.5", "n2.345", "f1234.5", "f0.00012", "f123456789", "f0.0001", "fnan"}, want: "1.500000|2.35|1.234500e+03|1.200000E-04|1.23457e+08|0.0001|NAN"},
		{name: "format", args: []any{"%.0f|%'.2f|%+.1f|%010.3f", "n2.5", "f1234567.891", "f1", "f-3.14159"}, want: "3|1,234,567.89|+1.0|-00003.142"},
		{name: "format", args: []any{"%s|%10s|%-10s|%.2s|%%", "sabc", "sabc", "sabc", "säbc"}, want: "abc|       abc|abc       |äb|%"},
		{name: "format", args: []any{"%*d %.*f", "i5", "i42", "i3", "f3.14159"}, want: "   42 3.142"},
		{name: "format", args: []any{"%t %T", "a2:i11:N2:i2", "a2:sa"}, want: `[1, NULL, 2] ["a"]`},
		{name: "format", args: []any{"%t %T %T", "r2:i12:sa", "r2:i1", "N"}, want: "(1, a) STRUCT(1) NULL"},
		{name: "format", args: []any{"%T %T %T %t", "f1", "finf", "y0161", "y0161"}, want: `1.0 CAST("inf" AS FLOAT64) b"\x01a" \x01a`},
		{name: "format", args: []any{"%d", "N"}, want: nil},
		{name: "format", args: []any{"%d", "sx"}, fails: "Invalid type for argument"},
		{name: "format", args: []any{"%d"}, fails: "Too few arguments"},
		{name: "format", args: []any{"x", "i1"}, fails: "Too many arguments"},
		{name: "format", args: []any{"%y", "i1"}, fails: "Invalid format specifier"},
		{name: "format", args: []any{"%t", "a9:i1"}, fails: "FORMAT: an argument is damaged"},
	})
}

// No format and no text makes a function panic.
func FuzzTimeFormats(f *testing.F) {
	f.Add("%Y-%m-%d %H:%M:%E3S%Ez", "2024-03-15 12:30:45.123+01:30", int64(0))
	f.Add("YYYY-MM-DD", "2020-01-02", int64(1<<50))
	f.Add("%5.2f", "f1.5", int64(-1))
	f.Fuzz(func(t *testing.T, format, text string, n int64) {
		zs := newZones()
		us := floorMod(n, maxDatetime-minDatetime) + minDatetime
		for kind := dateKind; kind <= timestampKind; kind++ {
			_ = formatTime(format, us, 0, kind)
			if got, err := parseByFormat(format, text, zone{}, kind, zs); err == nil && (got < minDatetime || got > maxDatetime) {
				t.Errorf("parse %q by %q: %d is out of range", text, format, got)
			}
			_, _ = formatCast(format, us, 0, kind)
			if got, err := parseCast(format, text, 0, zone{}, kind); err == nil && (got < minDatetime || got > maxDatetime) {
				t.Errorf("cast %q by %q: %d is out of range", text, format, got)
			}
		}
		_, _, _ = formatString(format, []string{text})
		_, _, _ = parseTimestamp(text, zone{}, zs)
		_, _ = parseInterval(text)
		_, _ = numeric.parse(text)
	})
}
