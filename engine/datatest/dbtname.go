package datatest

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/python"
)

// dbtNameLimit is the length in characters from which dbt shortens the name of a test where it
// names files and relations (synthesize_generic_test_names of dbt-core).
const dbtNameLimit = 64

// DBTNames are the names that dbt makes of a data test: full is what the test is called,
// «accepted_values_orders_status__open__closed», and short is the same where that is not too
// long, and else its beginning with a hash: how files and relations of the test are called.
// Tests that were given a name have it, and so have singular ones and those of a contract, which
// dbt does not know. Two tests of a program may have the same names, never the same arguments too.
func (t *Test) DBTNames() (short, full string) {
	if t.Written == nil {
		return t.ID.Name, t.ID.Name
	}
	if name := t.Written.Name.V; name != "" {
		name += t.twinMark()
		return name, name
	}
	namespace, kind := t.DBTKind()
	if t.Node.Kind == addr.Source {
		kind = "source_" + kind
	}
	if namespace != "" {
		kind = namespace + "_" + kind
	}
	head := kind + "_" + strings.ReplaceAll(t.Node.Name, ".", "_") // of a source, or before a version
	var words []string
	args := map[string]any{}
	for name, v := range t.Written.Args {
		args[name] = v.V
	}
	if t.Column != "" {
		args["column_name"] = t.Column
	}
	for _, name := range slices.Sorted(maps.Keys(args)) {
		switch v := args[name].(type) {
		case []any:
			for _, e := range v {
				words = append(words, cleanWord(python.Str(e)))
			}
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(v)) {
				words = append(words, cleanWord(python.Str(v[key])))
			}
		default:
			words = append(words, cleanWord(python.Str(v)))
		}
	}
	full = head + "_" + strings.Join(words, "__") + t.twinMark()
	if len(full) < dbtNameLimit {
		return full, full
	}
	sum := md5.Sum([]byte(full))
	return head[:min(len(head), 30)] + "_" + hex.EncodeToString(sum[:]), full
}

// DBTKind is the kind of a data test as it is written, its package apart: «dbt_utils» and
// «accepted_range».
func (t *Test) DBTKind() (namespace, kind string) {
	if t.Written == nil {
		return "", t.Kind
	}
	kind = t.Written.Kind.V
	if dot := strings.LastIndexByte(kind, '.'); dot >= 0 {
		return kind[:dot], kind[dot+1:]
	}
	return "", kind
}

// twinMark tells tests apart that differ in nothing but their configuration, which dbt refuses.
func (t *Test) twinMark() string {
	if !t.Twin {
		return ""
	}
	return "_" + t.Fingerprint[:8]
}

// MarkTwins finds the tests that dbt could not tell apart.
func MarkTwins(tests []*Test) {
	count := map[string]int{}
	key := func(t *Test) string {
		_, full := t.DBTNames()
		var b strings.Builder
		fmt.Fprintf(&b, "%s\x00%s\x00%s\x00%s", t.Node, full, t.Written.Kind.V, t.Column)
		for _, name := range slices.Sorted(maps.Keys(t.Written.Args)) {
			fmt.Fprintf(&b, "\x00%s\x00%v", name, t.Written.Args[name].V)
		}
		return b.String()
	}
	keys := make([]string, len(tests))
	for i, t := range tests {
		if t.Written != nil {
			keys[i] = key(t)
			count[keys[i]]++
		}
	}
	for i, t := range tests {
		t.Twin = t.Written != nil && count[keys[i]] > 1
	}
}

// cleanWord replaces every run of what is no letter, digit or underscore by one underscore.
func cleanWord(s string) string {
	var b strings.Builder
	gap := false
	for _, r := range s {
		switch {
		case r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z':
			b.WriteRune(r)
			gap = false
		case !gap:
			b.WriteByte('_')
			gap = true
		}
	}
	return b.String()
}
