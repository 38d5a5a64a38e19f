package warehouse

import "testing"

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1": 1, "10485760": 10485760, "9007199254740993": 9007199254740993, "1_000": 1000,
		"10GB": 10e9, "10 gb": 10e9, "1TiB": 1 << 40, "1.5 MiB": 3 << 19, " 2kib ": 2048, "3B": 3, "0.5KB": 500,
	} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "GB", "-1", "-1GB", "1XB", "1 2", "ten", "NaN", "Inf", "1e400", "9999999PiB", "0x10", "+5", "1G B", "1,5GB"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("ParseSize(%q) = %d", text, got)
		}
	}
}

func TestFormatSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 3 << 19: "1.5 MiB", 1<<30 - 1: "1.0 GiB", 1 << 40: "1.0 TiB", 1 << 62: "4096.0 PiB"} {
		if got := FormatSize(n); got != want {
			t.Errorf("FormatSize(%d) = %q, want %q", n, got, want)
		}
	}
}
