package browse

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// Place is where a site is opened from. Nothing outside of Base belongs to it.
type Place struct {
	Name string // file, http, subpath
	Base string // ends in a slash
}

// URL is the address of a page, «model/orders.html#columns».
func (p *Place) URL(page string) string { return p.Base + page }

// Places opens the site in dir in all the ways it must work: from files, at the root of a server,
// and below a path of a server that sends the content policy of the pages as a header, with
// frame-ancestors, which only a header can say. The servers end with t.
func Places(t T, dir string) []*Place {
	t.Helper()
	return []*Place{File(t, dir), Root(t, dir), SubPath(t, dir)}
}

// File opens the site in dir from its files.
func File(t T, dir string) *Place {
	t.Helper()
	abs, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(abs) + "/"}
	return &Place{"file", u.String()}
}

// Root opens the site in dir from the root of a server.
func Root(t T, dir string) *Place {
	t.Helper()
	server := httptest.NewServer(Handler(dir))
	t.Cleanup(server.Close)
	return &Place{"http", server.URL + "/"}
}

// subPath has a space and a letter that addresses must escape.
const subPath = "/team x/catälog/v1/"

// SubPath opens the site in dir from below a path, under its content policy as a header.
func SubPath(t T, dir string) *Place {
	t.Helper()
	policy := Policy(t, dir)
	files := http.StripPrefix(strings.TrimSuffix(subPath, "/"), Handler(dir))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy+"; frame-ancestors 'none'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = subPath
	return &Place{"subpath", u.String()}
}

var policyTag = regexp.MustCompile(`<meta http-equiv="?Content-Security-Policy"? content="([^"]+)"`)

// Policy is the content policy in the entrance of the site in dir.
func Policy(t T, dir string) string {
	t.Helper()
	entrance, err := os.ReadFile(filepath.Join(dir, "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	found := policyTag.FindSubmatch(entrance)
	if found == nil {
		t.Fatal("index.html has no content policy")
	}
	return strings.NewReplacer("&#39;", "'", "&#34;", `"`, "&amp;", "&").Replace(string(found[1]))
}

// Handler serves the files of dir as hosts of static sites do: an index page for a folder, 404.html
// for what is missing, and text packed for those who take it.
func Handler(dir string) http.Handler {
	root := os.DirFS(dir)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
		if name == "" || strings.HasSuffix(r.URL.Path, "/") {
			name = path.Join(name, "index.html")
		}
		body, err := fs.ReadFile(root, name)
		status := http.StatusOK
		if err != nil {
			status = http.StatusNotFound
			name = "404.html"
			if body, err = fs.ReadFile(root, name); err != nil {
				http.Error(w, "not found", status)
				return
			}
		}
		kind := mime.TypeByExtension(path.Ext(name))
		if kind == "" {
			kind = "application/octet-stream"
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Cache-Control", "no-cache")
		if len(body) > 512 && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") && !strings.HasPrefix(kind, "image/") {
			var packed bytes.Buffer
			z := gzip.NewWriter(&packed)
			_, err1 := z.Write(body)
			err2 := z.Close()
			if err1 == nil && err2 == nil {
				w.Header().Set("Content-Encoding", "gzip")
				body = packed.Bytes()
			}
		}
		w.WriteHeader(status)
		_, _ = w.Write(body) // the browser may have gone on to another page
	})
}
