package kept

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/engine-build/engine/internal/atomicfile"
)

// Store is an open file of results. Safe for concurrent use. The zero Store keeps nothing.
type Store struct {
	path   string
	header []byte
	data   []byte // the file as it was opened

	mu    sync.Mutex
	at    map[string][]byte // values by key, in data or new
	used  map[string]bool   // keys asked for in this run
	fresh []byte            // records to append
	whole bool              // the file has to be written anew
}

// limit is the size in bytes above which a file that holds mostly values nobody asked for
// loses half of those, and most is what is read of a file at all.
const (
	limit = 64 << 20
	most  = 1 << 30
)

// record: length of key (1 byte), length of value (4), checksum of both and of what they
// are the lengths of (4), key, value.
const overhead = 9

// Open reads the file at path. Version says in what form values are; a file of another
// version, a missing and a broken one are the same as an empty one.
func Open(path, version string) *Store {
	s := &Store{path: path, header: []byte("engine kept 2 " + version + "\n"), at: map[string][]byte{}, used: map[string]bool{}}
	// A device would be read without an end.
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > most {
		s.whole = true
		return s
	}
	data, err := os.ReadFile(path)
	if err != nil || len(data) < len(s.header) || string(data[:len(s.header)]) != string(s.header) {
		s.whole = true
		return s
	}
	s.data = data
	s.whole = !records(data[len(s.header):], func(_, key, value []byte) { s.at[string(key)] = value })
	return s
}

// records calls f for each record up to the first that is not whole, and reports whether
// all are.
func records(rest []byte, f func(record, key, value []byte)) bool {
	for len(rest) > 0 {
		if len(rest) < overhead {
			return false
		}
		k, v := int(rest[0]), int(binary.LittleEndian.Uint32(rest[1:]))
		if v < 0 || v > most || len(rest)-overhead < k+v {
			return false
		}
		key, value := rest[overhead:overhead+k], rest[overhead+k:overhead+k+v:overhead+k+v]
		if checksum(rest[:5], rest[overhead:overhead+k+v]) != binary.LittleEndian.Uint32(rest[5:]) {
			return false
		}
		f(rest[:overhead+k+v], key, value)
		rest = rest[overhead+k+v:]
	}
	return true
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is of the parts one behind the other. A block of zeros, as a file system may leave
// it where power was lost, has another.
func checksum(parts ...[]byte) uint32 {
	var sum uint32
	for _, p := range parts {
		sum = crc32.Update(sum, castagnoli, p)
	}
	return sum
}

// Get finds the value of a key. The caller must not change it.
func (s *Store) Get(key string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.at[key]
	if ok {
		s.used[key] = true
	}
	return v, ok
}

// Put keeps a value under a key of at most 255 bytes; longer ones are not kept.
func (s *Store) Put(key string, value []byte) {
	if len(key) > 255 || len(value) > most/4 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at == nil {
		return
	}
	s.at[key] = value
	s.used[key] = true
	s.fresh = appendRecord(s.fresh, key, value)
}

func appendRecord(b []byte, key string, value []byte) []byte {
	lengths := binary.LittleEndian.AppendUint32([]byte{byte(len(key))}, uint32(len(value)))
	b = append(b, lengths...)
	b = binary.LittleEndian.AppendUint32(b, checksum(lengths, []byte(key), value))
	return append(append(b, key...), value...)
}

// Save writes what is new. Where the folder of the file does not exist nothing is kept:
// looking at a project makes nothing.
func (s *Store) Save() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.path == "" || len(s.fresh) == 0 {
		return nil
	}
	if _, err := os.Stat(filepath.Dir(s.path)); err != nil {
		return nil
	}
	if s.whole || s.grown() {
		return s.rewrite()
	}
	return s.append()
}

// live is the size in bytes of what this run used.
func (s *Store) live() int {
	live := 0
	for key := range s.used {
		live += overhead + len(key) + len(s.at[key])
	}
	return live
}

// grown reports whether the file is too large for what is used of it.
func (s *Store) grown() bool {
	size := len(s.data) + len(s.fresh)
	return size > limit && size > 4*s.live()
}

// append writes behind what is there. A process of another version may have replaced the file
// since it was opened: then it is replaced once more, because records of two versions in one
// file would be taken for each other's.
func (s *Store) append() error {
	f, err := os.OpenFile(s.path, os.O_APPEND|os.O_RDWR, 0)
	if err != nil {
		if os.IsNotExist(err) { // somebody cleaned up meanwhile
			return s.rewrite()
		}
		return fmt.Errorf("open %s: %w", s.path, err)
	}
	header := make([]byte, len(s.header))
	if _, err := io.ReadFull(f, header); err != nil || string(header) != string(s.header) {
		f.Close()
		return s.rewrite()
	}
	if _, err := f.Write(s.fresh); err != nil {
		f.Close()
		return fmt.Errorf("write %s: %w", s.path, err)
	}
	s.fresh = nil
	return f.Close()
}

// rewrite replaces the file by one with each value once. If the file is too large, what this
// run did not use stays from the newest on, up to half.
func (s *Store) rewrite() error {
	type entry struct{ key, record []byte }
	var all []entry
	collect := func(record, key, _ []byte) { all = append(all, entry{key, record}) }
	if len(s.data) > 0 {
		records(s.data[len(s.header):], collect)
	}
	records(s.fresh, collect)
	room := most
	if s.grown() {
		room = (len(s.data) + len(s.fresh)) / 2
	}
	seen, size := make(map[string]bool, len(all)), len(s.header)
	var chosen []entry
	for _, e := range slices.Backward(all) {
		if seen[string(e.key)] || !s.used[string(e.key)] && size+len(e.record) > room {
			continue
		}
		seen[string(e.key)] = true
		size += len(e.record)
		chosen = append(chosen, e)
	}
	b := append(make([]byte, 0, size), s.header...)
	for _, e := range slices.Backward(chosen) {
		b = append(b, e.record...)
	}
	if err := atomicfile.Write(s.path, b); err != nil {
		return err
	}
	s.data, s.fresh, s.whole = b, nil, false
	return nil
}
