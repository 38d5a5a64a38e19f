package catalog

import (
	"bytes"
	"cmp"
	"embed"
	"html/template"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/engine-build/engine/catalog/markup"
	"github.com/engine-build/engine/catalog/web"
	"github.com/engine-build/engine/catalog/words"
)

//go:embed templates/*.html
var templateFiles embed.FS

// templates are parsed when the first page is made: no other command waits for them.
var templates = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(templateFuncs).ParseFS(templateFiles, "templates/*.html"))
})

var templateFuncs = template.FuncMap{
	"count":  func(n int) string { return words.Count(n) },
	"plural": func(n int, one string) string { return words.Plural(n, one) },
	"tone":   toneClass,
	// legendOfAll are all tones there are.
	"legendOfAll": func() []legendItem {
		var out []legendItem
		for _, t := range toneOrder {
			out = append(out, legendItem{t, words.Tone(t)})
		}
		return out
	},
	// dict passes several values to a template.
	"dict": func(pairs ...any) map[string]any {
		m := map[string]any{}
		for i := 0; i+1 < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1]
		}
		return m
	},
}

// view is what is on a page. Either Template with Body, or Write gives its content.
type view struct {
	Title   string
	Section string // of the navigation; empty for none
	// Folder is which part of the sidebar is open, Node the number of the node whose line is
	// marked, plus one; 0: none.
	Folder string
	Node   int
	Wide   bool // without a sidebar
	// Scripts are bundles besides that of every page, with the style sheets of their names; Sheet
	// is one whose script comes by itself.
	Scripts  []string
	Sheet    string
	Template string
	Body     any
	Write    func(w *markup.Writer)
}

// contentOf is what a template sees.
type contentOf struct {
	Base, Project string
	Body          any
}

// scratch is the space one writer of pages works in.
type scratch struct {
	w   markup.Writer
	tmp bytes.Buffer
	out []byte
}

// policy is what pages may load: their own files and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'"

