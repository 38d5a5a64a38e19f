package postgres

import (
	"strings"

	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
)

// castFormat is CAST with a literal FORMAT, from a date or time to STRING or between BYTES
// and STRING.
func (g *generator) castFormat(n *ir.Cast) string {
	what := "CAST with FORMAT from " + n.Arg.T().String() + " to " + n.T().String()
	f, ok := n.Format.(*ir.Literal)
	if n.Format == nil {
		what = "CAST with AT TIME ZONE"
	}
	if !ok || f.Value.Null || !n.Params.None() {
		return g.refuse(what, "", n.At())
	}
	from, to := n.Arg.T().Kind, n.T().Kind
	text := g.Expr(n.Arg)
	switch {
	case from == ir.Bytes && to == ir.String || from == ir.String && to == ir.Bytes:
		if n.Safe {
			break
		}
		if out := g.encoded(text, from, strings.ToUpper(f.Value.Text)); out != "" {
			return out
		}
	case to == ir.String && (from == ir.Date || from == ir.Time || from == ir.Datetime || from == ir.Timestamp):
		c := &Call{g: g, Node: &ir.Call{Of: ir.Of{Span: n.At()}}}
		offset := ""
		if from == ir.Timestamp {
			z := c.zoneAt(-1)
			if n.Zone != nil {
				l, ok := n.Zone.(*ir.Literal)
				if !ok || l.Value.Null {
					break
				}
				z = zoneRef{name: l.Value.Text, known: true}
			}
			if us, fixed := z.offset(); fixed && us == 0 {
				offset = "+0000"
			}
			text = c.local(text, z)
		}
		parts, ok := formatParts(f.Value.Text, from != ir.Time, from != ir.Date, offset)
		if !ok {
			break
		}
		return g.let(text, func(v string) string {
			items := make([]string, len(parts))
			for i, p := range parts {
				items[i] = quote(p.text)
				if p.element {
					items[i] = "to_char(" + v + ", " + quote(p.text) + ")"
				}
			}
			return "CASE WHEN " + operand(v, transpile.PrecAdd) + " IS NOT NULL THEN " + strings.Join(items, " || ") + " END"
		})
	}
	return g.refuse(what, "", n.At())
}

// encoded is a conversion between BYTES and STRING by a named encoding, "" if it is not known.
func (g *generator) encoded(text string, from ir.Kind, name string) string {
	switch name {
	case "HEX", "BASE16":
		if from == ir.Bytes {
			return "encode(" + text + ", 'hex')"
		}
		return g.function("from_hex", text)
	case "BASE64":
		if from == ir.Bytes {
			return "replace(encode(" + text + `, 'base64'), E'\n', '')`
		}
		return g.function("from_base64", text)
	case "UTF8", "UTF-8":
		if from == ir.Bytes {
			return "convert_from(" + text + ", 'UTF8')"
		}
		return "convert_to(" + text + ", 'UTF8')"
	}
	return ""
}

// formatPart is a constant, or an element of to_char.
type formatPart struct {
	text    string
	element bool
}

// dateElements and timeElements are the elements of FORMAT that to_char writes alike; a
// longer one comes before one that it begins with. Names of months and days are as long as
// they are, which FM says.
var (
	dateElements = []string{"YYYY", "YYY", "YY", "MONTH", "MON", "MM", "DDD", "DD", "DAY", "DY", "D", "Y"}
	timeElements = []string{"HH24", "HH12", "HH", "MI", "SSSSS", "SS", "A.M.", "P.M.", "AM", "PM"}
)

// formatParts reads a format; false for one with an element that is not known. offset is
// that of the zone, ±HHMM, "" where it is not known.
func formatParts(f string, day, clock bool, offset string) ([]formatPart, bool) {
	var parts []formatPart
	constant := func(s string) {
		if n := len(parts); n > 0 && !parts[n-1].element {
			parts[n-1].text += s
			return
		}
		parts = append(parts, formatPart{text: s})
	}
next:
	for i := 0; i < len(f); {
		rest := strings.ToUpper(f[i:])
		switch {
		case strings.IndexByte("-./,';: ", f[i]) >= 0:
			constant(f[i : i+1])
			i++
			continue
		case f[i] == '"':
			end := strings.IndexByte(f[i+1:], '"')
			if end < 0 || strings.Contains(f[i+1:i+1+end], `\`) {
				return nil, false
			}
			constant(f[i+1 : i+1+end])
			i += end + 2
			continue
		case offset != "" && strings.HasPrefix(rest, "TZH"):
			constant(offset[:3])
			i += 3
			continue
		case offset != "" && strings.HasPrefix(rest, "TZM"):
			constant(offset[3:])
			i += 3
			continue
		case clock && len(rest) > 2 && strings.HasPrefix(rest, "FF") && rest[2] >= '1' && rest[2] <= '6':
			// FF1 to FF6 are to_char's from version 13 on.
			parts = append(parts, formatPart{rest[:3], true})
			i += 3
			continue
		}
		for _, list := range []struct {
			on       bool
			elements []string
		}{{day, dateElements}, {clock, timeElements}} {
			for _, e := range list.elements {
				if !list.on || !strings.HasPrefix(rest, e) {
					continue
				}
				text := e
				switch e {
				case "MONTH", "DAY", "MON", "DY", "AM", "PM", "A.M.", "P.M.":
					// Their letters decide about the case of what is written, as there: by the first
					// two.
					text = casedLike(f[i:i+len(e)], e)
					if e == "MONTH" || e == "DAY" {
						text = "FM" + text
					}
				}
				parts = append(parts, formatPart{text, true})
				i += len(e)
				continue next
			}
		}
		return nil, false
	}
	if len(parts) == 0 {
		parts = append(parts, formatPart{})
	}
	return parts, true
}

// casedLike writes an element of letters as the first two of a text are: AB, Ab or ab.
func casedLike(written, element string) string {
	lower := func(b byte) bool { return b >= 'a' && b <= 'z' }
	second := written[1]
	if second == '.' {
		second = written[0]
	}
	switch {
	case lower(written[0]):
		return strings.ToLower(element)
	case lower(second) && len(element) > 2:
		return element[:1] + strings.ToLower(element[1:])
	}
	return element
}
