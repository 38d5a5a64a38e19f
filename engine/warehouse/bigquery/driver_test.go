package bigquery

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/warehouse"
)

func fields(pairs ...string) map[string]string {
	out := map[string]string{"project": "my-project"}
	for i := 0; i+1 < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}
	return out
}

// TestOptions: every field has an effect, and defaults are what Fields says.
func TestOptions(t *testing.T) {
	o, err := readOptions(warehouse.Config{Fields: fields(), Dir: "dir"})
	if err != nil {
		t.Fatal(err)
	}
	defaults := options{
		project: "my-project", billing: "my-project", location: "US", priority: "interactive", labels: map[string]string{}, execution: 24 * time.Hour, retries: 3, concurrent: 8,
		price: warehouse.Price{PerTiB: 6.25, Currency: "USD"},
		pace:  pacing{call: time.Minute, insert: time.Minute, upload: time.Hour, first: time.Second, longest: 32 * time.Second, deadline: 10 * time.Minute, poll: 10 * time.Second},
	}
	if d := cmp.Diff(defaults, o, cmp.AllowUnexported(options{}, pacing{})); d != "" {
		t.Error(d)
	}
	tests := map[string]func(*options){
		"execution_project=paying-project":         func(o *options) { o.billing = "paying-project" },
		"location=europe-west3":                    func(o *options) { o.location = "europe-west3" },
		"keyfile=key.json":                         func(o *options) { o.keyfile = filepath.Join("dir", "key.json") },
		`keyfile_json={"type": "x"}`:               func(o *options) { o.keyJSON = []byte(`{"type": "x"}`) },
		"impersonate_service_account=a@b.c, d@e.f": func(o *options) { o.impersonate = []string{"a@b.c", "d@e.f"} },
		"api_endpoint=http://localhost:9050":       func(o *options) { o.endpoint = "http://localhost:9050/bigquery/v2/" },
		"api_endpoint=https://x.y/api":             func(o *options) { o.endpoint = "https://x.y/api/" },
		"priority=BATCH":                           func(o *options) { o.priority = "batch" },
		"reservation=projects/p/locations/eu/r":    func(o *options) { o.reservation, o.price.PerTiB = "projects/p/locations/eu/r", 0 },
		"reservation=none":                         func(o *options) { o.reservation = "none" },
		"labels=team=core, a=":                     func(o *options) { o.labels = map[string]string{"team": "core", "a": ""} },
		"maximum_bytes_billed=1_000":               func(o *options) { o.maxBytes = 1000 },
		"job_execution_timeout=60":                 func(o *options) { o.execution = time.Minute },
		"job_creation_timeout=7200":                func(o *options) { o.pace.insert, o.pace.upload = 2*time.Hour, 2*time.Hour },
		"job_retries=0":                            func(o *options) { o.retries = 0 },
		"job_retry_deadline=30":                    func(o *options) { o.pace.deadline = 30 * time.Second },
		"max_concurrent_jobs=3":                    func(o *options) { o.concurrent = 3 },
		"price_per_tib=0":                          func(o *options) { o.price.PerTiB = 0 },
		"currency=eur":                             func(o *options) { o.price.Currency = "EUR" },
		"keyfile_json=" + base64.StdEncoding.EncodeToString([]byte(`{"a": 1}`)): func(o *options) { o.keyJSON = []byte(`{"a": 1}`) },
	}
	named := map[string]bool{"project": true}
	for pair, change := range tests {
		key, value, _ := strings.Cut(pair, "=")
		named[key] = true
		want := defaults
		change(&want)
		got, err := readOptions(warehouse.Config{Fields: fields(key, value), Dir: "dir"})
		if d := cmp.Diff(want, got, cmp.AllowUnexported(options{}, pacing{})); d != "" || err != nil {
			t.Errorf("%s: %v\n%s", pair, err, d)
		}
	}
	for _, f := range (Driver{}).Fields() {
		if !named[f.Name] {
			t.Errorf("no test shows what %s does", f.Name)
		}
	}
}

