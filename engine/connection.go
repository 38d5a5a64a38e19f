package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/warehouse"
)

// ConnectionConfig is what the driver of a connection is opened with. Variables that are not
// set, a type that is none and keys that the driver does not have are mistakes.
func ConnectionConfig(p *project.Project, o Options, name project.Value[string]) (warehouse.Config, warehouse.Driver, diag.List) {
	c, ds := p.Settings.Connection(name, o.Env)
	if ds.HasErrors() {
		return warehouse.Config{}, nil, ds
	}
	i := slices.IndexFunc(o.Drivers, func(d warehouse.Driver) bool { return d.Name() == c.Type.V })
	if i < 0 {
		ds.Add(typeUnknown(&project.TargetSettings{Name: c.Name.V, Type: c.Type, At: c.At}, o.Drivers))
		return warehouse.Config{}, nil, ds
	}
	ds.Add(checkConnection(c, o.Drivers[i])...)
	if ds.HasErrors() {
		return warehouse.Config{}, nil, ds
	}
	cfg := warehouse.Config{Type: c.Type.V, Dir: p.Dir, Fields: map[string]string{}}
	for key, v := range c.Fields {
		cfg.Fields[key] = v.V
	}
	return cfg, o.Drivers[i], ds
}

// checkConnection compares the keys of a connection with what its driver understands.
func checkConnection(c *project.Connection, driver warehouse.Driver) diag.List {
	var ds diag.List
	var known []string
	for _, f := range driver.Fields() {
		known = append(known, f.Name)
		if f.Required && !c.Fields[f.Name].IsSet() {
			ds.Add(diag.Diagnostic{Code: codeTargetNeeds, Message: fmt.Sprintf("connection %q has no %q", c.Name.V, f.Name), At: c.At, Help: f.Name + ": " + f.Help})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Fields)) {
		if slices.Contains(known, name) {
			continue
		}
		d := diag.Diagnostic{Code: codeTargetField, Message: fmt.Sprintf("connection %q has no key %q", c.Name.V, name), At: c.Fields[name].At, Help: fmt.Sprintf("%s understands %s", c.Type.V, strings.Join(known, ", "))}
		if near, ok := diag.Suggest(name, known); ok {
			d.Help = fmt.Sprintf("did you mean %q?", near)
		}
		ds.Add(d)
	}
	return ds
}

// checkConnections checks what of all connections does not depend on the environment.
func checkConnections(p *project.Project, drivers []warehouse.Driver) diag.List {
	var ds diag.List
	for _, c := range p.Settings.Connections {
		if strings.Contains(c.Type.V, "${") || !c.Type.IsSet() {
			continue
		}
		i := slices.IndexFunc(drivers, func(d warehouse.Driver) bool { return d.Name() == c.Type.V })
		if i < 0 {
			ds.Add(typeUnknown(&project.TargetSettings{Name: c.Name.V, Type: c.Type, At: c.At}, drivers))
			continue
		}
		ds.Add(checkConnection(c, drivers[i])...)
	}
	return ds
}

// checkLandings reports sources whose rows would land where a node of the project builds, or
// where another source lands.
func checkLandings(p *compile.Program) diag.List {
	var ds diag.List
	first := map[addr.Relation]addr.Node{}
	for _, id := range p.Order {
		n := p.Nodes[id]
		if n.Source == nil || n.Source.Ingest == nil {
			continue
		}
		if len(n.Parents) > 0 {
			ds.Add(diag.Diagnostic{Code: codeLanding, At: n.Source.Table.At, Model: id, Message: fmt.Sprintf("source %q is ingested to where %s builds", id.Name, n.Parents[0]), Help: `give the source another schema, or remove its "ingest"`})
		}
		if other, twice := first[n.Relation]; twice {
			ds.Add(diag.Diagnostic{Code: codeLanding, At: n.Source.Table.At, Model: id, Message: fmt.Sprintf("sources %q and %q are ingested to one relation, %s", other.Name, id.Name, n.Relation), Help: `give one of them another schema or "identifier"`})
		}
		first[n.Relation] = id
	}
	return ds
}
