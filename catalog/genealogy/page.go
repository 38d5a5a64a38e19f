package genealogy

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"html"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// Path is the page of the viewer, relative to the root of the site; Script is what it needs
// beside the scripts of every page.
const (
	Path   = "material/index.html"
	Script = "material"
)

// listed is how many lots the page names without scripting.
const listed = 50

// Page is what stands in the main part of the page: a place for the viewer and, for readers
// without scripting, the newest lots.
func (g *Graph) Page() []byte {
	var b strings.Builder
	b.WriteString("<h1>Materials</h1>\n<p class=\"mt-note\">" + plural(len(g.lots), "lot") + " and " + plural(len(g.runs), "run") + ": what each was made of, what became of it and who got it.</p>\n<div id=\"materials\">\n")
	b.WriteString("<p class=\"mt-note\">Following a lot needs scripting, since the rows lie in " + plural(len(g.Files()), "file") + ". Without it: <code>engine trace LOT --format html --output lot.html</code> writes one lot with all its origin and use into one page, whose tables need none.</p>\n")
	if len(g.lots) == 0 {
		b.WriteString("<p class=\"mt-note\">There are no lots: the models that genealogy reads have no rows. Build them with <code>engine build</code>.</p>\n</div>\n")
		return []byte(b.String())
	}
	b.WriteString("<h2>The newest " + plural(min(listed, len(g.lots)), "lot") + "</h2>\n<div class=\"mt-scroll\" tabindex=\"0\" role=\"region\" aria-label=\"The newest lots\"><table class=\"mt-table\">\n<thead><tr><th scope=\"col\">Lot</th><th scope=\"col\">Label</th><th scope=\"col\">Material</th><th scope=\"col\" class=\"n\">Quantity</th><th scope=\"col\">Time</th><th scope=\"col\">Made by</th><th scope=\"col\">Made of</th></tr></thead>\n<tbody>\n")
	for n := len(g.lots) - 1; n >= max(0, len(g.lots)-listed); n-- {
		l := &g.lots[n]
		var runs, from []string
		for _, r := range g.made.at(n) {
			runs = append(runs, g.runName(r))
			for _, f := range g.flows[g.firstFlow[r]:g.firstFlow[r+1]] {
				if !f.out {
					from = append(from, g.lots[f.lot].id)
				}
			}
		}
		b.WriteString("<tr><td>" + escape(l.id) + "</td><td>" + escape(l.label) + "</td><td>" + escape(g.materials[l.material]) + "</td><td class=\"n\">" + escape(amountText(l.quantity, g.units[l.unit])) + "</td><td>" + escape(timeText(l.at)) + "</td><td>" + escape(some(runs)) + "</td><td>" + escape(some(from)) + "</td></tr>\n")
	}
	b.WriteString("</tbody>\n</table></div>\n</div>\n")
	return []byte(b.String())
}

func (g *Graph) runName(r int32) string {
	run := &g.runs[r]
	if run.joint {
		return ""
	}
	return strings.TrimSpace(strings.Join([]string{g.kinds[run.kind], run.id, g.machines[run.machine]}, " "))
}

// some lists the first few.
func some(list []string) string {
	const most = 3
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return strings.Join(list[:most], ", ") + " and " + strconv.Itoa(len(list)-most) + " more"
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + one + "s"
}

// thousands parts the digits of a number by threes.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func amountText(f float64, unit string) string {
	if math.IsNaN(f) {
		return ""
	}
	return strings.TrimSpace(strconv.FormatFloat(round(f), 'f', -1, 64) + " " + unit)
}

func timeText(t int64) string {
	if t == none {
		return ""
	}
	at := time.Unix(t, 0).UTC()
	if at.Hour() == 0 && at.Minute() == 0 && at.Second() == 0 {
		return at.Format(time.DateOnly)
	}
	return at.Format("2006-01-02 15:04")
}

// escape makes text of a value; control characters and those that turn lines around are shown
// as a dot.
func escape(s string) string {
	return html.EscapeString(strings.Map(func(r rune) rune {
		switch {
		case r < 0x20, r >= 0x7f && r < 0xa0, r == 0x200e, r == 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return '·'
		}
		return r
	}, s))
}

// Single is one lot in one file, which needs nothing else.
type Single struct {
	Title string
	// Lot is the one to begin with; Direction is back, forward or both.
	Lot, Direction string
	// Tables are shown below the viewer, with scripting and without: markup, escaped.
	Tables string
	// CSS and Script are those of the site.
	CSS, Script []byte
}

// ErrInline is a style or a script that would end the element that it stands in.
var ErrInline = errors.New("a style sheet or script holds the end of its own element")

// WriteFile writes the page. Its content policy allows exactly the one style and the one
// script in it, by their hashes, and no request at all.
func (g *Graph) WriteFile(w io.Writer, s Single) error {
	if strings.Contains(strings.ToLower(string(s.CSS)), "</style") || strings.Contains(strings.ToLower(string(s.Script)), "</script") {
		return ErrInline
	}
	css, script := "\n"+string(s.CSS), "\n"+string(s.Script)
	hash := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	var b strings.Builder
	b.WriteString("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
	b.WriteString("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src " + hash(script) + "; style-src " + hash(css) + "; base-uri 'none'; form-action 'none'\">\n")
	b.WriteString("<meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"robots\" content=\"noindex\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<title>" + escape(s.Title) + "</title>\n<style>" + css + "</style>\n</head>\n<body class=\"mt-single\">\n<main id=\"main\" tabindex=\"-1\">\n<h1>" + escape(s.Title) + "</h1>\n")
	b.WriteString("<div id=\"materials\" data-lot=\"" + html.EscapeString(valid(s.Lot)) + "\" data-dir=\"" + html.EscapeString(s.Direction) + "\">\n<p class=\"mt-note\">The drawing needs scripting. The tables below have all of it.</p>\n</div>\n")
	b.WriteString(s.Tables)
	b.WriteString("</main>\n")
	for _, f := range g.Files() {
		// The text of a file holds no «<»: see script.
		b.WriteString("<script type=\"text/plain\" data-file=\"" + f.Path + "\">")
		b.Write(f.Body())
		b.WriteString("</script>\n")
	}
	b.WriteString("<script>" + script + "</script>\n</body>\n</html>\n")
	_, err := io.WriteString(w, b.String())
	return err
}
