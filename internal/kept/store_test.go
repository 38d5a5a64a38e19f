package kept

import (
	"os"
	"path/filepath"
	"testing"
)

func get(t *testing.T, s *Store, key, want string) {
	t.Helper()
	v, ok := s.Get(key)
	if string(v) != want || ok != (want != "") {
		t.Errorf("%s: %q %v, want %q", key, v, ok, want)
	}
}

func TestStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kept")
	s := Open(path, "1")
	get(t, s, "a", "")
	s.Put("a", []byte("one"))
	s.Put("b", []byte("two"))
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	s = Open(path, "1")
	get(t, s, "a", "one")
	s.Put("c", []byte("three"))
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	s = Open(path, "1")
	get(t, s, "b", "two")
	get(t, s, "c", "three")
	get(t, Open(path, "2"), "a", "")

	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// Cut anywhere, and with any byte flipped, what is read is right or absent.
	for n := range whole {
		for name, data := range map[string][]byte{"cut": whole[:n], "flipped": append(append(append([]byte(nil), whole[:n]...), whole[n]^0x55), whole[n+1:]...)} {
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			s := Open(path, "1")
			for key, want := range map[string]string{"a": "one", "b": "two", "c": "three"} {
				if v, ok := s.Get(key); ok && string(v) != want {
					t.Fatalf("%s at %d: %s is %q", name, n, key, v)
				}
			}
			s.Put("d", []byte("four"))
			if err := s.Save(); err != nil {
				t.Fatal(err)
			}
			get(t, Open(path, "1"), "d", "four")
		}
	}
}

func TestZeroStore(t *testing.T) {
	var s Store
	s.Put("a", []byte("x"))
	if _, ok := s.Get("a"); ok {
		t.Error("the zero store kept something")
	}
	if err := s.Save(); err != nil {
		t.Error(err)
	}
}
