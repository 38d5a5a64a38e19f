package bigquery

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

func TestVersionsOfKinds(t *testing.T) {
	s := newFake(t)
	plain := func(more map[string]any) map[string]any {
		out := map[string]any{"type": "TABLE", "creationTime": "1", "lastModifiedTime": "2", "numRows": "3", "numBytes": "4"}
		for k, v := range more {
			out[k] = v
		}
		return out
	}
	s.tables = map[string]map[string]any{
		"raw/plain":    plain(nil),
		"raw/snapshot": plain(map[string]any{"type": "SNAPSHOT"}),
		"raw/daily":    plain(map[string]any{"timePartitioning": map[string]any{"type": "DAY"}}),
		"raw/expiring": plain(map[string]any{"timePartitioning": map[string]any{"type": "DAY", "expirationMs": "86400000"}}),
		"raw/streamed": plain(map[string]any{"streamingBuffer": map[string]any{"estimatedRows": "1", "oldestEntryTime": "5"}}),
		"raw/changed":  plain(map[string]any{"maxStaleness": "0-0 0 0:15:0"}),
		"raw/view":     plain(map[string]any{"type": "VIEW"}),
		"raw/kept":     plain(map[string]any{"type": "MATERIALIZED_VIEW"}),
		"raw/external": plain(map[string]any{"type": "EXTERNAL"}),
		"raw/lake":     plain(map[string]any{"biglakeConfiguration": map[string]any{"connectionId": "c"}}),
		"raw/replica":  plain(map[string]any{"tableReplicationInfo": map[string]any{"sourceTable": map[string]any{"tableId": "x"}}}),
		"raw/new":      plain(map[string]any{"type": "SOMETHING"}),
		"raw/timeless": plain(map[string]any{"lastModifiedTime": "0"}),
		"raw/secret":   plain(nil),
	}
	s.before = func(_ int, r *http.Request) *fault {
		if strings.HasSuffix(r.URL.Path, "/tables/secret") {
			return &fault{status: http.StatusForbidden, reason: "accessDenied"}
		}
		return nil
	}
	c := s.connect(nil)
	asked := []addr.Relation{{Schema: "raw", Name: "missing"}, {Schema: "raw", Name: "events_*"}, {Schema: "region-eu.INFORMATION_SCHEMA", Name: "TABLES"}}
	for name := range s.tables {
		asked = append(asked, addr.Relation{Schema: "raw", Name: strings.TrimPrefix(name, "raw/")})
	}
	found, err := c.Versions(context.Background(), asked)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for r, v := range found {
		got[r.Name] = v.Token + v.Unknown
	}
	want := map[string]string{
		"plain": "modified 2 1 3 4", "snapshot": "modified 2 1 3 4", "daily": "modified 2 1 3 4",
		"expiring": "its partitions expire", "streamed": "rows are being streamed into it", "changed": "changes may be streamed into it (it has max_staleness)",
		"view": "it is a view", "kept": "it is a materialized view", "external": "its rows are kept outside of BigQuery", "lake": "its rows are kept outside of BigQuery",
		"replica": "it is a replica of another table", "new": "it is of type SOMETHING", "timeless": "the service does not say when it was modified",
		"events_*": "its name stands for several tables or a part of one", "secret": "asking for its version failed: injected accessDenied",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, line := range s.calls() {
		if !strings.HasPrefix(line, "GET ") {
			t.Errorf("a call that may cost something: %s", line)
		}
	}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Versions(canceled, []addr.Relation{{Schema: "raw", Name: "plain"}}); err == nil {
		t.Error("a canceled context gave no error")
	}
	if q, ok := warehouse.Checksum(c.Dialect(), addr.Relation{Schema: "raw", Name: "plain"}, []warehouse.Column{{Name: "a", Type: "INT64"}}); ok || q != "" {
		t.Errorf("a checksum: %q", q)
	}
}
