package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/engine-build/engine/catalog/browse"
)

// judge is a test that is none: what fails stops the measurement with an error.
type judge struct {
	what     string
	problems []error
	cleanups []func()
}

type stop struct{ err error }

func (j *judge) Helper()           {}
func (j *judge) Cleanup(f func())  { j.cleanups = append(j.cleanups, f) }
func (j *judge) Skip(args ...any)  { j.Fatal(args...) }
func (j *judge) Error(args ...any) { j.problems = append(j.problems, errors.New(fmt.Sprint(args...))) }
func (j *judge) Fatal(args ...any) { panic(stop{errors.New(fmt.Sprint(args...))}) }
func (j *judge) Errorf(format string, args ...any) {
	j.problems = append(j.problems, fmt.Errorf(format, args...))
}
func (j *judge) Fatalf(format string, args ...any) { panic(stop{fmt.Errorf(format, args...)}) }

// judged runs f and what it leaves to clean up.
func judged(what string, f func(*judge)) (err error) {
	j := &judge{what: what}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case stop:
			j.problems = append(j.problems, r.err)
		default:
			j.problems = append(j.problems, fmt.Errorf("%v\n%s", r, debug.Stack()))
		}
		for i := len(j.cleanups) - 1; i >= 0; i-- {
			j.cleanups[i]()
		}
		if err = errors.Join(j.problems...); err != nil {
			err = fmt.Errorf("%s: %w", what, err)
		}
	}()
	f(j)
	return nil
}

// paint is what the browser says of how a page came to be seen. Times are milliseconds from the
// start of navigation.
type paint struct {
	FCP, LCP, DCL, TBT, CLS float64
	Before                  int // the page, scripts and style sheets asked for before the first paint
}

// paints waits until the page is at rest and reads its marks: first and largest contentful paint,
// the time when its scripts have run, the time that long tasks blocked (what of each is over 50 ms),
// and how much moved by itself.
const paints = `new Promise(done => {
	const out = { FCP: 0, LCP: 0, DCL: performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd, TBT: 0, CLS: 0, Before: 0 };
	const see = (type, f) => new PerformanceObserver(list => list.getEntries().forEach(f)).observe({ type, buffered: true });
	see('paint', e => { if (e.name === 'first-contentful-paint') out.FCP = e.startTime });
	see('largest-contentful-paint', e => { out.LCP = e.startTime });
	see('longtask', e => { out.TBT += Math.max(0, e.duration - 50) });
	see('layout-shift', e => { if (!e.hadRecentInput) out.CLS += e.value });
	const end = () => {
		if (!out.FCP) return setTimeout(end, 50);
		out.Before = 1 + performance.getEntriesByType('resource').filter(e => e.startTime < out.FCP && /\.(js|css)$/.test(e.name)).length;
		done(out);
	};
	setTimeout(end, 300);
})`

// atRest is how long a browser that has just started is left alone: for most of a second it is busy
// with itself, which a reader's is not, and on two cores that is a third of a first paint.
const atRest = 1200 * time.Millisecond

// nothing is a page with one word on it, in a folder of its own: its first paint is what the
// browser takes for any page, and what is above that is ours.
func (b *bench) nothing() (string, error) {
	dir := filepath.Join(b.dir, "nothing")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	for _, name := range []string{"404.html", "index.html"} {
		page := `<!doctype html><html lang="en"><head><meta charset="utf-8"><link rel="icon" href="data:,"><title>Empty</title></head><body><p>Empty</p></body></html>`
		if err := os.WriteFile(filepath.Join(dir, name), []byte(page), 0o644); err != nil {
			return "", err
		}
	}
	return dir, nil
}

func (b *bench) measureBrowser(n int, dir string) error {
	pages, err := b.pages(dir)
	if err != nil {
		return err
	}
	empty, err := b.nothing()
	if err != nil {
		return err
	}
	server := httptest.NewServer(http.StripPrefix("", browse.Handler(dir)))
	defer server.Close()
	web := &browse.Place{Name: "http", Base: server.URL + "/"}
	for _, way := range []struct {
		what    string
		network *browse.Network
		cpu     float64
		fcp     float64
		dcl     float64
	}{
		{"file", nil, 1, 200, 0},
		{"file, processor 4 times slower", nil, 4, 700, 0},
		{"slow 4G, processor 4 times slower", &browse.Slow4G, 4, 1000, 1200},
	} {
		all := pages
		if way.network == nil {
			all = append([]subject{{"an empty page", "index.html", empty}}, pages...)
		}
		for _, p := range all {
			for range b.runs {
				err := judged(p.what, func(j *judge) {
					place := web
					if way.network == nil {
						place = browse.File(j, p.dir)
					}
					// A browser of its own: nothing is in a cache, and nothing is left of the page before.
					var chromium browse.Chromium
					j.Cleanup(chromium.Close)
					tab := chromium.Tab(j, place)
					tab.Open("404.html") // the renderer's process is there, as for a reader who follows a link
					time.Sleep(atRest)
					tab.Forget()
					tab.Throttle(way.cpu, way.network)
					tab.Open(p.path)
					got := browse.Value[paint](tab, paints)
					name := p.what + ", " + way.what
					if p.dir == empty {
						b.table.add("first paint: "+name, "ms", 0, n, []float64{got.FCP})
						return
					}
					b.table.add("first paint: "+name, "ms", way.fcp, n, []float64{got.FCP})
					b.table.add("largest paint: "+name, "ms", way.fcp*1.5, n, []float64{got.LCP})
					if way.dcl > 0 {
						b.table.add("interactive: "+name, "ms", way.dcl, n, []float64{got.DCL})
						b.table.add("blocked: "+name, "ms", 100, n, []float64{got.TBT})
						b.table.add("moved by itself: "+name, "", 0.005, n, []float64{got.CLS})
						b.table.add("page, scripts, sheets before the first paint: "+p.what, "", 3, n, []float64{float64(got.Before)})
					}
				})
				if err != nil {
					return err
				}
			}
		}
	}
	if err := b.search(n, dir, web); err != nil {
		return err
	}
	return b.explore(n, dir)
}

