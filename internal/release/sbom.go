package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// The shapes of CycloneDX 1.5, as far as they are written here: https://cyclonedx.org/docs/1.5/json/
type sbom struct {
	Schema       string       `json:"$schema"`
	Format       string       `json:"bomFormat"`
	Spec         string       `json:"specVersion"`
	Serial       string       `json:"serialNumber"`
	Version      int          `json:"version"`
	Metadata     metadata     `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type metadata struct {
	Timestamp string    `json:"timestamp"`
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version,omitempty"`
	PURL       string     `json:"purl,omitempty"`
	Hashes     []digest   `json:"hashes,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type digest struct {
	Alg     string `json:"alg"`
	Content string `json:"content"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn,omitempty"`
}

// writeSBOM writes the bill of materials of a binary: the modules that Go says are linked into
// it, and Go. Sums of modules are those of go.sum, which are hashes of their files («h1:»), no
// digests of an archive, and so stand as properties.
func writeSBOM(out io.Writer, info *debug.BuildInfo, binary []byte, version string, at time.Time) error {
	sum := sha256.Sum256(binary)
	version = cmp.Or(version, info.Main.Version)
	main := component{
		Type: "application", Ref: purl(info.Main.Path, version), Name: info.Main.Path, Version: version, PURL: purl(info.Main.Path, version),
		Hashes: []digest{{"SHA-256", hex.EncodeToString(sum[:])}},
	}
	for _, key := range []string{"GOOS", "GOARCH", "CGO_ENABLED", "-tags", "vcs.revision", "vcs.time"} {
		if v := setting(info, key); v != "" {
			main.Properties = append(main.Properties, property{"build:" + key, v})
		}
	}
	doc := sbom{
		Schema: "http://cyclonedx.org/schema/bom-1.5.schema.json", Format: "CycloneDX", Spec: "1.5", Serial: serial(sum), Version: 1,
		Metadata: metadata{at.Format(time.RFC3339), main},
	}
	std := component{Type: "library", Ref: purl("std", info.GoVersion), Name: "std", Version: info.GoVersion, PURL: purl("std", strings.TrimPrefix(info.GoVersion, "go"))}
	std.Ref = std.PURL
	doc.Components = append(doc.Components, std)
	for _, m := range info.Deps {
		used := m
		if m.Replace != nil {
			used = m.Replace
		}
		c := component{Type: "library", Ref: purl(used.Path, used.Version), Name: used.Path, Version: used.Version, PURL: purl(used.Path, used.Version)}
		if used.Sum != "" {
			if _, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(used.Sum, "h1:")); err != nil {
				return fmt.Errorf("the sum of %s is no hash: %w", used.Path, err)
			}
			c.Properties = append(c.Properties, property{"go:sum", used.Sum})
		}
		doc.Components = append(doc.Components, c)
	}
	slices.SortFunc(doc.Components, func(x, y component) int { return strings.Compare(x.Ref, y.Ref) })
	all := dependency{Ref: main.Ref}
	for _, c := range doc.Components {
		all.DependsOn = append(all.DependsOn, c.Ref)
	}
	doc.Dependencies = []dependency{all}
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(doc)
}

// purl is the package URL of a Go module: https://github.com/package-url/purl-spec
func purl(path, version string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	out := "pkg:golang/" + strings.Join(parts, "/")
	if version != "" {
		out += "@" + strings.ReplaceAll(url.PathEscape(version), "+", "%2B")
	}
	return out
}

// serial is a UUID (version 8, of our own making) that the binary alone decides.
func serial(sum [32]byte) string {
	u := [16]byte(sum[:16])
	u[6] = u[6]&0x0f | 0x80
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
