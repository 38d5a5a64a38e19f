package bqpeer

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// A query through the peer's REST API, without a client library.
func TestStart(t *testing.T) {
	p := Start(t)
	ask := func(sql string) (int, string) {
		body := strings.NewReader(`{"query":"` + sql + `","useLegacySql":false}`)
		res, err := http.Post(p.URL+"/bigquery/v2/projects/"+p.Project+"/queries", "application/json", body)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var b strings.Builder
		buf := make([]byte, 4096)
		n, _ := res.Body.Read(buf)
		b.Write(buf[:n])
		return res.StatusCode, b.String()
	}
	if code, body := ask("select 41 + 1 as n"); code != 200 || !strings.Contains(body, `"v":"42"`) {
		t.Fatalf("answer %d: %s", code, body)
	}
	if code, body := ask("select * from nowhere.t"); code != 404 || !strings.Contains(body, "notFound") {
		t.Fatalf("answer %d: %s", code, body)
	}
	p.SetDelays(t, Delay{Match: "slow", Millis: 300})
	start := time.Now()
	if code, _ := ask("select 'slow' as s"); code != 200 || time.Since(start) < 300*time.Millisecond {
		t.Fatalf("the delay was not kept: %d after %s", code, time.Since(start))
	}
	log := p.Log(t)
	if len(log.Jobs) != 3 || log.Jobs[0].Executed != 1 || log.Jobs[1].Reason != "notFound" || len(log.Requests) != 3 {
		t.Fatalf("log %+v", log)
	}
	p.ClearRequests(t)
	if log := p.Log(t); len(log.Requests) != 0 || len(log.Jobs) != 3 {
		t.Fatalf("log after clearing %+v", log)
	}
	p.Close()
	if _, err := http.Get(p.URL); err == nil {
		t.Fatal("the peer still answers after Close")
	}
}
