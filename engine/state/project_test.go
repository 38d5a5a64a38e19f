package state

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/definition"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
	"github.com/google/go-cmp/cmp"
)

// TestProject: definitions come back as they were written, also in several parts; a writer
// that died leaves nothing; scopes do not mix.
func TestProject(t *testing.T) {
	c, err := duckdb.Driver{}.Open(t.Context(), warehouse.Config{Fields: map[string]string{"path": ":memory:"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	scope, other := Scope{Project: "shop", Schema: "core"}, Scope{Project: "shop", Schema: "dev"}
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	if set, hash, err := ReadProject(t.Context(), c, scope); set != nil || hash != "" || err != nil {
		t.Fatalf("of nothing: %v %q %v", set, hash, err)
	}
	set := &definition.Set{Format: definition.Format, Project: "shop", Target: "prod", Type: "duckdb", Nodes: map[addr.Node]definition.Node{}}
	for i := range 12000 { // hashes do not compress
		sum := sha256.Sum256([]byte(fmt.Sprint(i)))
		set.Nodes[addr.Node{Kind: addr.Model, Name: fmt.Sprintf("m%d", i)}] = definition.Node{Raw: hex.EncodeToString(sum[:]), Text: hex.EncodeToString(sum[16:]), Config: map[string]string{}}
	}
	packed, want, err := pack(set)
	if err != nil || len(packed) < partSize {
		t.Fatalf("%d bytes, %v", len(packed), err)
	}
	for _, run := range []string{"r1", "r2"} {
		if err := WriteProject(t.Context(), c, scope, run, at, set, ""); err != nil {
			t.Fatal(err)
		}
		at = at.Add(time.Hour)
	}
	got, hash, err := ReadProject(t.Context(), c, scope)
	if err != nil || hash != want {
		t.Fatalf("hash %q, want %q, %v", hash, want, err)
	}
	if diff := cmp.Diff(set, got); diff != "" {
		t.Error(diff)
	}
	if set, _, _ := ReadProject(t.Context(), c, other); set != nil {
		t.Error("another scope has definitions")
	}
	// The same again is not written.
	if err := WriteProject(t.Context(), c, scope, "r3", at, set, want); err != nil {
		t.Fatal(err)
	}
	count := func() (n int64) {
		err := query(t.Context(), c, "select count(distinct run_id) from _engine.project_definitions where scope = 'shop/core' and run_id = 'r2'", "count", func(v []any) { n = number(v[0]) })
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if count() != 1 {
		t.Error("r2 is gone")
	}
	// A run that died after its first part: what was there before counts.
	if _, err := c.Exec(t.Context(), warehouse.Statement{SQL: "insert into _engine.project_definitions (scope, run_id, hash, part, parts, definitions, \"at\") values ('shop/core', 'r4', 'x', 0, 2, 'H4sI', timestamp '2027-01-01')"}); err != nil {
		t.Fatal(err)
	}
	if _, hash, err := ReadProject(t.Context(), c, scope); hash != want || err != nil {
		t.Errorf("hash %q, %v", hash, err)
	}
	if err := ForgetScope(t.Context(), c, scope); err != nil {
		t.Fatal(err)
	}
	if set, _, err := ReadProject(t.Context(), c, scope); set != nil || err != nil {
		t.Errorf("forgotten: %v, %v", set, err)
	}
}

func TestUnpackMistakes(t *testing.T) {
	for _, text := range []string{"", "nonsense", "AAAA", "H4sIAAAAAAAA"} {
		if _, err := unpack(text); err == nil {
			t.Errorf("%q was unpacked", text)
		}
	}
}
