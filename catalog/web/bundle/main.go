// Command bundle turns the TypeScript and CSS of package web into the files of its folder dist.
// Run it by «go generate ./catalog/web»; a test compares its result with what is there.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

func main() {
	files, err := bundle(".")
	for _, name := range names(files) {
		if err == nil {
			err = os.WriteFile(filepath.Join("dist", name), files[name], 0o644)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, name := range names(files) {
		fmt.Printf("%-12s %7d bytes\n", name, len(files[name]))
	}
}

// entries are the scripts: each is one closed function, since pages opened from a file may
// load no modules.
var entries = []string{"search", "app", "layered", "explore", "material", "trace", "theme", "single"}

// later is loaded when readers search: those built after it know its address by this name.
const later, laterName = "search", "SEARCH_PATH"

// guests are never without the bundle of every page before them, and those that draw not without
// that of drawings: they take from them what they share, see app.ts and layered.ts, and carry no
// modules of their own for that.
var guests = []string{"search", "explore", "material"}

// shared are the modules whose exports are there already, by where they are, exported the values
// that a module exports.
var (
	shared = map[string]string{
		"window.catalog.kit": `[/\\\\]src[/\\\\](data|dom|place|store)\.ts$`,
		"window.catalog":     `[/\\\\]src[/\\\\]layout\.ts$`,
	}
	exported = regexp.MustCompile(`(?m)^export (?:function|const|let|class) (\w+)`)
)

// fromOthers puts, in the place of a module that is shared, names for what others have of it.
var fromOthers = api.Plugin{Name: "shared", Setup: func(b api.PluginBuild) {
	for from, filter := range shared {
		b.OnLoad(api.OnLoadOptions{Filter: filter}, func(a api.OnLoadArgs) (api.OnLoadResult, error) {
			text, err := os.ReadFile(a.Path)
			if err != nil {
				return api.OnLoadResult{}, fmt.Errorf("read a module: %w", err)
			}
			var names []string
			for _, m := range exported.FindAllSubmatch(text, -1) {
				names = append(names, string(m[1]))
			}
			code := "export const {" + strings.Join(names, ",") + "} = " + from + ";"
			return api.OnLoadResult{Contents: &code, Loader: api.LoaderTS}, nil
		})
	}
}}

// target is the oldest JavaScript that browsers must know.
const target = api.ES2022

// bundle makes the files of dist from the folders src and css below dir.
func bundle(dir string) (map[string][]byte, error) {
	out := map[string][]byte{}
	define := map[string]string{laterName: `""`}
	for _, name := range entries {
		code, err := script(dir, name, define)
		if err != nil {
			return nil, err
		}
		out[name+".js"] = code
		if name == later {
			// The path is that of web.Files, whose test compares them.
			sum := sha256.Sum256(code)
			define[laterName] = strconv.Quote("a/" + name + "." + hex.EncodeToString(sum[:5]) + ".js")
		}
	}
	err := sheets(dir, out)
	return out, err
}

func script(dir, name string, define map[string]string) ([]byte, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", dir, err)
	}
	var plugins []api.Plugin
	if slices.Contains(guests, name) {
		plugins = append(plugins, fromOthers)
	}
	r := api.Build(api.BuildOptions{
		Plugins:       plugins,
		EntryPoints:   []string{filepath.Join("src", name+".ts")},
		AbsWorkingDir: abs,
		Bundle:        true,
		Define:        define,
		Format:        api.FormatIIFE,
		Target:        target,
		Charset:       api.CharsetASCII,
		LegalComments: api.LegalCommentsNone,
		TreeShaking:   api.TreeShakingTrue,
		// The compiler's settings are for its checks, not for what is built.
		TsconfigRaw:       `{"compilerOptions":{"target":"es2022","useDefineForClassFields":true}}`,
		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		MinifySyntax:      true,
		LogLevel:          api.LogLevelSilent,
	})
	if len(r.Errors) > 0 {
		return nil, fmt.Errorf("bundle %s: %w", name, join(r.Errors))
	}
	if len(r.Warnings) > 0 {
		return nil, fmt.Errorf("bundle %s: %w", name, join(r.Warnings))
	}
	return r.OutputFiles[0].Contents, nil
}

// own says which style sheets are for the pages of one script alone; all others are for
// every page.
var own = map[string]string{"40-explore.css": "explore.css", "55-results.css": "search.css", "60-material.css": "material.css", "70-changes.css": "changes.css"}

// sheets joins the style sheets in the order of their names.
func sheets(dir string, out map[string][]byte) error {
	parts, err := filepath.Glob(filepath.Join(dir, "css", "*.css"))
	if err != nil {
		return fmt.Errorf("list style sheets: %w", err)
	}
	for _, p := range slices.Sorted(slices.Values(parts)) {
		text, err := os.ReadFile(p)
		if err != nil {
			return fmt.Errorf("read a style sheet: %w", err)
		}
		name := filepath.Base(p)
		// Each by itself, so that what one leaves open does not swallow the next.
		r := api.Transform(string(text), api.TransformOptions{
			Loader: api.LoaderCSS, Sourcefile: name, Charset: api.CharsetUTF8,
			MinifyWhitespace: true, MinifySyntax: true, LogLevel: api.LogLevelSilent,
			// The files use nesting and colour functions as browsers know them.
			Target: api.ESNext,
		})
		if len(r.Errors)+len(r.Warnings) > 0 {
			return fmt.Errorf("bundle %s: %w", name, join(append(r.Errors, r.Warnings...)))
		}
		to := "site.css"
		if own[name] != "" {
			to = own[name]
		}
		out[to] = append(out[to], r.Code...)
	}
	return nil
}

func join(messages []api.Message) error {
	var out []string
	for _, m := range messages {
		if at := m.Location; at != nil {
			out = append(out, fmt.Sprintf("%s:%d:%d: %s", at.File, at.Line, at.Column+1, m.Text))
		} else {
			out = append(out, m.Text)
		}
	}
	return errors.New(strings.Join(out, "\n"))
}

func names(files map[string][]byte) []string {
	out := make([]string, 0, len(files))
	for name := range files {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
