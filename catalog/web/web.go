package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
)

//go:generate go run ./bundle

//go:embed dist
var dist embed.FS

// File is a file of the site. Path is relative to its root; Body is shared and not to be
// changed.
type File struct {
	Path string
	Body []byte
}

// Files are all scripts and style sheets, by name. Their paths hold a hash of their
// content, so that browsers may keep them for ever.
func Files() []File { return files() }

// Path is where a file is in the site: «app.js» or «site.css», which every page needs, or what
// only some do, as «explore.js» and «explore.css». It is empty for a name that there is none of.
func Path(name string) string {
	for _, f := range files() {
		stem, hashed, _ := strings.Cut(path.Base(f.Path), ".")
		if _, ext, _ := strings.Cut(hashed, "."); stem+"."+ext == name {
			return f.Path
		}
	}
	return ""
}

// Body is a file by its name, for pages that carry it in themselves; nil for a name that there
// is none of. The bytes are shared: they are not to be changed.
func Body(name string) []byte {
	at := Path(name)
	for _, f := range files() {
		if at != "" && f.Path == at {
			return f.Body
		}
	}
	return nil
}

// Styles are all style sheets as one, for sites in a single file.
func Styles() []byte { return styles() }

var styles = sync.OnceValue(func() []byte {
	out := slices.Clone(Body("site.css")) // first: others build on it
	for _, f := range files() {
		if strings.HasSuffix(f.Path, ".css") && f.Path != Path("site.css") {
			out = append(out, f.Body...)
		}
	}
	return out
})

// files reads what is embedded, which cannot fail but for a mistake made when building.
var files = sync.OnceValue(func() []File {
	entries, err := dist.ReadDir("dist")
	if err != nil {
		panic(fmt.Errorf("list embedded files: %w", err))
	}
	var out []File
	for _, e := range entries {
		body, err := dist.ReadFile("dist/" + e.Name())
		if err != nil {
			panic(fmt.Errorf("read embedded %s: %w", e.Name(), err))
		}
		sum := sha256.Sum256(body)
		stem, ext, _ := strings.Cut(e.Name(), ".")
		out = append(out, File{Path: "a/" + stem + "." + hex.EncodeToString(sum[:5]) + "." + ext, Body: body})
	}
	return out
})
