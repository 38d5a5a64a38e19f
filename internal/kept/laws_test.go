package kept

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// worth is the one right value of a key: whatever happens to a file, another is never found.
func worth(version string, key, size int) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "%s value of %d ", version, key), 1+size)
}

func name(key int) string { return fmt.Sprintf("key %d", key) }

// look opens the file and fails where it has a wrong value; it returns how many there are.
func look(t *testing.T, path, version string, keys, size int) int {
	t.Helper()
	s, found := Open(path, version), 0
	for key := range keys {
		v, ok := s.Get(name(key))
		if !ok {
			continue
		}
		found++
		if !bytes.Equal(v, worth(version, key, size)) {
			t.Fatalf("%s is %q", name(key), v)
		}
	}
	return found
}

func filled(t *testing.T, path, version string, keys, size int) []byte {
	t.Helper()
	s := Open(path, version)
	for key := range keys {
		s.Put(name(key), worth(version, key, size))
	}
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestEveryBit: with any one bit of the file turned, what is found is right, and the file is
// mended by the next that has something new.
func TestEveryBit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kept")
	data := filled(t, path, "v", 5, 1)
	for i := range data {
		for bit := range 8 {
			broken := bytes.Clone(data)
			broken[i] ^= 1 << bit
			if err := os.WriteFile(path, broken, 0o600); err != nil {
				t.Fatal(err)
			}
			if n := look(t, path, "v", 5, 1); n == 5 {
				t.Fatalf("bit %d of byte %d is turned and nothing is lost", bit, i)
			}
		}
		filled(t, path, "v", 5, 1)
		if n := look(t, path, "v", 5, 1); n != 5 {
			t.Fatalf("byte %d: the mended file has %d of 5", i, n)
		}
	}
}

// TestDamage: blocks of zeros as they are left by a loss of power, of noise, of an older state,
// pieces put elsewhere, and files of nothing else.
func TestDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kept")
	data := filled(t, path, "v", 40, 3)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range 400 {
		broken := bytes.Clone(data)
		at := r.IntN(len(broken))
		block := broken[at : at+r.IntN(len(broken)-at)]
		switch i % 4 {
		case 0:
			clear(block)
		case 1:
			for j := range block {
				block[j] = byte(r.Uint32())
			}
		case 2:
			copy(block, data[r.IntN(len(data)):])
		case 3:
			broken = append(broken, make([]byte, r.IntN(100))...)
		}
		if err := os.WriteFile(path, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		look(t, path, "v", 40, 3)
		s := Open(path, "v")
		s.Put("new", []byte("x"))
		if err := s.Save(); err != nil {
			t.Fatal(err)
		}
		if _, ok := Open(path, "v").Get("new"); !ok {
			t.Fatalf("damage %d: what was put behind it is not found", i)
		}
	}
}

// TestTwoVersions: a process that opened a file before another version replaced it does not mix
// its records with those.
func TestTwoVersions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kept")
	filled(t, path, "one", 3, 1)
	old := Open(path, "one")
	filled(t, path, "two", 4, 1)
	if n := look(t, path, "two", 5, 1); n != 4 {
		t.Fatalf("the newer version has %d of 4", n)
	}
	old.Put(name(4), worth("one", 4, 1))
	if err := old.Save(); err != nil {
		t.Fatal(err)
	}
	look(t, path, "two", 5, 1)
	if n := look(t, path, "one", 5, 1); n != 4 {
		t.Errorf("the older version has %d of its 4", n)
	}
}

// TestGone: the file is deleted while it is open.
func TestGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kept")
	filled(t, path, "v", 3, 1)
	s := Open(path, "v")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	s.Put(name(3), worth("v", 3, 1))
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	if n := look(t, path, "v", 4, 1); n != 4 {
		t.Errorf("%d of 4 are there", n)
	}
}

// TestSize: the file stays below its bound however often something new is put, what is used
// stays, and of the rest the newest.
func TestSize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kept")
	value := bytes.Repeat([]byte("x"), 1<<20)
	largest := int64(0)
	for round := range 20 {
		s := Open(path, "v")
		_, used := s.Get("used")
		if round > 0 && !used {
			t.Fatalf("round %d: what every run uses is lost", round)
		}
		if round == 0 {
			s.Put("used", []byte("always"))
		}
		for i := range 7 {
			s.Put(fmt.Sprint(round, " ", i), value)
		}
		if err := s.Save(); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		largest = max(largest, info.Size())
		if _, ok := Open(path, "v").Get(fmt.Sprint(round, " ", 0)); !ok {
			t.Fatalf("round %d: what was put last is not there", round)
		}
	}
	if largest > limit+8<<20 || largest < limit/2 {
		t.Errorf("the file was of %d MB", largest>>20)
	}
	s := Open(path, "v")
	if _, ok := s.Get("0 0"); ok {
		t.Error("the oldest is still there")
	}
	if _, ok := s.Get("18 0"); !ok {
		t.Error("the run before the last has lost its values to older ones")
	}
}

// TestNoFile: what is no file of this room is as empty, and not waited for.
func TestNoFile(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "folder")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	huge := filepath.Join(dir, "huge")
	if err := os.WriteFile(huge, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(huge, most+1); err != nil { // holes only
		t.Fatal(err)
	}
	for _, path := range []string{folder, huge, os.DevNull, filepath.Join(folder, "no", "where")} {
		s := Open(path, "v")
		if _, ok := s.Get("a"); ok {
			t.Errorf("%s holds something", path)
		}
	}
	if err := func() error { s := Open(huge, "v"); s.Put("a", []byte("x")); return s.Save() }(); err != nil {
		t.Fatal(err)
	}
	if v, ok := Open(huge, "v").Get("a"); !ok || string(v) != "x" {
		t.Error("a file that is too large is not replaced")
	}
}
