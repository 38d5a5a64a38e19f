package tenant

import (
	"slices"

	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
)

// Check finds every mistake about customers that a program shows without a connection: in
// what nodes declare, in contracts, and in customers that stand in engine.yml or in a file.
// Without distribution there are none.
func Check(p *compile.Program) diag.List {
	d := p.Project.Settings.Distribution
	if d == nil {
		return nil
	}
	rules, list := Rules(p)
	// What follows from a rule that is missing because of another mistake is not worth a word.
	whole := !list.HasErrors() && len(p.Broken) == 0
	contracts, more := Contracts(p, rules)
	if whole {
		list.Add(more...)
	}
	if customers := d.Parts[project.Customers]; customers == nil || customers.Ref.V != "" {
		return list.Sorted()
	}
	_, more = Read(d, Parts{}, Options{Rules: rules, Contracts: contracts, Caps: p.Target.Dialect.Caps(), Reserved: Reserved(p)})
	// Tenants may be in a relation, and columns that fields had before are in the state: who is
	// without tenants, and what a field is called, is not known here.
	read := func(part string) bool { return d.Parts[part] == nil || d.Parts[part].Ref.V == "" }
	more = slices.DeleteFunc(more, func(m diag.Diagnostic) bool {
		if !whole && (m.Code == codeKey || m.Code == codeField) {
			return true
		}
		return m.Code == codeCustomerEmpty && !read(project.CustomerTenants) || m.Code == codeField && m.Severity != diag.Error
	})
	list.Add(more...)
	return list.Sorted()
}
