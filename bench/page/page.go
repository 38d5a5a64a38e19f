package page

import (
	"fmt"
	"os"
	"strings"
)

// cut is what stands before and behind the part of that name, with its comments.
func cut(path, name string) (before, behind string, err error) {
	begins, ends := "<!-- "+name+" -->\n", "<!-- end of "+name+" -->\n"
	data, err := os.ReadFile(path)
	if err != nil {
		return "", "", err
	}
	before, rest, ok := strings.Cut(string(data), begins)
	_, behind, whole := strings.Cut(rest, ends)
	if !ok || !whole {
		return "", "", fmt.Errorf("%s has no lines %s and %s", path, strings.TrimSpace(begins), strings.TrimSpace(ends))
	}
	return before + begins, ends + behind, nil
}

// Check says whether the page has the part, before something is measured for it.
func Check(path, name string) error {
	_, _, err := cut(path, name)
	return err
}

// Write replaces the part by text, which ends with a line break.
func Write(path, name, text string) error {
	before, behind, err := cut(path, name)
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(before+"\n"+text+"\n"+behind), 0o644)
}
