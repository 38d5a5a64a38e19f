package project

import (
	"fmt"
	"strconv"

	"go.yaml.in/yaml/v4"

	"github.com/engine-build/engine/engine/diag"
)

// TagLimit is how many nodes with a tag may be built at once.
type TagLimit struct {
	Tag  Value[string]
	Most Value[int64]

	written Value[string]
}

// tagLimits reads tag_limits of a target as written: {heavy: 2, api: "${API_SLOTS:-1}"}.
func (o *object) tagLimits() []TagLimit {
	in, ok := o.child("tag_limits")
	if !ok {
		return nil
	}
	var out []TagLimit
	for i := range in.fields {
		f := &in.fields[i]
		f.used = true
		n := resolve(f.val)
		if n.Kind != yaml.ScalarNode || isNull(n) {
			o.wrong(n, fmt.Sprintf("%q of tag_limits", f.name), "a whole number")
			continue
		}
		out = append(out, TagLimit{Tag: Value[string]{f.name, o.span(f.key)}, written: Value[string]{n.Value, o.span(n)}})
	}
	return out
}

// resolveTagLimits reads the numbers, once ${ENV} in them is replaced: text is false for
// those that are not to be judged.
func resolveTagLimits(limits []TagLimit, text func(*Value[string]) bool, list *diag.List) []TagLimit {
	var out []TagLimit
	for _, l := range limits {
		written := l.written
		if !text(&written) {
			continue
		}
		n, err := strconv.ParseInt(written.V, 10, 32)
		if err != nil || n < 1 {
			list.Add(valueInvalid(written.At, fmt.Sprintf("%q is not a number of nodes", written.V), "give a whole number from 1: that many nodes with the tag are built at once"))
			continue
		}
		l.Most = Value[int64]{n, written.At}
		out = append(out, l)
	}
	return out
}