// subject is a page below a folder.
type subject struct{ what, path, dir string }

// pages are what readers open: the entrance, the page of a model, and the two that are worst.
func (b *bench) pages(dir string) ([]subject, error) {
	out := []subject{{"entrance", "index.html", dir}}
	for _, s := range []subject{{"hub of 500 readers", "model/dim_hub.html", dir}, {"model of 600 columns", "model/fct_wide.html", dir}} {
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(s.path))); err == nil {
			out = append(out, s)
		}
	}
	models, err := filepath.Glob(filepath.Join(dir, "model", "*.html"))
	if err != nil {
		return nil, err
	}
	if len(models) == 0 {
		return nil, errors.New("the site has no model")
	}
	middle := strings.TrimPrefix(filepath.ToSlash(models[len(models)/2]), filepath.ToSlash(dir)+"/")
	return append(out[:1], append([]subject{{"model", middle, dir}}, out[1:]...)...), nil
}

// answered is the time from a key to the list that answers it: one query typed as a whole, without
// the wait for the next key that typing has.
const answered = `(query) => new Promise(done => {
	const q = document.getElementById('q'), hits = document.getElementById('hits');
	q.focus();
	q.value = query;
	const begin = performance.now();
	q.dispatchEvent(new Event('input', { bubbles: true }));
	const look = () => !hits.hidden && hits.dataset.query === query ? done(performance.now() - begin) : requestAnimationFrame(look);
	requestAnimationFrame(look);
})`

// search measures the first search of a page, which loads the index, and those after it.
func (b *bench) search(n int, dir string, web *browse.Place) error {
	queries := []string{"cust", "order_id", "amount per day", "dim", "revenue", "stg_sales"}
	for _, way := range []struct {
		what       string
		cpu        float64
		network    *browse.Network
		cold, warm float64
	}{
		{"file", 1, nil, 0, 50},
		{"file, processor 4 times slower", 4, nil, 0, 120},
		{"fast 4G, processor 4 times slower", 4, &browse.Fast4G, 1000, 0},
	} {
		for range b.runs {
			err := judged("search", func(j *judge) {
				place := web
				if way.network == nil {
					place = browse.File(j, dir)
				}
				var chromium browse.Chromium
				j.Cleanup(chromium.Close)
				tab := chromium.Tab(j, place)
				tab.Open("tests.html")
				time.Sleep(atRest)
				tab.Throttle(way.cpu, way.network)
				cold := browse.Call[float64](tab, answered, queries[0])
				b.table.add("first search: "+way.what, "ms", way.cold, n, []float64{cold})
				for _, q := range queries[1:] {
					b.table.add("next searches: "+way.what, "ms", way.warm, n, []float64{browse.Call[float64](tab, answered, q)})
				}
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// explored is the time until the explorer has drawn what an address asks for.
const explored = `(fragment) => new Promise(done => {
	const begin = performance.now(), view = document.getElementById('x-view');
	location.hash = fragment;
	const look = () => view.dataset.shown === location.hash.slice(1) && !view.hidden
		? done({ Took: performance.now() - begin, Nodes: document.querySelectorAll('.x-stage a.g-node').length }) : requestAnimationFrame(look);
	requestAnimationFrame(look);
})`

// explore measures the explorer on a processor that is 4 times slower: opening it at the busiest
// model, as many nodes as it shows at first, and as many as are drawn as SVG with room for more.
func (b *bench) explore(n int, dir string) error {
	hub := "model.dim_hub"
	if _, err := os.Stat(filepath.Join(dir, "model", "dim_hub.html")); err != nil {
		return nil
	}
	for range b.runs {
		err := judged("explorer", func(j *judge) {
			var chromium browse.Chromium
			j.Cleanup(chromium.Close)
			tab := chromium.Tab(j, browse.File(j, dir))
			tab.Open("lineage.html")
			time.Sleep(atRest)
			tab.Throttle(4, nil)
			type drawing struct {
				Took  float64
				Nodes int
			}
			first := browse.Call[drawing](tab, explored, "n="+hub+"&up=0&down=0")
			b.table.add("explorer: first picture, data loaded from files, 4 times slower", "ms", 250, n, []float64{first.Took})
			for _, step := range []struct {
				what, fragment string
				budget         float64
			}{
				{"explorer: next picture, 60 nodes", "&up=99&down=99", 60},
				{"explorer: next picture, 300 nodes", "&up=99&down=99&more=6", 200},
			} {
				got := browse.Call[drawing](tab, explored, "n="+hub+step.fragment)
				b.table.add(step.what+", 4 times slower", "ms", step.budget, n, []float64{got.Took})
				b.table.add(step.what+": drawn", "", 0, n, []float64{float64(got.Nodes)})
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}
