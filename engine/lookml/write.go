package lookml

import (
	"strings"
)

// block is a LookML object: «dimension: id { … }».
type block struct {
	kind, name string
	params     []param
	blocks     []*block
	// lead stands above the block as comments.
	lead []string
}

// param is «key: value» with the value as it is written.
type param struct{ key, value string }

func (b *block) add(key, value string) { b.params = append(b.params, param{key, value}) }

// text adds a quoted value, unless it is empty.
func (b *block) text(key, value string) {
	if value != "" {
		b.add(key, quoted(value))
	}
}

// exact adds a quoted value as it stands, unless it is empty.
func (b *block) exact(key, value string) {
	if value != "" {
		b.add(key, exact(value))
	}
}

// word adds a bare value, unless it is empty.
func (b *block) word(key, value string) {
	if value != "" {
		b.add(key, value)
	}
}

// code adds SQL, which ends with two semicolons, unless it is empty.
func (b *block) code(key, value string) {
	if value != "" {
		b.add(key, value+" ;;")
	}
}

// words adds a list of bare values, unless it is empty.
func (b *block) words(key string, list []string) {
	if len(list) > 0 {
		b.add(key, "["+strings.Join(list, ", ")+"]")
	}
}

// texts adds a list of quoted values, unless it is empty.
func (b *block) texts(key string, list []string) {
	quotes := make([]string, len(list))
	for i, s := range list {
		quotes[i] = quoted(s)
	}
	b.words(key, quotes)
}

func (b *block) write(out *strings.Builder, indent string) {
	for _, l := range b.lead {
		out.WriteString(indent + "# " + l + "\n")
	}
	out.WriteString(indent + b.kind + ":")
	if b.name != "" {
		out.WriteString(" " + b.name)
	}
	out.WriteString(" {\n")
	for _, p := range b.params {
		out.WriteString(indent + "  " + p.key + ": " + p.value + "\n")
	}
	for i, sub := range b.blocks {
		if i > 0 || len(b.params) > 0 {
			out.WriteByte('\n')
		}
		sub.write(out, indent+"  ")
	}
	out.WriteString(indent + "}\n")
}

// quoted writes text as a LookML string on one line, with single spaces between its words.
func quoted(s string) string { return exact(strings.Join(strings.Fields(s), " ")) }

// exact writes text as a LookML string with its spaces: filters and formats mean them. Liquid,
// which Looker renders in some texts, is broken up: a description is no program.
func exact(s string) string {
	s = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ", `\`, `\\`, `"`, `\"`).Replace(harmless(s))
	return `"` + s + `"`
}

// harmless puts a space behind each brace that begins something of Liquid with what follows.
func harmless(text string) string {
	var b strings.Builder
	for i := range len(text) {
		b.WriteByte(text[i])
		if text[i] == '{' && i+1 < len(text) && strings.IndexByte("{%#", text[i+1]) >= 0 {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// plainSQL reports whether a name of the warehouse can stand in SQL of LookML: nothing in it
// ends the SQL, or is a reference or Liquid.
func plainSQL(name string) bool {
	for _, bad := range []string{";;", "${", "{{", "{%", "\n", "\r"} {
		if strings.Contains(name, bad) {
			return false
		}
	}
	return !strings.HasSuffix(name, ";")
}

// identifier makes a LookML name of a name of the warehouse: small letters, digits and
// underscores, and no digit first.
func identifier(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' {
			b.WriteRune(r)
		} else {
			b.WriteByte('_')
		}
	}
	out := b.String()
	if out == "" || out[0] >= '0' && out[0] <= '9' {
		out = "_" + out
	}
	return out
}

// title is a name as Looker shows it: «shipping_address» is «Shipping Address».
func title(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool { return r == '_' })
	for i, w := range words {
		words[i] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, " ")
}
