package artifact

import (
	"io"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/project"
)

// FreshnessResult is the outcome of looking how old a source is.
type FreshnessResult struct {
	Source addr.Node
	// Status is pass, warn or error; with Error set it does not count.
	Status      string
	MaxLoadedAt time.Time
	SnapshotAt  time.Time // the warehouse's time when it was asked
	Limits      project.Freshness
	Error       string // why the question could not be answered
	Start, End  time.Time
	Worker      int
}

type freshnessLine struct {
	UniqueID        string         `json:"unique_id"`
	MaxLoadedAt     string         `json:"max_loaded_at"`
	SnapshottedAt   string         `json:"snapshotted_at"`
	Age             float64        `json:"max_loaded_at_time_ago_in_s"`
	Status          string         `json:"status"`
	Criteria        *freshness     `json:"criteria"`
	AdapterResponse map[string]any `json:"adapter_response"`
	Timing          []timing       `json:"timing"`
	ThreadID        string         `json:"thread_id"`
	ExecutionTime   float64        `json:"execution_time"`
}

type freshnessError struct {
	UniqueID string `json:"unique_id"`
	Error    string `json:"error"`
	Status   string `json:"status"`
}

// Sources writes sources.json (v3): the freshness of sources, in the order given.
func Sources(out io.Writer, p *compile.Program, results []FreshnessResult, m Meta) error {
	lines := make([]any, len(results))
	var first, last time.Time
	for i, r := range results {
		if first.IsZero() || r.Start.Before(first) {
			first = r.Start
		}
		if r.End.After(last) {
			last = r.End
		}
		id := UniqueID(p, r.Source)
		if r.Error != "" {
			lines[i] = freshnessError{UniqueID: id, Error: r.Error, Status: "runtime error"}
			continue
		}
		lines[i] = freshnessLine{
			UniqueID:        id,
			MaxLoadedAt:     iso(r.MaxLoadedAt),
			SnapshottedAt:   iso(r.SnapshotAt),
			Age:             r.SnapshotAt.Sub(r.MaxLoadedAt).Seconds(),
			Status:          r.Status,
			Criteria:        limitsOf(&r.Limits),
			AdapterResponse: map[string]any{},
			Timing:          timings(r.Start, r.End),
			ThreadID:        thread(r.Worker),
			ExecutionTime:   seconds(r.Start, r.End),
		}
	}
	return file(out, func(o *object) {
		o.put("metadata", m.header("sources/v3"))
		o.list("results", len(lines), func(i int) any { return lines[i] })
		o.put("elapsed_time", seconds(first, last))
	})
}

// iso is the form that dbt uses for times it got from a warehouse.
func iso(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000+00:00") }
