package project

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// Shelf keeps files that were read and parsed from one Load to the next, while somebody
// edits the project. A file is read again when the file system says that it has changed, and
// parsed again when its text has. Where it has not, the text is the same source.File. Safe for
// concurrent use.
type Shelf struct {
	mu    sync.Mutex
	files map[entry]shelved
	texts map[string]*source.File // those of the last LoadOver; nobody changes it
}

type shelved struct {
	loaded
	stamp string // of the file on disk; empty: it is not known to be what was read
}

// NewShelf is a Shelf with nothing on it.
func NewShelf() *Shelf { return &Shelf{files: map[entry]shelved{}} }

// Forget takes files off the Shelf, so that they are read again whatever the file system says.
func (s *Shelf) Forget(paths ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for e := range s.files {
		for _, p := range paths {
			if e.path == p {
				delete(s.files, e)
			}
		}
	}
}

// LoadOver is Load with texts in the place of files: those of an editor's buffers, by path.
// A text without a file is one. What else is read and parsed comes from the shelf where it is
// as it was; nil: everything is read.
func LoadOver(dir string, env func(string) (string, bool), buffers map[string][]byte, shelf *Shelf) (*Project, diag.List) {
	return loadFrom(dir, env, &reading{buffers: buffers, shelf: shelf})
}

// reading is where texts come from: buffers, a shelf, the disk. nil is the disk.
type reading struct {
	buffers map[string][]byte
	shelf   *Shelf
	one     *source.File            // the only buffer, instead of buffers
	byName  map[string]*source.File // what named has read over a shelf
}

// buffer is the text of an open file.
func (r *reading) buffer(rel string) ([]byte, bool) {
	if r == nil {
		return nil, false
	}
	text, ok := r.buffers[rel]
	return text, ok
}

// named reads a file that is known by its name.
func (r *reading) named(dir, rel string) (f *source.File, ok bool, list diag.List) {
	if r != nil && r.one != nil && r.one.Path == rel {
		return r.one, true, nil
	}
	if text, open := r.buffer(rel); open {
		f, ok, list = textFile(rel, text)
	} else {
		f, ok, list = readNamed(filepath.Join(dir, filepath.FromSlash(rel)), rel)
	}
	if ok && r != nil && r.shelf != nil {
		if had := r.shelf.Files()[rel]; had != nil && bytes.Equal(had.Data, f.Data) {
			f = had
		}
		if r.byName == nil {
			r.byName = map[string]*source.File{}
		}
		r.byName[rel] = f
	}
	return f, ok, list
}

// missing reports whether there is no such file.
func (r *reading) missing(dir, rel string) bool {
	if r != nil && r.one != nil && r.one.Path == rel {
		return false
	}
	if _, open := r.buffer(rel); open {
		return false
	}
	_, err := os.Stat(filepath.Join(dir, filepath.FromSlash(rel)))
	return os.IsNotExist(err)
}

// read fills in what an entry gives.
func (r *reading) read(l *loaded, dir string) {
	if r == nil || r.shelf == nil {
		l.read(dir, r)
		return
	}
	s := r.shelf
	s.mu.Lock()
	had, known := s.files[l.entry]
	s.mu.Unlock()
	text, open := r.buffer(l.path)
	at, same := "", false // same: the text is what it was
	if open {
		same = known && bytes.Equal(had.file.Data, trimMark(text))
	} else if info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(l.path))); err == nil {
		at = stamp(info)
		same = known && at != "" && at == had.stamp
	}
	if !same {
		if l.open(dir, r); !l.ok {
			s.mu.Lock()
			delete(s.files, l.entry)
			s.mu.Unlock()
			return
		}
		same = known && l.seed == nil && bytes.Equal(had.file.Data, l.file.Data)
	}
	switch {
	case l.seed != nil:
		return
	case same && had.lasting():
		*l = had.loaded
	case same: // what is made of it is not, see lasting; places stay in the same file
		*l = loaded{entry: l.entry, file: had.file, ok: true}
		l.parse()
	default:
		l.parse()
	}
	s.mu.Lock()
	s.files[l.entry] = shelved{*l, at}
	s.mu.Unlock()
}

