package crash

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/internal/testpeer/bqpeer"
)

// service asks the peer of BigQuery, without the engine.
type service struct {
	t *testing.T
	p *bqpeer.Peer
}

func (s *service) ask(sql string) (out []string, there bool) {
	s.t.Helper()
	body, err := json.Marshal(map[string]any{"query": sql, "useLegacySql": false, "maxResults": 10000})
	if err != nil {
		s.t.Fatal(err)
	}
	res, err := http.Post(s.p.URL+"/bigquery/v2/projects/"+s.p.Project+"/queries", "application/json", bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if res.StatusCode == http.StatusNotFound {
		return nil, false
	}
	var answer struct {
		Rows []struct{ F []struct{ V string } }
	}
	if err := json.Unmarshal(text, &answer); err != nil || res.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: %d %s", sql, res.StatusCode, text)
	}
	for _, r := range answer.Rows {
		out = append(out, r.F[0].V)
	}
	return out, true
}

func (s *service) factory() (found map[string]string, aside []string) {
	s.t.Helper()
	found = map[string]string{}
	for name := range relations {
		if lines, there := s.ask(query("core", name, "string")); there {
			found[name] = rows(lines)
		}
	}
	aside, _ = s.ask("select table_name from core.INFORMATION_SCHEMA.TABLES where starts_with(table_name, '_engine_')")
	return found, aside
}

// TestKilledOnBigQuery kills builds on the peer of BigQuery, which has no transactions: what
// is published before its record is written must be found out by the next build, also when
// the project has changed back in between.
func TestKilledOnBigQuery(t *testing.T) {
	t.Parallel()
	peer := bqpeer.Start(t)
	targets := fmt.Sprintf("targets: {dev: {type: bigquery, project: %s, schema: core, api_endpoint: %q}}\n", peer.Project, peer.URL)
	x := newFactoryOn(t, targets, "unread", "total", "shown", "last")
	s := &service{t, peer}
	k := newKiller(t, 9, x.dir)
	died, reported, orphans, back := 0, 0, 0, 0
	n := max(kills(t, 50)/10, 5)
	x.before, _ = s.factory()
	for i := range n {
		old := x.f.clone()
		x.turn(k.r, i%7 == 3)
		more := []string{}
		if k.r.IntN(3) == 0 {
			more = append(more, "--full")
		}
		killed, at := k.kill(t, x.build(more...)...)
		found, aside := s.factory()
		when := fmt.Sprintf("round %d, killed %s", i, at)
		whole(t, when, found, x.before, x.next)
		if strings.Contains(found["checked"], "NULL") {
			t.Fatalf("%s: rows that failed their test were published", when)
		}
		if x.f.broken || k.r.IntN(2) == 0 {
			// Back to what the records tell of.
			x.f = old
			x.next = factoryFresh(t, x.f, x.calm)
			x.f.write(t, x.dir, x.targets)
			back++
		}
		out := engine(t, x.build()...)
		if killed {
			died++
		}
		if len(aside) > 0 {
			orphans++
		}
		if strings.Contains(out, "did not end") {
			reported++
		}
		got, left := s.factory()
		if diff := cmp.Diff(x.next, got); diff != "" {
			t.Fatalf("%s: the next build left other tables (-from nothing +repaired):\n%s\n%s", when, diff, out)
		}
		if len(left) > 0 {
			t.Fatalf("%s: staging objects are left over: %v", when, left)
		}
		x.before = got
	}
	t.Logf("%d of %d builds were killed while they ran, %d with objects aside, %d of them reported by the next, %d times the project changed back", died, n, orphans, reported, back)
	if died < n/3 || reported == 0 {
		t.Errorf("of %d builds %d were killed while they ran and %d reported: the test tests too little", n, died, reported)
	}
}
