package tenant

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/warehouse"
)

// fieldTypes are the words for types of custom fields, further ones of apps included.
var fieldTypes = map[string]warehouse.FieldType{
	"string": warehouse.FieldText, "text": warehouse.FieldText, "select": warehouse.FieldText,
	"number": warehouse.FieldNumber, "decimal": warehouse.FieldNumber,
	"integer": warehouse.FieldInteger, "date": warehouse.FieldDate,
	"datetime": warehouse.FieldDatetime, "timestamp": warehouse.FieldDatetime,
	"boolean": warehouse.FieldBool, "bool": warehouse.FieldBool,
	"multi-select": warehouse.FieldList, "multi_select": warehouse.FieldList, "multiselect": warehouse.FieldList,
}

// FieldTypes are the types of custom fields as configuration writes them.
var FieldTypes = []string{
	string(warehouse.FieldText), string(warehouse.FieldNumber), string(warehouse.FieldInteger), string(warehouse.FieldDate),
	string(warehouse.FieldDatetime), string(warehouse.FieldBool), string(warehouse.FieldList),
}

// Columns gives a customer's custom fields of a relation their columns: the prefix and the
// name, or the id where the name has nothing that a column can be called. A column that is
// there already gets the id behind it, and a hash of the id if that is taken as well. first
// has the columns that fields were published with before, by id: they keep them, whatever
// they are called now. The fields come back in order of their ids. It does not change fields.
func Columns(r Rule, fields []Field, first map[string]string, caps warehouse.Caps) ([]Field, diag.List) {
	if r.Fields == nil {
		return nil, nil
	}
	var list diag.List
	taken := make(map[string]string, len(r.Columns)+len(fields)) // lower-case name → what has it
	for _, c := range r.Columns {
		taken[strings.ToLower(c.Name)] = fmt.Sprintf("column %q of the relation", c.Name)
	}
	out := slices.Clone(fields)
	slices.SortFunc(out, func(a, b Field) int { return cmp.Compare(a.ID, b.ID) })
	claim := func(f *Field, name string) bool {
		key := strings.ToLower(name)
		if _, is := taken[key]; is {
			return false
		}
		taken[key] = fmt.Sprintf("field %q", f.ID)
		f.Column = name
		return true
	}
	for i := range out {
		f := &out[i]
		f.Column = ""
		if was, ok := first[f.ID]; ok && was != "" && !claim(f, was) {
			list.Add(fieldMoved(r, *f, was, taken[strings.ToLower(was)]))
		}
	}
	for i := range out {
		f := &out[i]
		if f.Column != "" {
			continue
		}
		name := r.Fields.Prefix + cmp.Or(Slug(f.Name), Slug(f.ID), short(f.ID))
		if claim(f, cut(name, caps)) {
			continue
		}
		why := taken[strings.ToLower(cut(name, caps))]
		for _, other := range []string{name + "_" + cmp.Or(Slug(f.ID), short(f.ID)), name + "_" + short(f.ID), name + "_" + short(f.ID+f.Name)} {
			if claim(f, cut(other, caps)) {
				break
			}
		}
		for n := 2; f.Column == ""; n++ {
			claim(f, cut(fmt.Sprintf("%s_%s_%d", name, short(f.ID), n), caps))
		}
		list.Add(diag.Diagnostic{Severity: diag.Warning, Code: codeField, Message: fmt.Sprintf("custom field %q of %q becomes %q: %s has the name %q", f.ID, r.As, f.Column, why, cut(name, caps)), At: r.At,
			Help: "rename the field in the app before it is first published, or choose another prefix in custom_fields"})
	}
	return out, list
}

func fieldMoved(r Rule, f Field, was, by string) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Warning, Code: codeField, Message: fmt.Sprintf("custom field %q of %q was %q until now, which is %s", f.ID, r.As, was, by), At: r.At,
		Help: "rename the column of the model: customers' queries read the field by its name"}
}