// lasting reports whether what was read is not changed by what comes of other files, as
// versions, descriptions with docs blocks and rows in fixtures are.
func (l *loaded) lasting() bool {
	if !l.ok || l.seed != nil {
		return false
	}
	if l.part == nil {
		return true
	}
	if len(l.part.docs) > 0 {
		return false
	}
	for _, x := range l.part.props {
		if len(x.versions) > 0 || x.latestVersion.IsSet() {
			return false
		}
	}
	for _, u := range l.part.unitTests {
		if u.ExpectAs.Fixture.IsSet() {
			return false
		}
		for i := range u.Given {
			if u.Given[i].As.Fixture.IsSet() {
				return false
			}
		}
	}
	return true
}

// open adds the files that are buffers only, and takes none of those that are there.
func (w *walker) open(buffers map[string][]byte, roots []root) {
	if len(buffers) == 0 {
		return
	}
	there := make(map[string]bool, len(buffers))
	for _, e := range w.entries {
		if _, ok := buffers[e.path]; ok {
			there[e.path] = true
		}
	}
	for p := range buffers {
		if there[p] || p != path.Clean(p) || !utf8.ValidString(p) {
			continue
		}
		// Of roots inside of each other the narrowest has the file.
		var in root
		below, found := "", false
		for _, r := range roots {
			at := path.Clean(r.path)
			rest, ok := strings.CutPrefix(p, at+"/")
			if at == "." {
				rest, ok = p, true
			}
			if ok && (!found || len(at) > len(path.Clean(in.path))) {
				in, below, found = r, rest, true
			}
		}
		if !found || w.hidden(p, in) {
			continue
		}
		w.entries = append(w.entries, entry{in.trade, p, below})
	}
}

// hidden reports whether a folder on the way to a file is one that nobody reads.
func (w *walker) hidden(p string, in root) bool {
	for at := p; at != "." && at != "/" && at != path.Clean(in.path); at = path.Dir(at) {
		if strings.HasPrefix(path.Base(at), ".") || w.skip[at] {
			return true
		}
	}
	return false
}

// Files are the texts of the last LoadOver, by path: templates, properties, docs blocks, and
// engine.yml.
func (s *Shelf) Files() map[string]*source.File {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.texts
}

// settle takes off what is not there any more, and notes the texts that are.
func (s *Shelf) settle(read []loaded, settings *source.File) {
	texts := make(map[string]*source.File, len(read)+1)
	there := make(map[entry]bool, len(read))
	for i := range read {
		there[read[i].entry] = true
		if read[i].seed == nil && read[i].file != nil {
			texts[read[i].path] = read[i].file
		}
	}
	if settings != nil {
		texts[settings.Path] = settings
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for e := range s.files {
		if !there[e] {
			delete(s.files, e)
		}
	}
	s.texts = texts
}

// Check finds what is wrong in one file by itself: syntax, unknown keys, values that cannot
// be. Of engine.yml that is all that can be said without the folders that it configures.
func Check(dir string, env func(string) (string, bool), f *source.File) diag.List {
	switch extension(f.Path) {
	case "yml", "yaml":
	case "md":
		_, list := readDocs(f)
		return list.Sorted()
	default:
		return nil
	}
	over := &reading{one: f}
	var list diag.List
	switch f.Path {
	case settingsFile:
		_, _, list = readSettings(dir, dir, env, over)
	case SelectorsFile:
		_, list = readSelectors(dir, over)
	default:
		doc, found := parseYAML(f)
		list = append(found, readProps(doc).list...)
	}
	return slices.DeleteFunc(list, func(d diag.Diagnostic) bool { return d.At.File != f }).Sorted()
}
