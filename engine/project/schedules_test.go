package project

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/engine-build/engine/engine/timetable"
)

// TestSchedules: what a schedule is when little is written, and when all is.
func TestSchedules(t *testing.T) {
	dir := write(t, txtar.Parse([]byte(`-- engine.yml --
name: shop
targets: {dev: {type: duckdb}, prod: {type: duckdb}}
distribution: {customers: [{customer: acme}], customer_tenants: [{customer: acme, tenant: 1}]}
schedules:
  - {name: hourly, every: 1h}
  - name: nightly
    cron: "30 2 * * mon-fri"
    timezone: Europe/Berlin
    target: prod
    select: [tag:nightly, "+orders"]
    exclude: slow
    phases: [build, publish]
    overlap: cancel_previous
    catchup_window: 0
    deadline: 90m
    late_after: 2h
    retry: from_failed
    retry_delay: 10s
    alerts: https://${HOST}/${KEY:-none}
  - {name: exports, after: nightly}
`)))
	p, list := Load(dir, envOf())
	if list.HasErrors() {
		t.Fatal(list)
	}
	var got []string
	for _, d := range p.Settings.Schedules {
		words := func(list []Value[string]) string {
			var out []string
			for _, v := range list {
				out = append(out, v.V)
			}
			return strings.Join(out, " ")
		}
		got = append(got, fmt.Sprintf("%s: %s, after %q, on %q, %s, select %q, exclude %q, %s, catch up %s, deadline %s, late %s, retry %s %s", d.Name.V, d.When, d.After.V, d.Target.V, words(d.Phases),
			words(d.Select), words(d.Exclude), d.Overlap.V, d.CatchUp.V, d.Deadline.V, d.LateAfter.V, d.Retry.V, d.RetryDelay.V))
	}
	if d := cmp.Diff([]string{
		`hourly: every 1h, after "", on "", build, select "", exclude "", skip, catch up 1h0m0s, deadline 24h0m0s, late 0s, retry none 1m0s`,
		`nightly: 30 2 * * mon-fri Europe/Berlin, after "", on "prod", build publish, select "tag:nightly +orders", exclude "slow", cancel_previous, catch up 0s, deadline 1h30m0s, late 2h0m0s, retry from_failed 10s`,
		`exports: never, after "nightly", on "", build, select "", exclude "", skip, catch up 1h0m0s, deadline 24h0m0s, late 0s, retry none 1m0s`,
	}, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	nightly := p.Settings.Schedules[1]
	friday := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	if next := nightly.When.Next(friday); !next.Equal(time.Date(2026, 11, 23, 1, 30, 0, 0, time.UTC)) {
		t.Errorf("next is %s", next)
	}
	if nightly.Overlap.V != timetable.CancelPrevious {
		t.Error(nightly.Overlap.V)
	}
	// The address of alerts is looked at where it is used.
	for _, c := range []struct {
		env           []string
		address, code string
	}{
		{[]string{"HOST", "hooks.example.com", "KEY", "k"}, "https://hooks.example.com/k", ""},
		{[]string{"HOST", "hooks.example.com"}, "https://hooks.example.com/none", ""},
		{[]string{"HOST", ""}, "", "value-invalid"},
		{nil, "", "env-unset"},
	} {
		address, found := nightly.AlertAddress(envOf(c.env...))
		code := ""
		if len(found) > 0 {
			code = string(found[0].Code)
		}
		if code != c.code || code == "" && address != c.address {
			t.Errorf("%q: %q, %v", c.env, address, found)
		}
	}
	if address, found := p.Settings.Schedules[0].AlertAddress(envOf()); address != "" || found != nil {
		t.Errorf("%q, %v", address, found)
	}
}
