package project

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/source"
)

// Genealogy is «genealogy:» of catalog: which relations hold lots, the runs that made and used
// them, and what flowed between the two.
type Genealogy struct {
	At source.Span
	// Pages: the catalog has pages of lots, which are rows of the data, without being asked to.
	Pages Value[bool]
	// Ancestry is the ancestry model whose edges lead from lot to lot; unset: the only one.
	Ancestry Value[string]
	// Lots, Runs, Flows and Edges are nil where nothing is said. Edges has no Ref.
	Lots, Runs, Flows, Edges *GenealogyPart
	Shipments                []*GenealogyPart
	// Tenants, Since and Until choose lots; unset: all.
	Tenants      []Value[string]
	Since, Until Value[string]
	MaxLots      Value[int64]
}

// GenealogyPart is a relation with the columns that play a role in it.
type GenealogyPart struct {
	At  source.Span
	Ref Value[string]
	// Kind tells runs of several relations apart, and Unit is that of quantities, where no column
	// has it.
	Kind, Unit Value[string]
	Columns    map[string]Value[string]
}

// GenealogyRoles are the columns of each part, those that it must have first.
var GenealogyRoles = map[string][]string{
	"lots":      {"id", "label", "material", "quantity", "unit", "at", "site", "tenant"},
	"runs":      {"id", "kind", "machine", "step", "order", "started", "ended", "scrap", "unit", "rework"},
	"flows":     {"run", "lot", "direction", "kind", "quantity", "unit", "share", "certainty"},
	"edges":     {"run", "kind", "quantity", "unit", "certainty", "at"},
	"shipments": {"lot", "id", "customer", "quantity", "unit", "at"},
}

// decodeGenealogy reads the child of «catalog:».
func (s *settings) decodeGenealogy(o *object) *Genealogy {
	in, ok := o.child("genealogy")
	if !ok {
		return nil
	}
	in.what = `"genealogy"`
	g := &Genealogy{At: o.keyAt("genealogy"), Pages: in.boolean("pages"), Ancestry: in.str("ancestry")}
	g.Lots, g.Runs, g.Flows, g.Edges = in.lotPart("lots"), in.lotPart("runs"), in.lotPart("flows"), in.lotPart("edges")
	if n := in.get("shipments"); n != nil {
		if list := resolve(n).Content; resolve(n).Tag == "!!seq" {
			for _, item := range list {
				if p, ok := in.object(item, `"shipments"`); ok {
					g.Shipments = append(g.Shipments, p.lotRelation("shipments"))
				}
			}
		} else if p, ok := in.object(n, `"shipments"`); ok {
			g.Shipments = append(g.Shipments, p.lotRelation("shipments"))
		}
	}
	g.Tenants = in.strs("tenants")
	g.Since, g.Until = in.str("since"), in.str("until")
	for _, v := range []Value[string]{g.Since, g.Until} {
		if v.IsSet() && !isDay(v.V) {
			in.list.Add(valueInvalid(v.At, fmt.Sprintf("%q is no day", v.V), "write it as 2026-03-31"))
		}
	}
	if g.MaxLots = in.integer("max_lots"); g.MaxLots.IsSet() && (g.MaxLots.V < 1 || g.MaxLots.V > math.MaxInt32) {
		in.list.Add(valueInvalid(g.MaxLots.At, "max_lots is not between 1 and 2147483647", "remove it for one million"))
		g.MaxLots = Value[int64]{}
	}
	if (len(g.Tenants) > 0 || g.Since.IsSet() || g.Until.IsSet()) && g.Lots == nil {
		in.list.Add(keyMissing(g.At, "lots", in.what))
	}
	in.finish(instead(map[string]string{"publish": `write "pages"`, "enabled": `write "pages"`, "lot": `write "lots"`, "run": `write "runs"`, "flow": `write "flows"`, "transactions": `write "runs"`}), nil)
	return g
}

func (o *object) lotPart(name string) *GenealogyPart {
	in, ok := o.child(name)
	if !ok {
		return nil
	}
	in.what = `"` + name + `"`
	return in.lotRelation(name)
}

func (o *object) lotRelation(name string) *GenealogyPart {
	p := &GenealogyPart{At: o.at, Columns: map[string]Value[string]{}}
	if name != "edges" {
		p.Ref, _ = o.required("ref")
	}
	roles := GenealogyRoles[name]
	if slices.Contains(roles, "kind") {
		p.Kind = o.str("kind")
	}
	if slices.Contains(roles, "unit") {
		p.Unit = o.str("unit")
	}
	if cols, ok := o.child("columns"); ok {
		cols.what = "columns of " + o.what
		for _, role := range roles {
			if v := cols.str(role); v.IsSet() && strings.TrimSpace(v.V) != "" {
				p.Columns[role] = v
			}
		}
		cols.finish(instead(map[string]string{"qty": `write "quantity"`, "uom": `write "unit"`, "time": `write "at"`, "product": `write "material"`, "dir": `write "direction"`}), nil)
	}
	o.finish(instead(map[string]string{"model": `write "ref", the name of a model, seed or snapshot`, "relation": `write "ref", the name of a model, seed or snapshot`}), nil)
	return p
}

func isDay(text string) bool {
	_, err := time.Parse(time.DateOnly, text)
	return err == nil
}

// instead says what to write for keys that are meant well.
func instead(of map[string]string) func(key string) string {
	return func(key string) string { return of[key] }
}
