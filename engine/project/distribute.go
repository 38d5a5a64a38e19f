package project

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// DistributeRows are the values of distribute.rows.
var DistributeRows = []string{"tenant", "shared", "never"}

// CustomPrefix is how columns of custom fields begin unless configured otherwise.
const CustomPrefix = "cf_"

// MaskConstant begins a mask that is a fixed text.
const MaskConstant = "constant:"

var plainWord = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

func wholeDistribute(v any) (why, help string) {
	m, _ := v.(map[string]any)
	rows, only := m["rows"], m["only"]
	list, _ := only.([]any)
	switch {
	case rows == nil && only == nil:
		return "it says nothing", `give "tenant", "shared" or "never", or the customers: {only: [acme]}`
	case only != nil && len(list) == 0:
		return `"only" names nobody`, `name customers, or write "never"`
	case only != nil && rows == "never":
		return `it is "never", and "only" for some`, `remove one of the two`
	}
	for _, c := range list {
		if name, _ := c.(string); !plainWord.MatchString(name) {
			return fmt.Sprintf("%q cannot be a customer", name), customerHelp
		}
	}
	return "", ""
}

const customerHelp = `customers have names of a-z, 0-9 and _, beginning with a letter`

// wholeEntities checks a mapping of entities to columns.
func wholeEntities(v any) (why, help string) {
	m, _ := v.(map[string]any)
	for _, entity := range slices.Sorted(maps.Keys(m)) {
		column, _ := m[entity].(string)
		switch {
		case strings.TrimSpace(entity) == "":
			return "an entity has no name", "name it as the list of keys does"
		case strings.TrimSpace(column) == "":
			return fmt.Sprintf("entity %q has no column", entity), "name the column that holds its keys"
		}
	}
	return "", ""
}

// wholeMasks checks a mapping of columns to masks.
func wholeMasks(v any) (why, help string) {
	m, _ := v.(map[string]any)
	for _, column := range slices.Sorted(maps.Keys(m)) {
		text, isText := m[column].(string)
		if m[column] == nil {
			continue // null, as YAML reads it
		}
		if !isText {
			text = fmt.Sprint(m[column])
		}
		if text != "null" && text != "hash" && !strings.HasPrefix(text, MaskConstant) {
			return fmt.Sprintf("%q of column %q is no mask", text, column), `known are "null", "hash" and "constant:…"`
		}
	}
	return "", ""
}

func wholePrefix(v any) (why, help string) {
	if text, _ := v.(string); !plainWord.MatchString(text) {
		return fmt.Sprintf("%q cannot begin the name of a column", text), "use a-z, 0-9 and _, beginning with a letter"
	}
	return "", ""
}
