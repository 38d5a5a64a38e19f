package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/engine-build/engine/catalog/browse"
)

// Sizes of the window in pixels, and the lot whose history is shown.
const (
	wide, high = 1400, 900
	lot        = "1500"
)

// picture is what is shown, and how a reader comes there.
type picture struct {
	name  string
	dark  bool // a second one in the dark theme
	steps func(*browse.Tab)
}

var pictures = []picture{
	{"overview", true, func(tab *browse.Tab) { tab.Open("index.html") }},
	{"model", false, func(tab *browse.Tab) { tab.Open("model/fct_sales.html") }},
	{"lineage", false, func(tab *browse.Tab) { explore(tab, "n=model.report_sales&up=3") }},
	{"column", true, func(tab *browse.Tab) { explore(tab, "n=model.report_sales&col=gross_amount") }},
	{"search", false, func(tab *browse.Tab) {
		tab.Open("model/fct_sales.html")
		tab.Press("/")
		tab.Type("quantity")
		tab.See("#hits[data-query=quantity] [role=option]")
		tab.Press("ArrowDown", "ArrowDown")
	}},
	{"material", false, func(tab *browse.Tab) {
		tab.Open("material/index.html#lot=" + lot + "&dir=both&depth=3")
		tab.See(".mt-root")
	}},
}

// explore opens the explorer and waits until all that is asked for is drawn.
func explore(tab *browse.Tab, fragment string) {
	tab.Open("lineage.html#" + fragment)
	tab.See("#explorer[data-state=ready]")
	tab.See("#x-view svg")
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "pictures: want the folder of a site and the one for pictures: go run ./internal/pictures target/catalog docs/images")
		os.Exit(2)
	}
	if err := take(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "pictures:", err)
		os.Exit(1)
	}
}

func take(site, to string) (err error) {
	for _, page := range []string{"index.html", filepath.Join("material", "index.html")} {
		if _, err := os.Stat(filepath.Join(site, page)); err != nil {
			return fmt.Errorf("%s is not there: build the project and run «engine docs generate --profile --materials»", page)
		}
	}
	v := &viewer{}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case failure:
			err = r.error
		default:
			panic(r)
		}
	}()
	defer v.close()
	var chromium browse.Chromium
	defer chromium.Close()
	for _, p := range pictures {
		themes := []string{"light"}
		if p.dark {
			themes = append(themes, "dark")
		}
		for _, theme := range themes {
			tab := chromium.Tab(v, browse.File(v, site))
			tab.Size(wide, high)
			tab.Theme(theme)
			p.steps(tab)
			name := p.name + ".png"
			if theme == "dark" {
				name = p.name + "-dark.png"
			}
			if err := os.WriteFile(filepath.Join(to, name), tab.Picture(), 0o644); err != nil {
				return err
			}
			fmt.Println(filepath.Join(to, name))
		}
	}
	return nil
}

// viewer is the test that the harness asks for: its first complaint ends the command.
type viewer struct{ cleanups []func() }

type failure struct{ error }

func (v *viewer) Helper()                        {}
func (v *viewer) Cleanup(f func())               { v.cleanups = append(v.cleanups, f) }
func (v *viewer) Skip(args ...any)               { v.Fatal(args...) }
func (v *viewer) Error(args ...any)              { v.Fatal(args...) }
func (v *viewer) Errorf(format string, a ...any) { panic(failure{fmt.Errorf(format, a...)}) }
func (v *viewer) Fatal(args ...any)              { panic(failure{fmt.Errorf("%s", fmt.Sprint(args...))}) }
func (v *viewer) Fatalf(format string, a ...any) { v.Errorf(format, a...) }

func (v *viewer) close() {
	for i := len(v.cleanups) - 1; i >= 0; i-- {
		v.cleanups[i]()
	}
}
