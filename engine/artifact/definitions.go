package artifact

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/definition"
	"github.com/engine-build/engine/engine/sql"
)

// StateFile is the engine's own artifact beside dbt's: what the project says its nodes are,
// free of the target, for those that compare with it later.
const StateFile = "state.json"

// Definitions reads what a folder of artifacts says of a project: state.json, or without it
// as much as dbt's manifest.json tells. p is the project that will be compared with it.
// Neither file: an error that is fs.ErrNotExist.
func Definitions(dir string, p *compile.Program) (*definition.Set, error) {
	data, err := os.ReadFile(filepath.Join(dir, StateFile))
	switch {
	case err == nil:
		set, err := definition.Decode(data)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", filepath.Join(dir, StateFile), err)
		}
		return set, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("read definitions: %w", err)
	}
	path := filepath.Join(dir, "manifest.json")
	data, err = os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read definitions: %w", err)
	}
	var m pastManifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return m.definitions(p), nil
}

// Present is what a manifest says of a program now, for the comparison with one that Definitions
// has read: both tell the same things in the same words.
func Present(p *compile.Program, then, own *definition.Set) (*definition.Set, error) {
	var data bytes.Buffer
	if err := Manifest(&data, p, Meta{AdapterType: p.Target.Type}); err != nil {
		return nil, fmt.Errorf("describe the project: %w", err)
	}
	var m pastManifest
	if err := json.Unmarshal(data.Bytes(), &m); err != nil {
		return nil, fmt.Errorf("describe the project: %w", err)
	}
	now := m.definitions(p)
	now.Engine, now.Target, now.Type, now.Partial = own.Engine, own.Target, own.Type, ""
	lexis := lexisOf(p.Target.Type)
	for id, d := range now.Nodes {
		full := own.Nodes[id]
		d.Columns, d.Parents, d.Relation = full.Columns, full.Parents, full.Relation
		if then.Foreign {
			d.Macros, d.Address = "", ""
			if full.Code != "" && id.Kind != addr.Seed {
				d.Text = digest(lexis.Canonical(full.Code))
			}
		}
		now.Nodes[id] = d
	}
	return now, nil
}

// pastManifest is what is read of a manifest.json, dbt's or the engine's.
type pastManifest struct {
	Metadata struct {
		Project string `json:"project_name"`
		Adapter string `json:"adapter_type"`
	} `json:"metadata"`
	Nodes     map[string]pastNode `json:"nodes"`
	Sources   map[string]pastNode `json:"sources"`
	Exposures map[string]pastNode `json:"exposures"`
	UnitTests map[string]pastNode `json:"unit_tests"`
	Macros    map[string]struct {
		SQL       string `json:"macro_sql"`
		DependsOn struct {
			Macros []string `json:"macros"`
		} `json:"depends_on"`
	} `json:"macros"`
}

type pastNode struct {
	Name         string         `json:"name"`
	SourceName   string         `json:"source_name"`
	ResourceType string         `json:"resource_type"`
	Checksum     any            `json:"checksum"`
	Database     string         `json:"database"`
	Schema       string         `json:"schema"`
	Alias        string         `json:"alias"`
	Identifier   string         `json:"identifier"`
	RelationName string         `json:"relation_name"`
	RawCode      string         `json:"raw_code"`
	CompiledCode string         `json:"compiled_code"`
	FQN          []string       `json:"fqn"`
	Unrendered   map[string]any `json:"unrendered_config"`
	Description  string         `json:"description"`
	Columns      map[string]struct {
		Description string `json:"description"`
	} `json:"columns"`
	Config   map[string]any `json:"config"`
	Contract struct {
		Enforced bool   `json:"enforced"`
		Checksum string `json:"checksum"`
	} `json:"contract"`
	DependsOn struct {
		Macros []string `json:"macros"`
		Nodes  []string `json:"nodes"`
	} `json:"depends_on"`
	Access          string `json:"access"`
	LatestVersion   any    `json:"latest_version"`
	DeprecationDate any    `json:"deprecation_date"`
	// of sources
	UnrenderedDatabase string `json:"unrendered_database"`
	UnrenderedSchema   string `json:"unrendered_schema"`
	Freshness          any    `json:"freshness"`
	LoadedAtField      string `json:"loaded_at_field"`
	External           any    `json:"external"`
	// of exposures
	Label, Type, Maturity, URL string
	Owner                      any `json:"owner"`
	// of unit tests
	Model                    string `json:"model"`
	Given, Expect, Overrides any
}

func (n pastNode) materialized() string {
	s, _ := n.Config["materialized"].(string)
	return s
}

