package man

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Page is one manual page: its file name, for example «engine-build.1», and its text.
type Page struct{ Name, Text string }

// Edition is what stands at the foot of each page. The same commands and edition give the same
// bytes.
type Edition struct {
	Date    time.Time // the day is shown, in UTC
	Version string
}

// Sections of the manual: commands, and topics that are no commands.
const (
	commands = "1"
	topics   = "7"
)

// Pages are those of root and all that is below it, hidden commands excepted, in the order of
// the tree.
func Pages(root *cobra.Command, e Edition) []Page {
	var out []Page
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Hidden || c.Name() == "help" {
			return
		}
		out = append(out, Page{name(c) + "." + section(c), page(c, e)})
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
	return out
}

func section(c *cobra.Command) string {
	if c.IsAdditionalHelpTopicCommand() {
		return topics
	}
	return commands
}

// name is the name of a page: «engine-docs-generate».
func name(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

func page(c *cobra.Command, e Edition) string {
	p := &writer{}
	root := c.Root().Name()
	manual := root + " manual"
	p.line(fmt.Sprintf(".TH %s %s %s %s %s", quoted(strings.ToUpper(name(c))), section(c), e.Date.UTC().Format("2006-01-02"), quoted(root+" "+e.Version), quoted(manual)))
	p.line(".nh") // no hyphens: what is copied from the page has to work
	p.line(".ad l")
	p.section("NAME")
	p.line(escape(name(c)) + ` \- ` + escape(c.Short))
	if section(c) == commands {
		p.section("SYNOPSIS")
		p.line(`\fB` + escape(c.CommandPath()) + `\fR` + escape(strings.TrimPrefix(c.UseLine(), c.CommandPath())))
	}
	p.section("DESCRIPTION")
	p.text(c.Long)
	if len(c.Aliases) > 0 {
		p.line(".PP")
		p.line("Also: " + escape(strings.Join(c.Aliases, ", ")) + ".")
	}
	p.options("OPTIONS", c.LocalNonPersistentFlags())
	if c.HasParent() && section(c) == commands {
		p.line(".PP")
		p.line("The options that all commands have are in " + reference(c.Root()) + ".")
	} else {
		p.options("GLOBAL OPTIONS", c.PersistentFlags())
	}
	p.subcommands(c)
	if c.Example != "" {
		p.section("EXAMPLES")
		p.literal(c.Example)
	}
	p.see(c)
	return p.b.String()
}

type writer struct{ b strings.Builder }

func (p *writer) line(text string)    { p.b.WriteString(text + "\n") }
func (p *writer) section(name string) { p.line(".SH " + name) }

// text writes paragraphs. What is indented keeps its lines.
func (p *writer) text(text string) {
	first := true
	for _, block := range strings.Split(strings.Trim(text, "\n"), "\n\n") {
		lines := strings.Split(strings.Trim(block, "\n"), "\n")
		for at := 0; at < len(lines); {
			end := at
			indented := strings.HasPrefix(lines[at], "  ")
			for end < len(lines) && strings.HasPrefix(lines[end], "  ") == indented {
				end++
			}
			if indented {
				if !first {
					p.line(".PP")
				}
				p.literal(strings.Join(lines[at:end], "\n"))
			} else {
				if !first {
					p.line(".PP")
				}
				for _, l := range lines[at:end] {
					p.line(escape(l))
				}
			}
			first, at = false, end
		}
	}
}

// literal writes lines as they are.
func (p *writer) literal(text string) {
	p.line(".RS 2")
	p.line(".nf")
	for _, l := range strings.Split(strings.Trim(text, "\n"), "\n") {
		if l = strings.TrimPrefix(l, "  "); strings.TrimSpace(l) == "" {
			p.line(".sp")
			continue
		}
		p.line(escape(l))
	}
	p.line(".fi")
	p.line(".RE")
}

func (p *writer) options(title string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	p.section(title)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Deprecated != "" {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		head := `\fB\-\-` + escape(f.Name) + `\fR`
		if f.Shorthand != "" && f.ShorthandDeprecated == "" {
			head = `\fB\-` + escape(f.Shorthand) + `\fR, ` + head
		}
		if value != "" {
			head += ` \fI` + escape(value) + `\fR`
		}
		p.line(".TP")
		p.line(head)
		p.line(escape(usage + first(f)))
	})
}

// first says what a flag is without being given, where that says anything.
func first(f *pflag.Flag) string {
	switch f.DefValue {
	case "", "false", "0", "0s", "[]":
		return ""
	}
	return " (" + f.DefValue + ")"
}

func (p *writer) subcommands(c *cobra.Command) {
	var below []*cobra.Command
	for _, sub := range c.Commands() {
		if !sub.Hidden && sub.Name() != "help" {
			below = append(below, sub)
		}
	}
	if len(below) == 0 {
		return
	}
	list := func(of []*cobra.Command) {
		for _, sub := range of {
			p.line(".TP")
			p.line(reference(sub))
			p.line(escape(sub.Short))
		}
	}
	if len(c.Groups()) == 0 {
		p.section("COMMANDS")
		list(below)
		return
	}
	in := func(group string) (out []*cobra.Command) {
		for _, sub := range below {
			if sub.GroupID == group {
				out = append(out, sub)
			}
		}
		return out
	}
	p.section("COMMANDS")
	for _, g := range c.Groups() {
		if of := in(g.ID); len(of) > 0 {
			p.line(".SS " + escape(strings.TrimSuffix(g.Title, ":")))
			list(of)
		}
	}
	if of := in(""); len(of) > 0 {
		p.section("TOPICS")
		list(of)
	}
}

// see names the page above, and the first page names the topics only.
func (p *writer) see(c *cobra.Command) {
	if !c.HasParent() {
		return
	}
	words := []string{reference(c.Parent())}
	for _, sub := range c.Root().Commands() {
		if sub != c && sub.IsAdditionalHelpTopicCommand() && !sub.Hidden {
			words = append(words, reference(sub))
		}
	}
	if c.Parent() != c.Root() {
		words = append(words, reference(c.Root()))
	}
	p.section("SEE ALSO")
	p.line(strings.Join(words, ",\n"))
}

// reference is the name of a page in bold and its section.
func reference(c *cobra.Command) string { return `\fB` + escape(name(c)) + `\fR(` + section(c) + `)` }

// escape makes text stand on a page as it is: nothing of it is a request, a minus stays one, and
// what is not ASCII is named, because not every formatter reads UTF-8.
func escape(text string) string {
	var b strings.Builder
	for i, r := range text {
		switch {
		case i == 0 && (r == '.' || r == '\''):
			b.WriteString(`\&` + string(r))
		case r == '\\':
			b.WriteString(`\e`)
		case r == '-':
			b.WriteString(`\-`)
		case r == '\'':
			b.WriteString(`\(aq`)
		case r == '`':
			b.WriteString(`\(ga`)
		case r == '^':
			b.WriteString(`\(ha`)
		case r == '~':
			b.WriteString(`\(ti`)
		case r == '\t':
			b.WriteString("    ")
		case r >= 0x80:
			fmt.Fprintf(&b, `\[u%04X]`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// quoted is an argument of a request.
func quoted(text string) string {
	return `"` + strings.ReplaceAll(escape(text), `"`, `\(dq`) + `"`
}
