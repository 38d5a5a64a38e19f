package metabase

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Base is a database as Metabase lists it.
type Base struct {
	ID      int            `json:"id"`
	Name    string         `json:"name"`
	Engine  string         `json:"engine"`
	Details map[string]any `json:"details"`
}

// Databases lists them.
func (s *Server) Databases(ctx context.Context) ([]Base, error) {
	var out listed[Base]
	if err := s.call(ctx, http.MethodGet, "/api/database", nil, &out); err != nil {
		return nil, err
	}
	return out.items, nil
}

// Find is the database of a name. The same name wins over one that differs in case. Several that
// could be meant are an error, for Metabase lets two have one name; and so is none.
func Find(all []Base, name string) (Base, error) {
	var exact, near []Base
	var names []string
	for _, b := range all {
		if b.Name == name {
			exact = append(exact, b)
		}
		if strings.EqualFold(b.Name, name) {
			near = append(near, b)
		}
		names = append(names, b.Name)
	}
	if len(exact) > 0 {
		near = exact
	}
	if len(near) == 1 {
		return near[0], nil
	}
	slices.Sort(names)
	return Base{}, &UnknownDatabase{Name: name, Known: names, Ambiguous: len(near) > 1, Same: len(exact) > 1}
}

// UnknownDatabase is the error of Find.
type UnknownDatabase struct {
	Name  string
	Known []string
	// Ambiguous: several could be meant. Same: all of them have the very name.
	Ambiguous, Same bool
}

func (e *UnknownDatabase) Error() string {
	switch {
	case e.Same:
		return fmt.Sprintf("Metabase has several databases of the name %q", e.Name)
	case e.Ambiguous:
		return fmt.Sprintf("Metabase has several databases %q that differ in case", e.Name)
	}
	return fmt.Sprintf("Metabase has no database %q", e.Name)
}

// Sync asks Metabase to look for new tables and columns. It does so in its own time.
func (s *Server) Sync(ctx context.Context, id int) error {
	return s.call(ctx, http.MethodPost, fmt.Sprintf("/api/database/%d/sync_schema", id), struct{}{}, nil)
}

// Found is a database with its tables, as Metabase has it.
type Found struct {
	Base
	Tables []FoundTable
}

// FoundTable is a table.
type FoundTable struct {
	ID           int
	Schema, Name string
	// Order is how its fields are ordered: custom, database, alphabetical, smart.
	Order string
	// Values are display_name, description, points_of_interest, caveats, visibility_type.
	Values map[string]any
	// Fields are in their order.
	Fields []FoundField
}

// FoundField is a column, or a field inside one.
type FoundField struct {
	ID     int
	Name   string
	Path   string // names of the columns that it is in, and its own, with dots
	Nested bool
	// Kind is the key of its semantic type: that, or special_type before v39.
	Kind string
	// Values are by key of the interface.
	Values   map[string]any
	Settings map[string]any
}

type tableJSON struct {
	ID         *int        `json:"id"`
	Schema     *string     `json:"schema"`
	Name       string      `json:"name"`
	Active     *bool       `json:"active"`
	FieldOrder string      `json:"field_order"`
	Fields     []fieldJSON `json:"fields"`
	values     map[string]any
}

type fieldJSON struct {
	ID       *int           `json:"id"`
	Name     string         `json:"name"`
	Parent   *int           `json:"parent_id"`
	Active   *bool          `json:"active"`
	Position *int           `json:"position"`
	Settings map[string]any `json:"settings"`
	values   map[string]any
}

func (t *tableJSON) UnmarshalJSON(b []byte) error {
	type plain tableJSON
	return both(b, (*plain)(t), &t.values)
}

func (f *fieldJSON) UnmarshalJSON(b []byte) error {
	type plain fieldJSON
	return both(b, (*plain)(f), &f.values)
}

// both reads the known keys and keeps all.
func both(b []byte, known any, all *map[string]any) error {
	if err := json.Unmarshal(b, known); err != nil {
		return err
	}
	return json.Unmarshal(b, all)
}

// tableKeys and fieldKeys are what is compared and written.
var (
	tableKeys = []string{"display_name", "description", "points_of_interest", "caveats", "visibility_type"}
	fieldKeys = []string{"display_name", "description", "visibility_type", semanticType, fkTarget, "has_field_values", "coercion_strategy"}
)

const (
	semanticType = "semantic_type"
	specialType  = "special_type" // its name before v39
	fkTarget     = "fk_target_field_id"
)