// beside are keys of configuration that dbt does not compare: they change nothing that is built,
// or are compared as a place.
var beside = []string{"database", "schema", "alias", "tags", "group"}

// definitions takes from a manifest which nodes there were, where they were built, and what dbt
// compares of them (same_contents of its nodes).
func (m *pastManifest) definitions(p *compile.Program) *definition.Set {
	out := &definition.Set{Format: definition.Format, Project: m.Metadata.Project, Type: m.Metadata.Adapter, Nodes: map[addr.Node]definition.Node{}, Manifest: true,
		Partial: "it has a manifest.json and no state.json: files are compared by their checksum as dbt does, so that a comment counts as a change"}
	for id := range m.Macros {
		out.Foreign = out.Foreign || strings.HasPrefix(id, "macro.dbt.") // dbt's own macros are in its manifests only
	}
	if out.Foreign {
		out.Partial = "it has a manifest.json that dbt wrote: a query is the same where it compiles to the same SQL, which the manifest has after dbt compile or build, and else where its file is; macros are not compared by themselves"
	}
	names := m.names(p)
	for _, list := range []map[string]pastNode{m.Nodes, m.Sources, m.Exposures, m.UnitTests} {
		for id, n := range list {
			out.Nodes[names[id]] = m.definition(names[id], n, names, out.Foreign)
		}
	}
	return out
}

// names are the nodes of a manifest by their unique ids.
func (m *pastManifest) names(p *compile.Program) map[string]addr.Node {
	out := make(map[string]addr.Node, len(m.Nodes)+len(m.Sources)+len(m.Exposures)+len(m.UnitTests))
	known := make(map[string]addr.Node, len(p.Order)+len(p.Tests)+len(p.UnitTests)+len(p.Exposures))
	add := func(n addr.Node) { known[UniqueID(p, n)] = n }
	for _, n := range p.Order {
		add(n)
	}
	for _, t := range p.Tests {
		add(t.ID)
	}
	for _, u := range p.UnitTests {
		add(u.ID)
	}
	for _, e := range p.Exposures {
		add(e.ID)
	}
	for _, list := range []map[string]pastNode{m.Nodes, m.Sources, m.Exposures, m.UnitTests} {
		for id, n := range list {
			node, ok := known[id]
			if !ok {
				node, ok = Find(p, id)
			}
			if !ok {
				node = addr.Node{Kind: addr.Kind(n.ResourceType), Name: n.Name}
				if node.Kind == addr.Source {
					node.Name = n.SourceName + "." + n.Name
				}
			}
			out[id] = node
		}
	}
	return out
}

func (m *pastManifest) definition(id addr.Node, n pastNode, names map[string]addr.Node, foreign bool) definition.Node {
	d := definition.Node{Materialized: n.materialized(), Config: map[string]string{}}
	written := n.Unrendered
	if id.Kind == addr.Test {
		written = n.Config // of tests, the engine's manifest has what holds, and not what is written
	}
	for key, v := range written {
		if !slices.Contains(beside, key) {
			d.Config[key] = encoded(v)
		}
	}
	if !foreign {
		d.Address = digest(append(slices.Clone(n.FQN), n.Access, encoded(n.LatestVersion), encoded(n.DeprecationDate))...)
		d.Macros = m.macrosOf(n.DependsOn.Macros)
	}
	switch id.Kind {
	case addr.Model, addr.Seed, addr.Snapshot:
		d.Relation = addr.Relation{Database: n.Database, Schema: n.Schema, Name: n.Alias}
		d.Code = n.RawCode
		d.Raw = checksumOf(n.Checksum)
		place := func(key string) string { s, _ := n.Unrendered[key].(string); return s }
		d.Place = &addr.Relation{Database: place("database"), Schema: place("schema"), Name: place("alias")}
		d.Descriptions = described(n)
		d.Contract = digest("none")
		if n.Contract.Enforced {
			d.Contract = digest(n.Contract.Checksum)
		}
		if foreign && n.CompiledCode != "" && id.Kind != addr.Seed {
			d.Text = digest(lexisOf(m.Metadata.Adapter).Canonical(m.anonymous(n, names)))
		}
	case addr.Source:
		d.Place = &addr.Relation{Database: n.UnrenderedDatabase, Schema: n.UnrenderedSchema, Name: n.Identifier}
		for key, v := range map[string]any{"freshness": n.Freshness, "loaded_at_field": n.LoadedAtField, "external": n.External} {
			d.Config[key] = encoded(v)
		}
	case addr.Exposure:
		d.Text = digest(append(slices.Sorted(slices.Values(n.DependsOn.Nodes)), n.Label, n.Type, n.Maturity, n.URL, n.Description, encoded(n.Owner))...)
	case addr.UnitTest:
		d.Text = digest(n.Model, encoded(n.Given), encoded(n.Expect), encoded(n.Overrides)) // what dbt's checksum is over
	case addr.Test:
		if n.RawCode != "" && !strings.Contains(n.RawCode, "_dbt_generic_test_kwargs") {
			d.Raw = checksumOf(n.Checksum) // of a generic one, the name holds the arguments
		}
	}
	if foreign && (id.Kind == addr.Exposure || id.Kind == addr.UnitTest || id.Kind == addr.Source) {
		d.Text, d.Config, d.Place = "", nil, nil // they are not put into words as the engine does
	}
	return d
}

