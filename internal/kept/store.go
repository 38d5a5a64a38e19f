package kept

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
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
// is written anew with those that were.
const limit = 64 << 20

// record: length of key (1 byte), length of value (4), checksum of both (4), key, value.
const overhead = 9

// Open reads the file at path. Version says in what form values are; a file of another
// version, a missing and a broken one are the same as an empty one.
func Open(path, version string) *Store {
	s := &Store{path: path, header: []byte("engine kept " + version + "\n"), at: map[string][]byte{}, used: map[string]bool{}}
	data, err := os.ReadFile(path)
	if err != nil || len(data) < len(s.header) || string(data[:len(s.header)]) != string(s.header) {
		s.whole = true
		return s
	}
	s.data = data
	rest := data[len(s.header):]
	for len(rest) > 0 {
		if len(rest) < overhead {
			s.whole = true
			break
		}
		k, v := int(rest[0]), int(binary.LittleEndian.Uint32(rest[1:]))
		if v < 0 || len(rest)-overhead < k+v || crc32.Checksum(rest[overhead:overhead+k+v], castagnoli) != binary.LittleEndian.Uint32(rest[5:]) {
			s.whole = true
			break
		}
		s.at[string(rest[overhead:overhead+k])] = rest[overhead+k : overhead+k+v : overhead+k+v]
		rest = rest[overhead+k+v:]
	}
	return s
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

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
	if len(key) > 255 || len(value) > 1<<30 {
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
	b = append(b, byte(len(key)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(value)))
	sum := crc32.Update(crc32.Checksum([]byte(key), castagnoli), castagnoli, value)
	b = binary.LittleEndian.AppendUint32(b, sum)
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
	live := 0
	for key := range s.used {
		live += overhead + len(key) + len(s.at[key])
	}
	if s.whole || len(s.data)+len(s.fresh) > limit && len(s.data)+len(s.fresh) > 4*live {
		return s.rewrite()
	}
	f, err := os.OpenFile(s.path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", s.path, err)
	}
	if _, err := f.Write(s.fresh); err != nil {
		f.Close()
		return fmt.Errorf("write %s: %w", s.path, err)
	}
	s.fresh = nil
	return f.Close()
}

// rewrite replaces the file by one with the values that this run used.
func (s *Store) rewrite() error {
	b := append([]byte(nil), s.header...)
	for key := range s.used {
		b = appendRecord(b, key, s.at[key])
	}
	if err := atomicfile.Write(s.path, b); err != nil {
		return err
	}
	s.fresh, s.whole = nil, false
	return nil
}
