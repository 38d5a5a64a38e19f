package dbt

import (
	"github.com/engine-build/engine/engine/jinja"
)

// Signatures are the macros that a file defines, by name. A package's macros have its name in
// front in the engine's project.
func Signatures(pkg string, t *jinja.Template) map[string]Macro {
	out := map[string]Macro{}
	for _, n := range t.Body {
		m, ok := n.(*jinja.Macro)
		if !ok || m.Kind != "macro" {
			continue
		}
		known := Macro{Name: m.Name.Name}
		if pkg != "" {
			known.Name = pkg + "." + known.Name
		}
		for _, p := range m.Params {
			known.Params = append(known.Params, p.Name.Name)
		}
		walk(m.Body, func(x jinja.Expr) {
			if call, ok := x.(*jinja.Call); ok {
				if name, ok := call.Fn.(*jinja.Name); ok && name.Name == "return" {
					known.Value = true
				}
			}
		})
		out[m.Name.Name] = known
	}
	return out
}