// icon stands in the tabs of browsers.
const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#2f5fb3"/><path d="M8 10h6m-6 12h6m4-6h6M14 10c4 0 0 6 4 6s0 6-4 6" fill="none" stroke="white" stroke-width="2.5" stroke-linecap="round"/></svg>
`

const iconPath = "a/icon.svg"

// section is an entry of the navigation.
type section struct{ key, Path, Word, About string }

// frame is what all pages have around their content.
type frame struct {
	project  string // escaped
	sections []section
	footer   string // escaped
	css, js  string
}

func newFrame(b *book) *frame {
	project := b.title
	if b.c.Customer != "" {
		project += " · for " + b.c.Customer
	}
	f := &frame{project: markup.Escape(project), css: web.Path("site.css"), js: web.Path("app.js")}
	f.sections = []section{
		{"overview", "index.html", "Overview", "the map of the project, what needs attention, what is covered"},
		{"lineage", "lineage.html", "Lineage", "what reads what, step by step, down to single columns"},
		{"browse", "browse.html", "Browse", "tiers, domains, folders, tags, owners, groups, sources, exposures, macros, glossary"},
		{"columns", "columns.html", "Columns", "every name of a column, and where it is"},
		{"tests", "tests.html", "Tests", "what is checked, and how it came out"},
	}
	if b.outside() && b.bare("tests.html") {
		f.sections = slices.DeleteFunc(f.sections, func(s section) bool { return s.key == "tests" })
	}
	if len(b.c.Runs) > 0 {
		f.sections = append(f.sections, section{"runs", "runs.html", "Runs", "durations and costs of builds, and the longest chain"})
	}
	for _, p := range b.o.Pages {
		if p.Section != "" && !f.has(p.Section) {
			f.sections = append(f.sections, section{p.Section, p.Path, capital(p.Section), cmp.Or(sectionAbout[p.Section], p.Title)})
		}
	}
	f.footer = b.footer()
	return f
}

// sectionAbout says on the page of help what pages of others hold.
var sectionAbout = map[string]string{
	"materials": "what each lot of material was made of, what became of it, and who got it",
	"changes":   "what has been added, removed and changed since an earlier catalog",
}

// capital begins a word with a capital letter.
func capital(word string) string { return strings.ToUpper(word[:1]) + word[1:] }

func (f *frame) has(key string) bool {
	for _, s := range f.sections {
		if s.key == key {
			return true
		}
	}
	return false
}

func (b *book) footer() string {
	var parts []string
	if b.c.Engine != "" {
		parts = append(parts, b.c.Engine)
	}
	if b.c.Target != "" {
		parts = append(parts, "target "+b.c.Target)
	}
	if b.c.Audience != "" && b.c.Customer == "" {
		parts = append(parts, "for "+b.c.Audience)
	}
	for i, p := range parts {
		parts[i] = "<span>" + markup.Escape(p) + "</span>"
	}
	return strings.Join(parts, " ")
}

// generated says on the entrance when the site was made. It is on no other page: each of them
// would be another one after each build.
func (b *book) generated(path string) string {
	if t := words.When(b.c.Generated); t != "" && path == "index.html" {
		return "<span>Generated " + t + "</span> "
	}
	return ""
}

// baseOf leads from a page to the root of the site.
func baseOf(path string) string { return strings.Repeat("../", strings.Count(path, "/")) }

// page renders one page.
func (b *book) page(j *job, s *scratch) []byte {
	base := baseOf(j.path)
	v := j.view(base)
	w := &s.w
	w.Reset()
	b.frame.head(w, v, base)
	if v.Wide {
		w.Raw(`<div class="shell wide">`)
	} else {
		w.Raw(`<div class="shell"><nav id="side" class="side" aria-label="Project">`)
		b.sidebar(w, v, base, j.path[:strings.LastIndexByte(j.path, '/')+1])
		w.Raw(`</nav>`)
	}
	w.Raw("\n", `<main id="main" tabindex="-1">`, "\n")
	if v.Write != nil {
		v.Write(w)
	}
	if v.Template != "" {
		s.tmp.Reset()
		if err := templates().ExecuteTemplate(&s.tmp, v.Template+".html", contentOf{base, b.title, v.Body}); err != nil {
			panic("catalog: template " + v.Template + ": " + err.Error()) // our templates over our own types
		}
		w.Raw(s.tmp.String())
	}
	w.Raw("\n</main>\n</div>\n", `<footer class="foot">`, b.generated(j.path), b.frame.footer, ` <a href="`, base, `help.html">Help</a></footer>`, "\n</body>\n</html>\n")
	s.out = markup.Squeeze(s.out[:0], w.Bytes())
	if !utf8.Valid(s.out) {
		return bytes.ToValidUTF8(s.out, []byte("\uFFFD"))
	}
	return s.out
}

func (f *frame) head(w *markup.Writer, v view, base string) {
	w.Raw(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="`, policy, `">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>`)
	w.Text(v.Title)
	w.Raw(" · ", f.project, "</title>\n", `<link rel="icon" href="`, base, iconPath, `">`, "\n")
	// The script of every page blocks, beside the style sheet, which blocks anyway: it chooses the
	// theme before anything is painted. It comes behind the style sheet, and with it all that
	// follows: a body that is there before would be laid out for its end without any style.
	w.Raw(`<link rel="stylesheet" href="`, base, f.css, `">`, "\n", `<script src="`, base, f.js, `" data-base="`, base, `"></script>`, "\n")
	if v.Sheet != "" {
		w.Raw(`<link rel="stylesheet" href="`, base, web.Path(v.Sheet), `">`, "\n")
	}
	if len(v.Scripts) > 0 {
		w.Raw(`<script defer src="`, base, web.Path("layered.js"), `"></script>`, "\n") // what they draw with
	}
	for _, name := range v.Scripts {
		if sheet := web.Path(name + ".css"); sheet != "" {
			w.Raw(`<link rel="stylesheet" href="`, base, sheet, `">`, "\n")
		}
		w.Raw(`<script defer src="`, base, web.Path(name+".js"), `" data-base="`, base, `"></script>`, "\n")
	}
	w.Raw(`</head>
<body>
<header class="top">
<a class="skip" href="#main">Skip to content</a>
<a class="brand" href="`, base, `index.html"><span>`, f.project, `</span></a>
<div class="search" role="search"><input id="q" type="search" placeholder="Search names, columns, descriptions" autocomplete="off"><kbd aria-hidden="true">/</kbd><div id="hits" hidden></div></div>
<nav class="sections" aria-label="Sections">`)
	for _, s := range f.sections {
		w.Raw(`<a href="`, base, s.Path, `"`)
		if s.key == v.Section {
			w.Raw(` aria-current="page"`)
		}
		w.Raw(">")
		w.Text(s.Word)
		w.Raw("</a>")
	}
	w.Raw(`</nav>
<div class="tools"><button id="menu" hidden>Menu</button><button id="theme" hidden></button><button id="keys" hidden>?</button></div>
</header>
`)
}
