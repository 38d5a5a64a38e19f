package warehouse

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-json"

	"github.com/engine-build/engine/engine/addr"
)

// ReleaseTable is the table that says what a customer has: run_id, published_at, contract, owner,
// and relations, a JSON object with «schema.name» and what that was when it was published: its
// kind, and more where the warehouse can tell two of one kind apart. It is written last.
const ReleaseTable = "_engine_release"

// ReleaseRow writes the columns of ReleaseTable with their types, and the values of its one row.
// whole is the type of whole numbers.
func ReleaseRow(d Speller, whole, owner string, p Handover, relations Released) (columns []Column, row []any) {
	text := d.Words().Text()
	names := map[string]string{}
	for r, is := range relations {
		names[r.Schema+"."+r.Name] = is
	}
	list, err := json.Marshal(names) // in the order of the names
	if err != nil {
		panic(fmt.Sprintf("warehouse: names do not marshal: %v", err))
	}
	return []Column{{Name: "run_id", Type: text}, {Name: "published_at", Type: d.Words().Timestamp()}, {Name: "contract", Type: whole},
		{Name: "owner", Type: text}, {Name: "relations", Type: text}}, []any{p.Run, p.At.UTC(), int64(p.Contract), owner, string(list)}
}

// Released are the relations that a release has written down, by name without database, and
// what each was.
type Released map[addr.Relation]string

// Kinds is what relations are if nothing but their kind is known.
func Kinds(relations []Relation) Released {
	out := Released{}
	for _, r := range relations {
		out[addr.Relation{Schema: r.Name.Schema, Name: r.Name.Name}] = string(r.Kind)
	}
	return out
}

// ReadReleased reads the column relations of ReleaseTable. The names of schemas have no dots.
func ReadReleased(text string) (Released, error) {
	var names map[string]string
	if err := json.Unmarshal([]byte(text), &names); err != nil {
		return nil, fmt.Errorf("the relations in %s cannot be read: %w", ReleaseTable, err)
	}
	out := Released{}
	for n, is := range names {
		schema, name, ok := strings.Cut(n, ".")
		if !ok {
			return nil, fmt.Errorf("the relations in %s have %q, which is no name with a schema", ReleaseTable, n)
		}
		out[addr.Relation{Schema: schema, Name: name}] = is
	}
	return out, nil
}

// Apart tells what a release put there from what strangers did, who may have taken a name
// over: found relations are the release's if they are what it wrote down. ReleaseTable itself
// is neither. With fold names that differ in case only are the same.
func (released Released) Apart(found []Relation, is Released, fold bool) (own, strangers []Relation) {
	ours := Released{}
	for name, was := range released {
		ours[bare(name, fold)] = was
	}
	for _, r := range found {
		r.Name.Database = ""
		was, known := ours[bare(r.Name, fold)]
		switch {
		case r.Name.Name == ReleaseTable:
		case known && was == is[r.Name]:
			own = append(own, r)
		default:
			strangers = append(strangers, r)
		}
	}
	return own, strangers
}

func bare(r addr.Relation, fold bool) addr.Relation {
	r.Database = ""
	if fold {
		r.Schema, r.Name = strings.ToLower(r.Schema), strings.ToLower(r.Name)
	}
	return r
}

// Outcome is what a customer has of the engine after p: all relations, and of them those that
// stay as they are. Something that p must not touch is a *ForeignError.
func (p Handover) Outcome(s ReleaseSpec, own, strangers []Relation, fold bool) (all, stay []Relation, err error) {
	foreign := map[addr.Relation]Relation{}
	for _, r := range strangers {
		foreign[bare(r.Name, fold)] = r
	}
	refuse := func(name addr.Relation) error {
		if r, ok := foreign[bare(name, fold)]; ok {
			return &ForeignError{What: r.Kind.String() + " " + r.Name.String()}
		}
		return nil
	}
	changed := map[addr.Relation]bool{}
	var publish []Relation
	for _, t := range p.Tables {
		publish = append(publish, Relation{Name: t, Kind: Table, Rows: -1, Bytes: -1})
	}
	for _, v := range p.Views {
		publish = append(publish, Relation{Name: v.Name, Kind: View, Rows: -1, Bytes: -1})
	}
	for _, one := range publish {
		one.Name.Database = ""
		name := one.Name
		key := bare(name, fold)
		switch {
		case !slices.Contains(s.Schemas, name.Schema):
			return nil, nil, fmt.Errorf("publish %s: %q is no schema of customer %s", name, name.Schema, s.Customer)
		case strings.Contains(name.Schema, "."):
			return nil, nil, fmt.Errorf("publish %s: the name of a customer's schema has a dot", name)
		case name.Name == ReleaseTable:
			return nil, nil, fmt.Errorf("publish %s: the engine keeps that name for itself", name)
		case changed[key]:
			return nil, nil, fmt.Errorf("publish %s: it is named twice", name)
		}
		if err := refuse(name); err != nil {
			return nil, nil, err
		}
		changed[key] = true
		all = append(all, one)
	}
	for _, r := range p.Drop {
		if err := refuse(r.Name); err != nil {
			return nil, nil, err
		}
		changed[bare(r.Name, fold)] = true
	}
	for _, r := range own {
		if !changed[bare(r.Name, fold)] {
			stay = append(stay, r)
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b Relation) int { return a.Name.Compare(b.Name) })
	return all, stay, nil
}
