package catalog

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/engine-build/engine/catalog/markup"
	"github.com/engine-build/engine/catalog/web"
	"github.com/engine-build/engine/internal/atomicfile"
)

// MaxSingle is the size up to which a site is written into a single file, in bytes: beyond it
// browsers are slow to open it.
const MaxSingle = 25_000_000

// TooLargeError says that a site does not fit into a single file.
type TooLargeError struct{ Size int }

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the catalog needs more than %d MB as a single file, which browsers are slow to open: write it as a folder, which has no limit, or for a smaller audience", MaxSingle/1_000_000)
}

// blockSize is how much text a block of a single file has before it is packed: a page is shown
// after its block is unpacked.
const blockSize = 384 << 10

// SingleFile makes the site as one file, for sending by mail. It has the same pages, search and
// explorer, but needs scripting. It fails with a *TooLargeError.
//
// The pages and data are blocks of packed text in the file. Of scripts only those that came
// with it can run: the policy names them by their hashes.
func (s *Site) SingleFile() ([]byte, error) {
	var out bytes.Buffer
	blocks, index, err := s.blocks()
	if err != nil {
		return nil, err
	}
	boot, theme, css := web.Body("single.js"), web.Body("theme.js"), web.Styles()
	var scripts []string
	for _, f := range web.Files() {
		if strings.HasSuffix(f.Path, ".js") {
			scripts = append(scripts, hashOf(f.Body))
		}
	}
	fmt.Fprintf(&out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"+
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src %s; style-src %s; img-src data:; base-uri 'none'; form-action 'none'\">\n"+
		"<meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"robots\" content=\"noindex\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<title>%s</title>\n<link rel=\"icon\" href=\"data:image/svg+xml;base64,%s\">\n",
		strings.Join(scripts, " "), hashOf(css), markup.Escape(s.book.title), base64.StdEncoding.EncodeToString([]byte(icon)))
	out.WriteString("<script>")
	out.Write(theme)
	out.WriteString("</script>\n<style>")
	out.Write(css)
	out.WriteString("</style>\n</head>\n<body>\n<noscript><p>This catalog is one file and needs scripting. Ask for it as a folder of pages, which does not.</p></noscript>\n<script type=\"application/json\" id=\"index\">")
	out.Write(index)
	out.WriteString("</script>\n")
	for i, b := range blocks {
		fmt.Fprintf(&out, "<script type=\"text/plain\" data-block=\"%d\">", i)
		out.Write(b)
		out.WriteString("</script>\n")
	}
	out.WriteString("<script>")
	out.Write(boot)
	out.WriteString("</script>\n</body>\n</html>\n")
	if out.Len() > s.most {
		return nil, &TooLargeError{out.Len()}
	}
	return out.Bytes(), nil
}

// singleOnly says of a file of package web that only a single file has it: there the script of
// every page comes too late to choose the theme, and a trace has no such script.
func singleOnly(path string) bool {
	return path == web.Path("single.js") || path == web.Path("theme.js") || path == web.Path("trace.js")
}

// hashOf names an inline script or style in a content policy.
func hashOf(body []byte) string {
	sum := sha256.Sum256(body)
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// blocks packs all files but the style sheet, and lists which block has which.
func (s *Site) blocks() (blocks [][]byte, index []byte, err error) {
	listing := struct {
		Files   map[string]int `json:"files"`
		Home    string         `json:"home"`
		Missing string         `json:"missing"`
	}{map[string]int{}, "index.html", "404.html"}
	part, size, total := map[string]string{}, 0, 0
	flush := func() error {
		if len(part) == 0 {
			return nil
		}
		b, err := pack(part)
		if err != nil {
			return err
		}
		if total += len(b); total > s.most {
			return &TooLargeError{total}
		}
		blocks = append(blocks, b)
		part, size = map[string]string{}, 0
		return nil
	}
	var scratch scratch
	for i := range s.jobs {
		j := &s.jobs[i]
		if !strings.HasSuffix(j.path, ".html") && !strings.HasSuffix(j.path, ".js") {
			continue
		}
		body := string(s.render(j, &scratch))
		listing.Files[j.path] = len(blocks)
		part[j.path] = body
		if size += len(body); size > blockSize {
			if err := flush(); err != nil {
				return nil, nil, err
			}
		}
	}
	if err := flush(); err != nil {
		return nil, nil, err
	}
	if index, err = json.Marshal(listing); err != nil {
		return nil, nil, fmt.Errorf("list the pages: %w", err)
	}
	return blocks, index, nil
}

// pack writes files as JSON, compressed, in base 64: no text of theirs can end the block.
func pack(files map[string]string) ([]byte, error) {
	plain, err := json.Marshal(files) // keys are sorted
	if err != nil {
		return nil, fmt.Errorf("pack pages: %w", err)
	}
	var small bytes.Buffer
	w, err := gzip.NewWriterLevel(&small, gzip.DefaultCompression)
	if err != nil {
		return nil, fmt.Errorf("pack pages: %w", err)
	}
	if _, err := w.Write(plain); err != nil {
		return nil, fmt.Errorf("pack pages: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("pack pages: %w", err)
	}
	return []byte(base64.StdEncoding.EncodeToString(small.Bytes())), nil
}

// WriteFile writes the site as a single file, see SingleFile. The file is replaced at once.
func (s *Site) WriteFile(path string) error {
	body, err := s.SingleFile()
	if err != nil {
		return err
	}
	if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, body) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make %s: %w", filepath.Dir(path), err)
	}
	if err := atomicfile.Write(path, body); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
