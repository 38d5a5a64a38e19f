package warehouse

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-json"

	"github.com/engine-build/engine/engine/addr"
)

// ReleaseTable is the table that says what a customer has: run_id, published_at, contract, owner,
// and relations, a JSON list of «schema.name». It is written last.
const ReleaseTable = "_engine_release"

// ReleaseRow writes the columns of ReleaseTable with their types, and the values of its one row.
// whole is the type of whole numbers.
func ReleaseRow(d Speller, whole, owner string, p Handover, relations []addr.Relation) (columns []Column, row []any) {
	text := d.Words().Text()
	names := make([]string, len(relations))
	for i, r := range relations {
		names[i] = r.Schema + "." + r.Name
	}
	slices.Sort(names)
	list, err := json.Marshal(names)
	if err != nil {
		panic(fmt.Sprintf("warehouse: names do not marshal: %v", err))
	}
	return []Column{{Name: "run_id", Type: text}, {Name: "published_at", Type: d.Words().Timestamp()}, {Name: "contract", Type: whole},
		{Name: "owner", Type: text}, {Name: "relations", Type: text}}, []any{p.Run, p.At.UTC(), int64(p.Contract), owner, string(list)}
}

// ReleasedNames reads the column relations of ReleaseTable. The names of schemas have no dots.
func ReleasedNames(text string) ([]addr.Relation, error) {
	var names []string
	if err := json.Unmarshal([]byte(text), &names); err != nil {
		return nil, fmt.Errorf("the relations in %s are no list of names: %w", ReleaseTable, err)
	}
	out := make([]addr.Relation, len(names))
	for i, n := range names {
		schema, name, ok := strings.Cut(n, ".")
		if !ok {
			return nil, fmt.Errorf("the relations in %s have %q, which is no name with a schema", ReleaseTable, n)
		}
		out[i] = addr.Relation{Schema: schema, Name: name}
	}
	return out, nil
}

// Apart tells what a release put there, by the names that it has written down, from what
// strangers did. ReleaseTable itself is neither. With fold names that differ in case only
// are the same.
func Apart(found []Relation, released []addr.Relation, fold bool) (own, strangers []Relation) {
	ours := map[addr.Relation]bool{}
	for _, r := range released {
		ours[bare(r, fold)] = true
	}
	for _, r := range found {
		r.Name.Database = ""
		switch {
		case r.Name.Name == ReleaseTable:
		case ours[bare(r.Name, fold)]:
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

// Outcome is what a customer has of the engine after p: all names, and of them those that
// stay as they are. Something that p must not touch is a *ForeignError.
func (p Handover) Outcome(s ReleaseSpec, own, strangers []Relation, fold bool) (all []addr.Relation, stay []Relation, err error) {
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
	publish := slices.Clone(p.Tables)
	for _, v := range p.Views {
		publish = append(publish, v.Name)
	}
	for _, name := range publish {
		name.Database = ""
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
		all = append(all, name)
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
			all = append(all, r.Name)
		}
	}
	slices.SortFunc(all, addr.Relation.Compare)
	return all, stay, nil
}
