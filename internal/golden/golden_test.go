package golden

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

const archive = `shouting
-- in.txt --
hello
-- out/upper --
HELLO
-- out/other/length --
5
`

func TestRunPassesWhatMatches(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "shout.txtar"), []byte(archive), 0o644); err != nil {
		t.Fatal(err)
	}
	Run(t, filepath.Join(dir, "*.txtar"), "upper", func(t *testing.T, c *Case) map[string]string {
		if c.Name != "shout" || c.Comment != "shouting" {
			t.Errorf("case is %q, %q", c.Name, c.Comment)
		}
		return map[string]string{"upper": strings.ToUpper(string(c.Input(t, "in.txt")))}
	})
}

func TestCompareNamesEveryDifference(t *testing.T) {
	a := txtar.Parse([]byte(archive))
	for _, c := range []struct {
		owns string
		got  map[string]string
		want int
	}{
		{"", map[string]string{"upper": "HELLO", "other/length": "5\n"}, 0},
		{"upper", map[string]string{"upper": "HELLO"}, 0},
		{"", map[string]string{"upper": "HELLO"}, 1},
		{"", map[string]string{"upper": "hello", "other/length": "5", "new": "x"}, 2},
		{"other/", map[string]string{}, 1},
	} {
		if got := compare(a, c.owns, c.got); len(got) != c.want {
			t.Errorf("compare(owns %q, %v): %d differences, want %d:\n%s", c.owns, c.got, len(got), c.want, strings.Join(got, "\n"))
		}
	}
}

func TestUpdateTouchesOnlyItsOwn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shout.txtar")
	c := &Case{Path: path, archive: txtar.Parse([]byte(archive))}
	if err := update(c, "upper", map[string]string{"upper": "HELLO!", "upper2": "x"}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(archive, "HELLO\n", "HELLO!\n", 1) + "-- out/upper2 --\nx\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	if err := update(c, "upper", map[string]string{"upper": "a\n-- b --\n"}); err == nil {
		t.Error("a text with a file marker was written")
	}
}
