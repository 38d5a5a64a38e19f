package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
)

// dirOf reads the answer of «go mod download -json».
func dirOf(answer []byte) (string, error) {
	var m struct{ Dir, Error string }
	if err := json.Unmarshal(answer, &m); err != nil {
		return "", fmt.Errorf("read the answer of go mod download: %w", err)
	}
	if m.Dir == "" {
		return "", fmt.Errorf("go mod download: %s", m.Error)
	}
	return m.Dir, nil
}

// legal are the files whose text must go with a binary.
var legal = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|copyright|patents|unlicense)([._-].*)?$`)

// writeNotices writes the licences of all modules that are linked into a binary, and of Go
// itself. A module without a licence is an error: nobody may hand it on.
func writeNotices(out io.Writer, info *debug.BuildInfo, folder func(*debug.Module) (string, error)) error {
	fmt.Fprintf(out, "This program contains the software below, under the licences that follow each name.\n")
	write := func(name, dir string) error {
		files, err := licences(dir)
		if err != nil {
			return fmt.Errorf("licence of %s: %w", name, err)
		}
		if len(files) == 0 {
			return fmt.Errorf("%s has no file with a licence", name)
		}
		for _, f := range files {
			text, err := os.ReadFile(filepath.Join(dir, f))
			if err != nil {
				return fmt.Errorf("licence of %s: %w", name, err)
			}
			title := name
			if f != "LICENSE" {
				title += " (" + f + ")"
			}
			if _, err := fmt.Fprintf(out, "\n%s\n%s\n%s\n\n%s\n", strings.Repeat("=", 78), title, strings.Repeat("=", 78), strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n"))); err != nil {
				return err
			}
		}
		return nil
	}
	deps := slices.Clone(info.Deps)
	slices.SortFunc(deps, func(x, y *debug.Module) int { return strings.Compare(x.Path, y.Path) })
	for _, m := range deps {
		dir, err := folder(m)
		if err != nil {
			return err
		}
		if err := write(m.Path+" "+m.Version, dir); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(out, "\n%s\nGo %s\n%s\n\nThe Go programming language and its library are under the BSD-3-Clause licence,\nCopyright 2009 The Go Authors: https://go.dev/LICENSE\n", strings.Repeat("=", 78), strings.TrimPrefix(info.GoVersion, "go"), strings.Repeat("=", 78))
	return err
}

// licences are the legal files of a module: in its root, or in a folder right below that is
// named for them.
func licences(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		name := e.Name()
		switch {
		case strings.HasSuffix(name, ".go"): // license.go is code
		case e.IsDir() && strings.EqualFold(strings.TrimSuffix(name, "S"), "LICENSE"):
			inner, err := os.ReadDir(filepath.Join(dir, name))
			if err != nil {
				return nil, err
			}
			for _, x := range inner {
				if !x.IsDir() {
					out = append(out, name+"/"+x.Name())
				}
			}
		case !e.IsDir() && legal.MatchString(name):
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out, nil
}