// described is what the warehouse is told of a node, where it is told.
func described(n pastNode) string {
	parts := []string{"described"}
	persisted, _ := n.Config["persist_docs"].(map[string]any)
	if persisted["relation"] == true {
		parts = append(parts, n.Description)
	}
	if persisted["columns"] == true {
		for _, name := range slices.Sorted(maps.Keys(n.Columns)) {
			parts = append(parts, name, n.Columns[name].Description)
		}
	}
	return digest(parts...)
}

// anonymous is the compiled query of a node with nodes in the place of relations.
func (m *pastManifest) anonymous(n pastNode, names map[string]addr.Node) string {
	type pair struct{ relation, node string }
	var pairs []pair
	seen := map[string]bool{}
	var visit func(id string)
	visit = func(id string) {
		x, ok := m.Nodes[id]
		if !ok {
			x, ok = m.Sources[id]
		}
		if !ok || seen[id] {
			return
		}
		seen[id] = true
		if x.RelationName != "" {
			pairs = append(pairs, pair{x.RelationName, "{" + names[id].String() + "}"})
		}
		if x.materialized() == "ephemeral" {
			for _, parent := range x.DependsOn.Nodes {
				visit(parent)
			}
		}
	}
	for _, parent := range n.DependsOn.Nodes {
		visit(parent)
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		return cmp.Or(len(b.relation)-len(a.relation), strings.Compare(a.relation, b.relation))
	})
	text := n.CompiledCode
	for _, p := range pairs {
		text = strings.ReplaceAll(text, p.relation, p.node)
	}
	return text
}

// macrosOf is a digest of macros and of all that they use.
func (m *pastManifest) macrosOf(ids []string) string {
	texts := map[string]string{}
	var visit func(id string)
	visit = func(id string) {
		x, ok := m.Macros[id]
		if _, seen := texts[id]; seen || !ok {
			return
		}
		texts[id] = x.SQL
		for _, next := range x.DependsOn.Macros {
			visit(next)
		}
	}
	for _, id := range ids {
		visit(id)
	}
	var parts []string
	for _, id := range slices.Sorted(maps.Keys(texts)) {
		parts = append(parts, id, texts[id])
	}
	return digest(parts...)
}

func checksumOf(v any) string {
	if c, ok := v.(map[string]any); ok && c["name"] == "sha256" {
		sum, _ := c["checksum"].(string)
		return sum
	}
	return ""
}

func lexisOf(adapter string) sql.Lexis {
	if adapter == "bigquery" {
		return sql.GoogleSQL
	}
	return sql.Standard
}

// encoded gives one text per value: keys of maps are sorted.
func encoded(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%T %v", v, v)
	}
	return string(b)
}

// digest is over a list: no two different lists have the same.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(p), p) // a hash takes everything
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Statuses are the outcomes in a run_results.json, by node.
func (p *Previous) Statuses(program *compile.Program) map[addr.Node][]string {
	out := map[addr.Node][]string{}
	for _, line := range p.Results {
		if n, ok := Find(program, line.UniqueID); ok {
			out[n] = append(out[n], line.Status)
		}
	}
	return out
}

// Newest reads a sources.json: when the rows of each source were last loaded.
func Newest(path string, p *compile.Program) (map[addr.Node]time.Time, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read sources: %w", err)
	}
	var file struct {
		Results []struct {
			UniqueID    string `json:"unique_id"`
			MaxLoadedAt string `json:"max_loaded_at"`
		} `json:"results"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("read sources %s: %w", path, err)
	}
	out := map[addr.Node]time.Time{}
	for _, r := range file.Results {
		n, ok := Find(p, r.UniqueID)
		if !ok || r.MaxLoadedAt == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339Nano, strings.Replace(r.MaxLoadedAt, " ", "T", 1))
		if err != nil {
			return nil, fmt.Errorf("read sources %s: max_loaded_at of %s: %w", path, r.UniqueID, err)
		}
		out[n] = at
	}
	return out, nil
}
