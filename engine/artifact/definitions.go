package artifact

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-json"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/definition"
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
}

type pastNode struct {
	Name         string `json:"name"`
	SourceName   string `json:"source_name"`
	ResourceType string `json:"resource_type"`
	Checksum     any    `json:"checksum"`
	Database     string `json:"database"`
	Schema       string `json:"schema"`
	Alias        string `json:"alias"`
	RawCode      string `json:"raw_code"`
	Config       struct {
		Materialized string `json:"materialized"`
	} `json:"config"`
}

// definitions takes from a manifest which nodes there were, the checksums of their files,
// and where they were built.
func (m *pastManifest) definitions(p *compile.Program) *definition.Set {
	out := &definition.Set{Format: definition.Format, Project: m.Metadata.Project, Type: m.Metadata.Adapter, Nodes: map[addr.Node]definition.Node{},
		Partial: "it has dbt's manifest.json and no state.json: files are compared by their checksum, so that a comment counts as a change, and configuration, macros and variables are not compared"}
	for _, list := range []map[string]pastNode{m.Nodes, m.Sources, m.Exposures, m.UnitTests} {
		for id, n := range list {
			node, ok := Find(p, id)
			if !ok {
				node = addr.Node{Kind: addr.Kind(n.ResourceType), Name: n.Name}
				if node.Kind == addr.Source {
					node.Name = n.SourceName + "." + n.Name
				}
			}
			d := definition.Node{Materialized: n.Config.Materialized}
			if node.Kind == addr.Model || node.Kind == addr.Seed || node.Kind == addr.Snapshot {
				d.Relation = addr.Relation{Database: n.Database, Schema: n.Schema, Name: n.Alias}
				d.Code = n.RawCode
				if c, ok := n.Checksum.(map[string]any); ok && c["name"] == "sha256" {
					d.Raw, _ = c["checksum"].(string)
				}
			}
			out.Nodes[node] = d
		}
	}
	return out
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
