package catalog

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"time"
)

// sealName is the file that says of what the site in a directory was made, and how its files were left.
const sealName = ".engine-catalog-seal"

// Refresh is Write for a directory that may have the site already. Where an earlier Write, or
// Refresh, of the same engine made it of the same catalog, and no file was touched since, only
// the pages that tell of runs are made; else all are. The files are those that Write leaves.
func (s *Site) Refresh(dir string) error {
	fresh, err := s.refresh(dir)
	if err != nil || fresh {
		return err
	}
	return s.Write(dir)
}

// refresh reports whether the site was sound, and is now what it should be.
func (s *Site) refresh(dir string) (bool, error) {
	digest := s.digest()
	if digest == "" {
		return false, nil
	}
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("open %s: %w", dir, err)
	}
	defer root.Close()
	have, err := root.ReadFile(sealName)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read %s in %s: %w", sealName, dir, err)
	}
	marks, err := s.look(root)
	if err != nil || string(have) != seal(digest, s, marks) {
		return false, nil // Write says what is wrong with a file that cannot be looked at
	}
	owned, err := readList(root)
	if err != nil || len(owned) != len(s.jobs) {
		return false, nil
	}
	var order [3][]int
	for i := range s.jobs {
		if !owned[s.jobs[i].path] {
			return false, nil
		}
		if s.jobs[i].passing {
			order[stage(s.jobs[i].path)] = append(order[stage(s.jobs[i].path)], i)
		}
	}
	if err := sweep(root); err != nil {
		return false, fmt.Errorf("remove what an interrupted write left in %s: %w", dir, err)
	}
	for _, jobs := range order {
		if err := s.writeStage(root, dir, jobs, nil); err != nil {
			return false, err
		}
	}
	return true, nil
}

// mark is how a file was left: whoever touches it changes that.
type mark struct {
	size int64
	at   time.Time
}

func markOf(info fs.FileInfo) mark { return mark{info.Size(), info.ModTime()} }

// look takes the marks of the files that a seal is about; the others have none.
func (s *Site) look(root *os.Root) ([]mark, error) {
	marks := make([]mark, len(s.jobs))
	folders := map[string]*os.Root{}
	defer func() {
		for _, f := range folders {
			_ = f.Close()
		}
	}()
	for i := range s.jobs {
		if s.jobs[i].passing {
			continue
		}
		// A folder that is opened once need not be looked up for each of its files.
		folder, name := filepath.Split(filepath.FromSlash(s.jobs[i].path))
		in := root
		if folder != "" {
			if in = folders[folder]; in == nil {
				opened, err := root.OpenRoot(folder)
				if err != nil {
					return nil, err
				}
				in, folders[folder] = opened, opened
			}
		}
		info, err := in.Lstat(name)
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() {
			return nil, fs.ErrInvalid
		}
		marks[i] = markOf(info)
	}
	return marks, nil
}

// seal is the text of the seal of a site whose files were left so.
func seal(digest string, s *Site, marks []mark) string {
	h := sha256.New()
	var b []byte
	for i := range s.jobs {
		if s.jobs[i].passing {
			continue
		}
		b = append(b[:0], s.jobs[i].path...)
		b = append(b, 0)
		b = binary.BigEndian.AppendUint64(b, uint64(marks[i].size))
		b = binary.BigEndian.AppendUint64(b, uint64(marks[i].at.UnixNano()))
		_, _ = h.Write(b)
	}
	return "# what this site was made of, and how its files were left; without this file all are made anew\n" + digest + "\n" + hex.EncodeToString(h.Sum(nil)) + "\n"
}

// tellsOfRuns reports whether a page is another one after each run.
func tellsOfRuns(path string) bool {
	return path == "index.html" || path == "runs.html" || path == "tests.html"
}

// digest is of all that the files depend on which are not passing; empty where the site
// cannot be known again.
func (s *Site) digest() string {
	o, c := s.book.o, *s.book.c
	if o.Maker == "" || o.Changes != nil {
		return ""
	}
	// Of the time a page knows which deprecated nodes should have been left by then, and of the
	// runs all know whether there are any.
	var past []bool
	for _, n := range c.Nodes {
		past = append(past, !n.Deprecated.IsZero() && !n.Deprecated.After(c.Generated))
	}
	runs := len(c.Runs) > 0
	c.Generated, c.Runs = time.Time{}, nil
	d := digester{h: sha256.New()}
	d.text(o.Maker)
	d.value(reflect.ValueOf(past))
	d.value(reflect.ValueOf(runs))
	for _, p := range o.Pages { // they are in the navigation of every page
		d.text(p.Path)
		d.text(p.Title)
		d.text(p.Section)
	}
	d.value(reflect.ValueOf(&c))
	d.flush()
	return hex.EncodeToString(d.h.Sum(nil))
}

// digester feeds values into a hash, with their lengths, so that no two differ unseen.
type digester struct {
	h   hash.Hash
	buf []byte
}

func (d *digester) flush() {
	_, _ = d.h.Write(d.buf)
	d.buf = d.buf[:0]
}

func (d *digester) number(n uint64) { d.buf = binary.AppendUvarint(d.buf, n) }

func (d *digester) text(s string) {
	d.number(uint64(len(s)))
	d.buf = append(d.buf, s...)
	if len(d.buf) > 1<<15 {
		d.flush()
	}
}

var timeType = reflect.TypeFor[time.Time]()

// value feeds all that can be reached from a value. The content of a catalog is a tree of plain
// values: no maps, functions or cycles.
func (d *digester) value(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		d.text(v.String())
	case reflect.Bool:
		n := uint64(0)
		if v.Bool() {
			n = 1
		}
		d.number(n)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		d.number(uint64(v.Int()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		d.number(v.Uint())
	case reflect.Float32, reflect.Float64:
		d.number(math.Float64bits(v.Float()))
	case reflect.Pointer:
		if v.IsNil() {
			d.number(0)
			return
		}
		d.number(1)
		d.value(v.Elem())
	case reflect.Slice:
		// Nothing and none at all look the same on a page, but for the few where nil means something.
		n := uint64(0)
		if !v.IsNil() {
			n = uint64(v.Len()) + 1
		}
		d.number(n)
		for i := range v.Len() {
			d.value(v.Index(i))
		}
	case reflect.Struct:
		if v.Type() == timeType {
			t := v.Interface().(time.Time)
			d.number(uint64(t.Unix()))
			d.number(uint64(t.Nanosecond()))
			return
		}
		for i := range v.NumField() {
			d.value(v.Field(i))
		}
	default:
		panic(fmt.Sprintf("catalog: a content of %s has no digest", v.Type()))
	}
	if len(d.buf) > 1<<15 {
		d.flush()
	}
}
