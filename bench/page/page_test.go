package page

import (
	"os"
	"path/filepath"
	"testing"
)

// TestWrite: a page keeps all but the part, and one without it is refused.
func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.md")
	put := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("# Page\n\n<!-- a -->\nold\n<!-- end of a -->\n\n<!-- b -->\n<!-- end of b -->\n")
	for range 2 {
		if err := Write(path, "a", "new\n"); err != nil {
			t.Fatal(err)
		}
	}
	if err := Write(path, "b", "more\n"); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "# Page\n\n<!-- a -->\n\nnew\n\n<!-- end of a -->\n\n<!-- b -->\n\nmore\n\n<!-- end of b -->\n" {
		t.Errorf("%q", got)
	}
	for _, text := range []string{"# Page\n", "# Page\n<!-- a -->\n", "# Page\n<!-- end of a -->\n"} {
		put(text)
		if Check(path, "a") == nil || Write(path, "a", "new\n") == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