// TestWrongOptions: a mistake is refused before anything is sent, and no message has a key.
func TestWrongOptions(t *testing.T) {
	for _, pair := range []string{
		"project=", "project=My Project", "project=a", "execution_project=x/y", "location=somewhere nice", "keyfile_json=no-json!", "keyfile_json=" + base64.StdEncoding.EncodeToString([]byte("secret")),
		`keyfile_json={"private_key": "secret"`, "impersonate_service_account=me", "api_endpoint=localhost:9050", "api_endpoint=ftp://x", "priority=high", "labels=Team=core", "labels=team",
		"maximum_bytes_billed=-1", "maximum_bytes_billed=1GB", "job_execution_timeout=0", "job_creation_timeout=1m", "job_retries=many", "job_retry_deadline=0", "max_concurrent_jobs=0", "price_per_tib=free", "price_per_tib=-1", "price_per_tib=NaN", "currency=dollar",
	} {
		key, value, _ := strings.Cut(pair, "=")
		_, err := (Driver{}).Open(context.Background(), warehouse.Config{Fields: fields(key, value)})
		var open *warehouse.OpenError
		if !errors.As(err, &open) || open.Help == "" || strings.Contains(fmt.Sprint(open.Reason, open.Help, open.Err), "secret") {
			t.Errorf("%s: %v", pair, err)
		}
	}
	if _, err := (Driver{}).Open(context.Background(), warehouse.Config{Fields: fields("keyfile", "x.json", "keyfile_json", "{}")}); err == nil {
		t.Error("two keys are taken")
	}
}

// TestCredentials: what is no key is said to be none, and the key itself is never shown.
func TestCredentials(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "bad.json"), []byte(`{"type": "service_account", "private_key": "secret"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]map[string]string{
		"missing file": fields("keyfile", "none.json"), "no key": fields("keyfile", "bad.json"), "no key in JSON": fields("keyfile_json", `{"type": "service_account", "private_key": "secret"}`), "no type": fields("keyfile_json", `{"private_key": "secret"}`),
	} {
		ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
		_, err := (Driver{}).Open(ctx, warehouse.Config{Fields: f, Dir: dir})
		stop()
		var open *warehouse.OpenError
		if !errors.As(err, &open) || !strings.Contains(open.Reason, "holds no credentials") || strings.Contains(fmt.Sprint(open.Reason, open.Help, open.Err), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOpen: the first call says what is wrong with the target.
func TestOpen(t *testing.T) {
	tests := []struct {
		name            string
		status          int
		reason, message string
		want, help      string
	}{
		{"interface off", 403, "accessNotConfigured", "BigQuery API has not been used in project 7 before or it is disabled", "the BigQuery API is not enabled in project paying-project", "gcloud services enable"},
		{"no right", 403, "accessDenied", "Access Denied: Project paying-project: User does not have bigquery.jobs.create permission in project paying-project.", "bigquery.jobs.create", "roles/bigquery.jobUser"},
		{"no project", 404, "notFound", "Not found: Project paying-project", "there is no project paying-project", "the id"},
		{"no such location", 400, "invalid", "Location nowhere does not support this operation", "BigQuery has no location EU", "europe-west3"},
		{"bad token", 401, "authError", "Request had invalid authentication credentials", "does not accept the credentials", "log in anew"},
		{"other", 400, "invalid", "something else", "something else", "check project"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "" {
					t.Error("credentials are sent over http")
				}
				refuse(w, tt.status, tt.reason, tt.message)
			}))
			defer srv.Close()
			_, err := (Driver{}).Open(context.Background(), warehouse.Config{Fields: fields("api_endpoint", srv.URL, "execution_project", "paying-project", "location", "EU")})
			var open *warehouse.OpenError
			if !errors.As(err, &open) || !strings.Contains(open.Reason, tt.want) || !strings.Contains(open.Help, tt.help) {
				t.Errorf("%v\n%+v", err, open)
			}
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		srv := httptest.NewServer(nil)
		srv.Close()
		ctx, stop := context.WithTimeout(context.Background(), 40*time.Second)
		defer stop()
		start := time.Now()
		_, err := (Driver{}).Open(ctx, warehouse.Config{Fields: fields("api_endpoint", srv.URL, "job_retry_deadline", "2")})
		var open *warehouse.OpenError
		if !errors.As(err, &open) || !strings.Contains(open.Reason, "does not answer") || time.Since(start) > 20*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
	t.Run("well", func(t *testing.T) {
		s := newFake(t)
		c, err := (Driver{}).Open(context.Background(), warehouse.Config{Fields: fields("api_endpoint", s.srv.URL)})
		if err != nil {
			t.Fatal(err)
		}
		if calls := s.verbs(); len(calls) != 1 || len(s.jobs) != 0 {
			t.Errorf("calls %v, jobs %v", calls, s.jobs)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}