// Metadata reads the tables of a database, hidden ones too.
func (s *Server) Metadata(ctx context.Context, base Base) (*Found, error) {
	var got struct {
		Engine  string         `json:"engine"`
		Details map[string]any `json:"details"`
		Tables  []tableJSON    `json:"tables"`
	}
	if err := s.call(ctx, http.MethodGet, fmt.Sprintf("/api/database/%d/metadata?include_hidden=true", base.ID), nil, &got); err != nil {
		return nil, err
	}
	if base.Details == nil {
		base.Details = got.Details
	}
	out := &Found{Base: base}
	for _, t := range got.Tables {
		if t.ID == nil || t.Active != nil && !*t.Active {
			continue
		}
		f := FoundTable{ID: *t.ID, Name: t.Name, Order: t.FieldOrder, Values: pick(t.values, tableKeys)}
		switch {
		case t.Schema != nil:
			f.Schema = *t.Schema
		default:
			// BigQuery in the days when a connection was one dataset.
			f.Schema, _ = base.Details["dataset-id"].(string)
		}
		f.Fields = fieldsOf(t.Fields)
		out.Tables = append(out.Tables, f)
	}
	slices.SortStableFunc(out.Tables, func(a, b FoundTable) int {
		return cmp.Or(cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

func pick(all map[string]any, keys []string) map[string]any {
	out := map[string]any{}
	for _, k := range keys {
		if v := all[k]; v != nil {
			out[k] = v
		}
	}
	return out
}

func fieldsOf(list []fieldJSON) []FoundField {
	byID := map[int]*fieldJSON{}
	for i := range list {
		if list[i].ID != nil {
			byID[*list[i].ID] = &list[i]
		}
	}
	var out []FoundField
	var places []int
	for i := range list {
		f := &list[i]
		if f.ID == nil || f.Active != nil && !*f.Active {
			continue
		}
		at := FoundField{ID: *f.ID, Name: f.Name, Path: f.Name, Kind: semanticType, Values: pick(f.values, fieldKeys), Settings: f.Settings}
		if _, old := f.values[specialType]; old {
			at.Kind = specialType
			if v := f.values[specialType]; v != nil {
				at.Values[semanticType] = v
			}
		}
		seen := map[int]bool{*f.ID: true}
		for p := f.Parent; p != nil && byID[*p] != nil && !seen[*p]; p = byID[*p].Parent {
			seen[*p] = true
			at.Path, at.Nested = byID[*p].Name+"."+at.Path, true
		}
		out = append(out, at)
		place := i
		if f.Position != nil {
			place = *f.Position
		}
		places = append(places, place)
	}
	// The list is in order where nothing is said of positions, and most often there, too.
	index := make([]int, len(out))
	for i := range index {
		index[i] = i
	}
	slices.SortStableFunc(index, func(a, b int) int { return cmp.Compare(places[a], places[b]) })
	sorted := make([]FoundField, len(out))
	for i, j := range index {
		sorted[i] = out[j]
	}
	return sorted
}

// finder finds tables by their names.
type finder struct {
	by map[string][]*FoundTable // by lower-case schema and name; by name alone where there is no schema
}

func finderOf(f *Found) *finder {
	out := &finder{by: make(map[string][]*FoundTable, len(f.Tables))}
	for i := range f.Tables {
		t := &f.Tables[i]
		key := strings.ToLower(relationKey(t.Schema, t.Name))
		out.by[key] = append(out.by[key], t)
	}
	return out
}

// table finds a table by its names: as they are, or else in another case if there is only one
// such. A table without schema is found by its name alone.
func (f *finder) table(schema, name string) (t *FoundTable, several bool) {
	near := slices.Concat(f.by[strings.ToLower(relationKey(schema, name))], f.by[strings.ToLower(relationKey("", name))])
	for _, t := range near {
		if t.Name == name && t.Schema == schema {
			return t, false
		}
	}
	if len(near) == 1 {
		return near[0], false
	}
	return nil, len(near) > 1
}

// field finds a field by its path, in the same way.
func (t *FoundTable) field(path string) *FoundField {
	var near []*FoundField
	for i := range t.Fields {
		f := &t.Fields[i]
		if f.Path == path {
			return f
		}
		if strings.EqualFold(f.Path, path) {
			near = append(near, f)
		}
	}
	if len(near) == 1 {
		return near[0]
	}
	return nil
}
