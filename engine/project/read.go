package project

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/source"
)

// maxFile bounds text files, so that a dump that lies in the wrong folder is reported
// instead of read.
const maxFile = 64 << 20

// chunk is how much of a file is read at once: of a seed, no more is in memory while it
// is hashed.
const chunk = 256 << 10

// loaded is what reading one entry gave. One goroutine writes it.
type loaded struct {
	entry
	file *source.File
	ok   bool // file holds the text
	seed *Seed
	part *part // of a properties file
	docs []*Doc
	list diag.List
}

// readAll reads the entries on all processors. The results are in the order of entries.
func readAll(dir string, entries []entry, from *reading) []loaded {
	out := make([]loaded, len(entries))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(len(entries), runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(entries) {
					return
				}
				out[i].entry = entries[i]
				from.read(&out[i], dir)
			}
		})
	}
	wg.Wait()
	return out
}

func (l *loaded) read(dir string, from *reading) {
	l.open(dir, from)
	l.parse()
}

// open reads the text of an entry, or looks at a seed.
func (l *loaded) open(dir string, from *reading) {
	abs := filepath.Join(dir, filepath.FromSlash(l.path))
	if l.trade == tradeSeeds && !isText(l.path) {
		l.readSeed(abs)
		return
	}
	var list diag.List
	if text, open := from.buffer(l.path); open {
		l.file, l.ok, list = textFile(l.path, text)
	} else {
		l.file, l.ok, list = readFile(abs, l.path)
	}
	l.list.Add(list...)
}

// parse takes the text of an entry apart.
func (l *loaded) parse() {
	if !l.ok || l.seed != nil {
		return
	}
	var list diag.List
	switch extension(l.path) {
	case "yml", "yaml":
		var doc *document
		doc, list = parseYAML(l.file)
		part := readProps(doc)
		l.part = &part
	case "md":
		l.docs, list = readDocs(l.file)
	}
	l.list.Add(list...)
}

func isText(p string) bool {
	switch extension(p) {
	case "yml", "yaml", "md":
		return true
	}
	return false
}

// readFile reads a text file without its byte order mark. ok is false when the text
// cannot be used, which has then been reported; the file exists in any case.
func readFile(abs, rel string) (f *source.File, ok bool, list diag.List) {
	data, size, err := slurp(abs)
	if err != nil {
		f = source.NewFile(rel, nil)
		return f, false, diag.List{fileUnreadable(f.Whole(), "file", err)}
	}
	if size > maxFile {
		f = source.NewFile(rel, nil)
		return f, false, diag.List{fileLarge(f.Whole(), size)}
	}
	return textFile(rel, data)
}

// trimMark is text without a byte order mark.
func trimMark(text []byte) []byte { return bytes.TrimPrefix(text, []byte("\xEF\xBB\xBF")) }

// textFile is the file of a text.
func textFile(rel string, data []byte) (f *source.File, ok bool, list diag.List) {
	utf16 := bytes.HasPrefix(data, []byte{0xFF, 0xFE}) || bytes.HasPrefix(data, []byte{0xFE, 0xFF})
	f = source.NewFile(rel, trimMark(data))
	if utf8.Valid(f.Data) {
		return f, true, nil
	}
	off := firstInvalid(f.Data)
	return f, false, diag.List{fileEncoding(f.Span(off, off+1), utf16)}
}

// readNamed is readFile for a file whose kind nobody has looked at yet. Opening a pipe would
// wait for whoever writes into it.
func readNamed(abs, rel string) (f *source.File, ok bool, list diag.List) {
	if info, err := os.Stat(abs); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		f = source.NewFile(rel, nil)
		return f, false, diag.List{fileSpecial(f.Whole())}
	}
	return readFile(abs, rel)
}

// buffers are shared by the goroutines that read files.
var buffers = sync.Pool{New: func() any { b := make([]byte, chunk); return &b }}

// slurp reads a whole file unless it is too large, for which only the size is returned.
func slurp(abs string) (data []byte, size int64, err error) {
	f, err := os.Open(abs)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	// Most files fit into a buffer; their size need not be asked for.
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	n, err := io.ReadFull(f, *buf)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		data = append(make([]byte, 0, n), (*buf)[:n]...)
		return data, int64(n), nil
	}
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if info.Size() > maxFile {
		return nil, info.Size(), nil
	}
	// One byte more than expected lets the end of the file be seen without growing.
	data = append(make([]byte, 0, max(info.Size(), chunk)+1), *buf...)
	n, err = io.ReadFull(f, data[len(data):cap(data)])
	data = data[:len(data)+n]
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return slices.Clip(data), int64(len(data)), nil
	}
	if err != nil {
		return nil, 0, err
	}
	// The file grew since we asked for its size.
	rest, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	data = append(data, rest...)
	return data, int64(len(data)), err
}

func firstInvalid(data []byte) int {
	for off := 0; off < len(data); {
		r, size := utf8.DecodeRune(data[off:])
		if r == utf8.RuneError && size == 1 {
			return off
		}
		off += size
	}
	return len(data)
}

// readSeed looks at a data file without reading it: its content stays on disk, and its
// hash is taken when somebody asks for it.
func (l *loaded) readSeed(abs string) {
	l.file = source.NewFile(l.path, nil)
	f, err := os.Open(abs)
	if err != nil {
		l.list.Add(fileUnreadable(l.file.Whole(), "seed", err))
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		l.list.Add(fileUnreadable(l.file.Whole(), "seed", err))
		return
	}
	if info.Size() == 0 {
		l.list.Add(seedEmpty(l.file.Whole()))
	}
	l.ok = true
	l.seed = &Seed{Name: stem(l.path), Path: l.path, Format: extension(l.path), Size: info.Size(), Stamp: stamp(info), At: l.file.Whole(), abs: abs}
}

// Hash is the hex SHA-256 of the content. The first call reads the file, unless Trust came
// before; a file that cannot be read any more has none. Safe for concurrent use.
func (s *Seed) Hash() string {
	s.once.Do(func() {
		if s.hash == "" && s.abs != "" {
			s.hash = hashOf(s.abs)
		}
	})
	return s.hash
}

// Trust sets the hash that the content is known to have, because a file with this Stamp
// had it. It must come before the first Hash.
func (s *Seed) Trust(hash string) { s.hash = hash }

// hashOf reads a file as a stream. Loading has opened it: whatever is wrong now shows when
// the seed is loaded.
func hashOf(abs string) string {
	f, err := os.Open(abs)
	if err != nil {
		return ""
	}
	defer f.Close()
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	h := sha256.New()
	if _, err := io.CopyBuffer(onlyWriter{h}, onlyReader{f}, *buf); err != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))
}

// onlyReader and onlyWriter hide methods that make CopyBuffer bypass its buffer.
type onlyReader struct{ io.Reader }
type onlyWriter struct{ io.Writer }
