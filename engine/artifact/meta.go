package artifact

import "time"

// dbtVersion is the release whose artifacts these are. Readers compare it to decide which
// fields they may expect, so it is dbt's and not the engine's.
const dbtVersion = "1.12.3"

// Meta is what an artifact says about the invocation that wrote it.
type Meta struct {
	InvocationID string
	StartedAt    time.Time // zero: GeneratedAt
	GeneratedAt  time.Time
	// Args are the arguments of the command, by dbt's names: which, select, exclude, vars,
	// full_refresh … They let «retry» repeat the command.
	Args        map[string]any
	AdapterType string
}

// header is the metadata block that all artifacts share.
type header struct {
	Schema       string            `json:"dbt_schema_version"`
	Version      string            `json:"dbt_version"`
	GeneratedAt  string            `json:"generated_at"`
	InvocationID *string           `json:"invocation_id"`
	StartedAt    string            `json:"invocation_started_at"`
	Env          map[string]string `json:"env"`
}

func (m Meta) header(schema string) header {
	return header{
		Schema:       "https://schemas.getdbt.com/dbt/" + schema + ".json",
		Version:      dbtVersion,
		GeneratedAt:  zulu(m.GeneratedAt),
		InvocationID: text(m.InvocationID),
		StartedAt:    zulu(m.started()),
		Env:          map[string]string{},
	}
}

func (m Meta) started() time.Time {
	if m.StartedAt.IsZero() {
		return m.GeneratedAt
	}
	return m.StartedAt
}

// epoch is the time as dbt's created_at has it.
func (m Meta) epoch() float64 { return float64(m.GeneratedAt.UnixMicro()) / 1e6 }

func zulu(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// text is a JSON string, null when empty.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// list is a JSON array that is never null.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// dict is a JSON object that is never null.
func dict[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return m
}
