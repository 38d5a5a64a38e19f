package web

import (
	"regexp"
	"testing"
)

func TestFiles(t *testing.T) {
	hashed := regexp.MustCompile(`^a/[a-z]+\.[0-9a-f]{10}\.(js|css)$`)
	for _, f := range Files() {
		if !hashed.MatchString(f.Path) {
			t.Errorf("path %s", f.Path)
		}
		if len(f.Body) == 0 {
			t.Errorf("%s is empty", f.Path)
		}
	}
	for _, name := range []string{"app.js", "explore.js", "material.js", "theme.js", "site.css"} {
		if Path(name) == "" {
			t.Errorf("%s has no path", name)
		}
	}
	if p := Path("app.css"); p != "" {
		t.Errorf("app.css has the path %s", p)
	}
}
