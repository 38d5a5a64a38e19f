package lsp

import (
	"net/url"
	"path/filepath"
	"strings"
)

// pathOf is the file that a URI names; ok is false for all that are no files, as buffers
// without a name are.
func pathOf(uri string) (path string, ok bool) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "file" || u.Path == "" {
		return "", false
	}
	p := u.Path
	if u.Host != "" && u.Host != "localhost" { // \\host\share
		return filepath.FromSlash("//" + u.Host + p), true
	}
	if drive(strings.TrimPrefix(p, "/")) { // /c:/folder
		p = strings.ToUpper(p[1:2]) + p[2:]
	}
	return filepath.Clean(filepath.FromSlash(p)), true
}

func drive(p string) bool {
	return len(p) >= 2 && p[1] == ':' && ('a' <= p[0]|0x20 && p[0]|0x20 <= 'z')
}

// uriOf names a file, escaped as editors do it.
func uriOf(path string) string {
	p := filepath.ToSlash(path)
	host := ""
	switch {
	case strings.HasPrefix(p, "//"):
		host, p, _ = strings.Cut(p[2:], "/")
		p = "/" + p
	case drive(p):
		p = "/" + strings.ToLower(p[:1]) + p[1:]
	}
	parts := strings.Split(p, "/")
	for i, part := range parts {
		parts[i] = strings.ReplaceAll(url.PathEscape(part), ":", "%3A")
	}
	return "file://" + host + strings.Join(parts, "/")
}
