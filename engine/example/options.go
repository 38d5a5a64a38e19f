package example

import (
	"context"
	"fmt"
	"io"
	"time"
)

// Options say how large the company is and what its data look like on disk. The same
// options give the same rows on every machine, and with CSV the same bytes; with Parquet
// the bytes are as equal as Parquet makes them.
type Options struct {
	// Materials is the number of material rows, kept within one batch (about 70 rows).
	// 0 means 3,000, the size of the repository's own seeds.
	Materials int
	// Seed of the simulation; every seed is another company. 0 means 42.
	Seed uint64
	// Format is «csv» (the default) or «parquet», the form in which Write puts the seeds.
	Format string
	// Parquet makes the Parquet file to of the CSV file from, both paths of the file
	// system. The columns are those of from, in its order. The file has a header, and NULL
	// is an empty field. Needed for Format «parquet» only.
	Parquet func(ctx context.Context, from, to string, columns []Column) error
	// Start and End bound the simulated time; default 2025-01-01 to 2026-06-30. The
	// clock is never read.
	Start, End time.Time
}

// Writer makes the files of a project: path is slash-separated and relative to the
// project («seeds/app/app_material.csv»). Close is called once per file.
type Writer interface {
	Create(path string) (io.WriteCloser, error)
}

const (
	defaultMaterials = 3000
	defaultSeed      = 42
	maxMaterials     = 100_000_000
)

// OptionsError is a wrong option: what was asked for and what would do.
type OptionsError struct {
	Option, Value, Want string
}

func (e *OptionsError) Error() string {
	return fmt.Sprintf("%s is %q, want %s", e.Option, e.Value, e.Want)
}

func (o Options) withDefaults() (Options, error) {
	if o.Materials == 0 {
		o.Materials = defaultMaterials
	}
	if o.Seed == 0 {
		o.Seed = defaultSeed
	}
	if o.Format == "" {
		o.Format = "csv"
	}
	if o.Start.IsZero() {
		o.Start = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if o.End.IsZero() {
		o.End = time.Date(2026, 6, 30, 0, 0, 0, 0, time.UTC)
	}
	switch {
	case o.Materials < 100 || o.Materials > maxMaterials:
		return o, &OptionsError{"materials", fmt.Sprint(o.Materials), "a number from 100 to 100000000"}
	case o.Format != "csv" && o.Format != "parquet":
		return o, &OptionsError{"format", o.Format, "csv or parquet"}
	case o.Format == "parquet" && o.Parquet == nil:
		return o, &OptionsError{"format", o.Format, "csv: there is no function that makes Parquet files"}
	case o.End.Sub(o.Start) < 180*24*time.Hour:
		return o, &OptionsError{"end", o.End.Format(time.DateOnly), "at least 180 days after the start"}
	}
	return o, nil
}
