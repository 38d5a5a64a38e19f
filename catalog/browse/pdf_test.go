package browse_test

import (
	"bytes"
	"compress/zlib"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/engine-build/engine/catalog/browse"
)

// The parts of a file that the browser prints: objects with streams, fonts with a table from the
// numbers of their glyphs to letters (ISO 32000-1, 9.10.3), and pages that choose fonts by name.
var (
	pdfObject = regexp.MustCompile(`(?s)(\d+) 0 obj\s*(.*?)endobj`)
	pdfTable  = regexp.MustCompile(`/ToUnicode (\d+) 0 R`)
	pdfFonts  = regexp.MustCompile(`(?s)/Font\s*<<(.*?)>>`)
	pdfFont   = regexp.MustCompile(`/(\w+) (\d+) 0 R`)
	pdfChar   = regexp.MustCompile(`<([0-9A-Fa-f]{4})> <([0-9A-Fa-f]+)>\s`)
	pdfRange  = regexp.MustCompile(`<([0-9A-Fa-f]{4})> <([0-9A-Fa-f]{4})> <([0-9A-Fa-f]+)>`)
	pdfShow   = regexp.MustCompile(`/(\w+) [\d.]+ Tf|<([0-9A-Fa-f]+)>`)
)

// pdfText is the text of a file in the order it is drawn, without spaces.
func pdfText(t *testing.T, file []byte) string {
	t.Helper()
	objects := map[string][]byte{}
	for _, m := range pdfObject.FindAllSubmatch(file, -1) {
		objects[string(m[1])] = m[2]
	}
	stream := func(object []byte) string {
		_, data, ok := bytes.Cut(object, []byte("stream\n"))
		if !ok {
			return ""
		}
		if i := bytes.LastIndex(data, []byte("endstream")); i >= 0 {
			data = data[:i]
		}
		z, err := zlib.NewReader(bytes.NewReader(data))
		if err != nil {
			return ""
		}
		out, _ := io.ReadAll(z) // what follows the stream is not part of it
		return string(out)
	}
	number := func(s string) int {
		n, err := strconv.ParseUint(s, 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		return int(n)
	}
	letters := func(s string, add int) string {
		var units []uint16
		for i := 0; i+4 <= len(s); i += 4 {
			units = append(units, uint16(number(s[i:i+4])))
		}
		if len(units) > 0 {
			units[len(units)-1] += uint16(add)
		}
		return string(utf16.Decode(units))
	}
	fonts := map[string]map[int]string{} // by the number of the object
	for id, object := range objects {
		m := pdfTable.FindSubmatch(object)
		if m == nil {
			continue
		}
		table := map[int]string{}
		text := stream(objects[string(m[1])])
		for _, part := range strings.Split(text, "endbfrange") {
			_, ranges, ok := strings.Cut(part, "beginbfrange")
			for _, r := range pdfRange.FindAllStringSubmatch(ranges, -1) {
				for g := number(r[1]); ok && g <= number(r[2]); g++ {
					table[g] = letters(r[3], g-number(r[1]))
				}
			}
		}
		for _, part := range strings.Split(text, "endbfchar") {
			_, chars, _ := strings.Cut(part, "beginbfchar")
			for _, c := range pdfChar.FindAllStringSubmatch(chars, -1) {
				table[number(c[1])] = letters(c[2], 0)
			}
		}
		fonts[id] = table
	}
	names := map[string]map[int]string{}
	for _, object := range objects {
		for _, m := range pdfFonts.FindAllSubmatch(object, -1) {
			for _, f := range pdfFont.FindAllSubmatch(m[1], -1) {
				names[string(f[1])] = fonts[string(f[2])]
			}
		}
	}
	var out strings.Builder
	for _, m := range pdfObject.FindAllSubmatch(file, -1) {
		text := stream(m[2])
		if !strings.Contains(text, " Tf") {
			continue
		}
		var font map[int]string
		for _, s := range pdfShow.FindAllStringSubmatch(text, -1) {
			if s[1] != "" {
				font = names[s[1]]
				continue
			}
			for i := 0; i+4 <= len(s[2]); i += 4 {
				out.WriteString(strings.TrimSpace(font[number(s[2][i:i+4])]))
			}
		}
	}
	if out.Len() == 0 {
		t.Fatal("the file has no text")
	}
	return out.String()
}

// TestPDFText reads what the browser printed of a page that is known.
func TestPDFText(t *testing.T) {
	dir := folder(t, map[string]string{"index.html": head + `<pre>select amount * 100 -- Größe «x»</pre><p>Naïve office fi</p></main></body></html>`, "tiny.css": "", "tiny.js": ""})
	tab := chromium.Tab(t, browse.File(t, dir))
	tab.Open("index.html")
	text := pdfText(t, tab.PDF())
	for _, want := range []string{"Tiny", "selectamount*100--Größe«x»", "Naïve"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %q", want, text)
		}
	}
}
