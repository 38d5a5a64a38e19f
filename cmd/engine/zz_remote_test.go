package main

import (
	"path/filepath"
	"os"
	"testing"
	"time"

	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

func TestZZRemote(t *testing.T) {
	r, app := ingesting(t, "prod", "", 400)
	s := time.Now()
	run := func(args ...string) {
		a, out, errs := world(t, map[string]string{"LANG": "C.UTF-8"})
		a.getwd = func() (string, error) { return r.dir, nil }
		a.now = time.Now
		code := a.execute(append(args, "--target", r.target, "--no-color"))
		t.Log(args, code, time.Since(s)); s = time.Now()
		text := out.String() + errs.String()
		if len(text) > 4000 { text = text[len(text)-4000:] }
		t.Log(text)
	}
	run("ingest")
	run("build", "--no-catalog", "--quiet")
	c := opened(t, duckdb.Driver{}, warehouse.Config{Dir: r.dir, Fields: map[string]string{"path": "target/prod.duckdb", "read_only": "true"}})
	sameFigures(t, "ingested", app.figures(), reportFigures(t, c))
	b, _ := os.ReadFile(filepath.Join(r.dir, "engine.lock.json"))
	t.Log(string(b[:1500]))
}
