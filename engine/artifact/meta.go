package artifact

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
)

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
	// Database is where relations are whose name leaves it out: that of the connection; empty
	// where it is not known. dbt's readers expect to be told.
	Database string
	// Env are the facts about the invocation that the environment holds for readers of
	// artifacts: dbt's variables DBT_ENV_CUSTOM_ENV_…, without that beginning.
	Env map[string]string
}

// quote is the full name of a relation in SQL.
func (m Meta) quote(p *compile.Program, r addr.Relation) string {
	name := p.Target.Dialect.Quote(r)
	if r.Database == "" && p.Target.Database == "" && m.Database != "" {
		return p.Target.Dialect.Ident(m.Database) + "." + name
	}
	return name
}

// invocation is the id of the invocation as dbt's readers expect it, a UUID: the id of a run
// that is none becomes one of version 8, always the same.
func (m Meta) invocation() *string {
	if m.InvocationID == "" {
		return nil
	}
	id := InvocationID(m.InvocationID)
	return &id
}

// uuid is the form of one.
var uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// InvocationID is the UUID (RFC 9562, version 8) that artifacts give a run; of a UUID, itself.
func InvocationID(run string) string {
	if uuid.MatchString(run) {
		return run
	}
	sum := sha256.Sum256([]byte("engine run " + run))
	b := sum[:16]
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
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
		InvocationID: m.invocation(),
		StartedAt:    zulu(m.started()),
		Env:          dict(m.Env),
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
