package compile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/source"
)

// nameVersions makes the versions of models known under the names that refs may use: the
// model's own name is its latest version, and «orders_v1» is version 1.
func (c *compiler) nameVersions() {
	for _, u := range c.units {
		if u.Version == nil || c.names[u.ID.Name] != u {
			continue
		}
		if flat := u.Version.FlatName(); c.names[flat] == nil {
			c.names[flat] = u
		}
		// Where the latest version has no file, which has been reported, any other will do.
		name := u.Version.Model
		if was := c.names[name]; was == nil || was.Version != nil && was.Version.Model == name && u.Version.Age == 0 {
			c.names[name] = u
		}
	}
}

// flatName is a unit's name where dots are not possible.
func flatName(u *unit) string {
	if u.Version != nil {
		return u.Version.FlatName()
	}
	return u.ID.Name
}

// refArgs takes apart the arguments of ref: ["project"] "model" [["v"] version]. ok is false
// if they are none of that.
func refArgs(args []any) (pkg, name, version string, ok bool) {
	if n := len(args); n >= 2 {
		mark, _ := args[n-2].(string)
		_, isText := args[n-1].(string)
		switch {
		case n >= 3 && (mark == "v" || mark == "version"):
			version, args = versionText(args[n-1]), args[:n-2]
		case !isText:
			version, args = versionText(args[n-1]), args[:n-1]
		}
	}
	switch len(args) {
	case 1:
		name, ok = args[0].(string)
	case 2:
		pkg, ok = args[0].(string)
		if ok {
			name, ok = args[1].(string)
		}
		ok = ok && pkg != ""
	}
	return pkg, name, version, ok && name != ""
}

// pinned is the version of u's model that a ref asks for.
func (c *compiler) pinned(u *unit, version string, at source.Span) (*unit, *diag.Diagnostic) {
	for _, v := range u.Version.All {
		if !project.SameVersion(v, version) {
			continue
		}
		if to := c.names[project.NodeName(u.Version.Model, v)]; to != nil {
			return to, nil
		}
		d := refVersionLost(u.Version.Model, version, at)
		return nil, &d
	}
	d := refVersion(u, version, at)
	return nil, &d
}

func versionText(v any) string {
	if f, ok := v.(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

func refShape(at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeRefText, Message: "ref takes the name of a model and its version", At: at, Help: `write ref "orders", or ref "orders" 1`}
}

func refVersion(u *unit, version string, at source.Span) diag.Diagnostic {
	v := u.Version
	d := diag.Diagnostic{Code: codeRefVersion, Message: fmt.Sprintf("model %q has no version %s", v.Model, version), At: at,
		Labels: []diag.Label{{At: v.V.At, Text: "its versions are here"}}, Help: fmt.Sprintf("its versions are %s; ref %q reads %s, the latest one", strings.Join(v.All, ", "), v.Model, v.Latest)}
	if near, ok := diag.Suggest(version, v.All); ok {
		d.Help = fmt.Sprintf("did you mean %s? %s", near, d.Help)
		if i := strings.LastIndex(at.Text(), version); i >= 0 {
			d.Edits = []source.Edit{{At: at.Sub(i, i+len(version)), New: near}}
		}
	}
	return d
}

// refVersionLost is a version that is written down and has no file, which has been reported.
func refVersionLost(name, version string, at source.Span) diag.Diagnostic {
	return diag.Diagnostic{Code: codeRefVersion, Message: fmt.Sprintf("version %s of model %q has no file", version, name), At: at, Help: "add the file, or read another version"}
}

// Version finds a version of a model by the name that it has without dots, «orders_v1», or
// the latest one by the model's name; nil if there is none.
func (p *Program) Version(name string) *Node {
	for _, id := range p.Order {
		if v := p.Nodes[id].Version; v != nil && v.FlatName() == name {
			return p.Nodes[id]
		}
	}
	if all := p.Versions(name); len(all) > 0 {
		return all[0]
	}
	return nil
}

// Versions are the nodes of a model with versions, the latest one first, then the others
// from new to old; nil if there is none of that name.
func (p *Program) Versions(model string) []*Node {
	var out []*Node
	for _, id := range p.Order {
		if n := p.Nodes[id]; id.Kind == addr.Model && n.Version != nil && n.Version.Model == model {
			out = append(out, n)
		}
	}
	slices.SortFunc(out, func(a, b *Node) int {
		if (a.Version.Age == 0) != (b.Version.Age == 0) {
			if a.Version.Age == 0 {
				return -1
			}
			return 1
		}
		return slices.Index(b.Version.All, b.Version.V.V) - slices.Index(a.Version.All, a.Version.V.V)
	})
	return out
}
