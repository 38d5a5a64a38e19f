package catalog

import (
	"fmt"
	"slices"

	"github.com/engine-build/engine/catalog/changes"
	"github.com/engine-build/engine/catalog/content"
)

// Options say what a site has besides the catalog itself.
type Options struct {
	// Changes are those since an earlier build; the site then has a page of them. Their numbers of
	// nodes are those of the catalog. nil: nothing is said of changes.
	Changes *changes.Changes
	// Pages and Files are made by other rooms: the differences to an earlier build, the viewer
	// of lots and runs. A path that the site has already is an error of the caller and panics.
	Pages []Page
	Files []File
	// Maker tells the program that makes the site from other versions of it. Without it Refresh
	// makes everything.
	Maker string
}

// Page is a page that another room fills; the site puts its frame around it.
type Page struct {
	Path    string // relative to the root, with slashes: «changes.html», «material/index.html»
	Title   string
	Section string // the name of its entry in the navigation, empty for none
	// Scripts are names of bundles it needs besides that of every page: «material».
	Scripts []string
	// Body writes what is inside <main>; base leads from the page to the root: "" or "../".
	Body func(base string) []byte
}

// File is a file that is no page. Where Make is set it gives the content, the same each time,
// when it is asked for; several may be asked for at once.
type File struct {
	Path string
	Body []byte
	Make func() []byte
}

// Site is a site that is ready to be written. It holds what to make, not the pages. The same
// catalog and options give the same bytes.
type Site struct {
	book   *book
	jobs   []job // by path
	number map[string]int
	most   int // bytes of a single file
}

// job is one file to make: a page, or bytes.
type job struct {
	path string
	view func(base string) view
	body func() []byte // of a file that is no page
	// passing files are made by Refresh each time: they tell of runs, or other rooms make them.
	passing bool
}

// Build prepares the site of a catalog.
func Build(c *content.Catalog, o Options) *Site {
	b := newBook(c, o)
	s := &Site{book: b, jobs: b.allJobs(), number: map[string]int{}, most: MaxSingle}
	slices.SortFunc(s.jobs, func(x, y job) int { return compare(x.path, y.path) })
	passing := map[string]bool{}
	for _, p := range o.Pages {
		passing[p.Path] = true
	}
	for _, f := range o.Files {
		passing[f.Path] = true
	}
	for i, j := range s.jobs {
		s.jobs[i].passing = passing[j.path] || tellsOfRuns(j.path)
		if _, twice := s.number[j.path]; twice {
			panic(fmt.Sprintf("catalog: two files are called %s", j.path)) // slugs are distinct, see slug.go
		}
		s.number[j.path] = i
	}
	return s
}

// Paths lists the files, sorted.
func (s *Site) Paths() []string {
	out := make([]string, len(s.jobs))
	for i, j := range s.jobs {
		out[i] = j.path
	}
	return out
}

// File makes one file; false if the site has none of that path.
func (s *Site) File(path string) ([]byte, bool) {
	i, ok := s.number[path]
	if !ok {
		return nil, false
	}
	return slices.Clone(s.render(&s.jobs[i], &scratch{})), true
}

// render makes a file; the bytes are good until scratch is used again.
func (s *Site) render(j *job, scratch *scratch) []byte {
	if j.view == nil {
		return j.body()
	}
	return s.book.page(j, scratch)
}
