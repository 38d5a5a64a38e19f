package project

import (
	"testing"
	"time"
)

func TestParseRetention(t *testing.T) {
	for text, want := range map[string]Retention{
		"0": {}, "1": {Versions: 1}, " 100 ": {Versions: 100}, "36h": {For: 36 * time.Hour}, "90m": {For: 90 * time.Minute}, "10m": {For: 10 * time.Minute}, "20s": {For: 20 * time.Second}, "1h0m30s": {For: time.Hour + 30*time.Second}, "7d": {For: 7 * 24 * time.Hour}, "366d": {For: 366 * 24 * time.Hour},
	} {
		got, err := ParseRetention(text)
		if err != nil || got != want {
			t.Errorf("%q is %v, %v", text, got, err)
		}
		if again, err := ParseRetention(got.String()); err != nil || again != got {
			t.Errorf("%q is written as %q, which is %v, %v", text, got, again, err)
		}
	}
	for _, text := range []string{"", "-1", "101", "0h", "-2h", "367d", "9999999d", "d", "1.5", "two", "7 days", "1e9"} {
		if got, err := ParseRetention(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

// Mistakes in publish and keep_previous are found where they are written, in every target.
func TestPublicationMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"publish: rnu":                                       "value-unknown",
		"keep_previous: for ever":                            "value-invalid",
		"models: {+keep_previous: -1}":                       "value-invalid",
		"targets: {a: {type: duckdb, publish: all}}":         "value-unknown",
		"targets: {a: {type: duckdb, keep_previous: 1000d}}": "value-invalid",
	} {
		dir := t.TempDir()
		writeFile(t, dir, "engine.yml", "name: shop\n"+text+"\n")
		writeFile(t, dir, "models/m.sql", "select 1")
		_, ds := Load(dir, func(string) (string, bool) { return "", false })
		if len(ds) != 1 || string(ds[0].Code) != want || ds[0].At.IsZero() {
			t.Errorf("%s: %v, want %s", text, ds, want)
		}
	}
}
