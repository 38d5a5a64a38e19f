//go:build unix

package kept

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// child is the variable that makes the test program a process that uses a file: its path.
const child = "ENGINE_KEPT_CHILD"

// TestMain is a process of TestProcesses where that asks for it: it reads and adds, again and
// again, and ends with 3 where it finds a wrong value.
func TestMain(m *testing.M) {
	path := os.Getenv(child)
	if path == "" {
		os.Exit(m.Run())
	}
	version := os.Getenv(child + "_VERSION")
	if n, _ := strconv.Atoi(os.Getenv(child + "_LIMIT")); n > 0 {
		// A disk with room for n bytes: a longer write is cut and refused.
		signal.Ignore(syscall.SIGXFSZ)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: uint64(n), Max: uint64(n)}); err != nil {
			os.Exit(4)
		}
	}
	rounds, _ := strconv.Atoi(os.Getenv(child + "_ROUNDS"))
	for range rounds {
		s := Open(path, version)
		for range 20 {
			key := rand.IntN(keys)
			if v, ok := s.Get(name(key)); !ok {
				s.Put(name(key), worth(version, key, size))
			} else if string(v) != string(worth(version, key, size)) {
				os.Exit(3)
			}
		}
		_ = s.Save() // as the engine does: it costs time and nothing else
	}
	os.Exit(0)
}

// keys and size of the values of TestProcesses.
const keys, size = 300, 40

func spawn(t *testing.T, path, version string, rounds, limit int) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), child+"="+path, child+"_VERSION="+version, child+"_ROUNDS="+strconv.Itoa(rounds), child+"_LIMIT="+strconv.Itoa(limit))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// TestProcesses: many processes use one file at once, of two versions of the program, some on a
// full disk, some killed in the middle. Nobody ever finds a wrong value, and afterwards the
// file works.
func TestProcesses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "kept")
	r := rand.New(rand.NewPCG(2, 2))
	for round := range 6 {
		var all, killed []*exec.Cmd
		for i := range 4 {
			all = append(all, spawn(t, path, []string{"one", "two"}[i*round%2], 25, []int{0, 0, 20_000}[(i+round)%3]))
		}
		for range 3 {
			killed = append(killed, spawn(t, path, "one", 1_000_000, 0))
		}
		for _, cmd := range killed {
			time.Sleep(time.Duration(r.IntN(40)) * time.Millisecond)
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() == 3 {
				t.Fatalf("a process that was to be killed ended: %v", err)
			}
		}
		for _, cmd := range all {
			if err := cmd.Wait(); err != nil {
				t.Fatalf("a process found a wrong value: %v", err)
			}
		}
		look(t, path, "one", keys, size)
		look(t, path, "two", keys, size)
		filled(t, path, "one", keys, size)
		if n := look(t, path, "one", keys, size); n != keys {
			t.Fatalf("round %d: afterwards the file has %d of %d", round, n, keys)
		}
	}
}

// TestFullDisk: a write that is cut is refused and noticed, costs what it cut, and leaves what
// was there.
func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kept")
	before := filled(t, path, "v", 10, size)
	cmd := spawn(t, path, "v", 50, len(before)+1000)
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	s := Open(path, "v")
	for key := range 10 {
		if v, ok := s.Get(name(key)); !ok || string(v) != string(worth("v", key, size)) {
			t.Errorf("%s: %q %v", name(key), v, ok)
		}
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 1 {
		t.Errorf("%d files are left", len(left))
	}
}

// TestReadOnly: where nothing can be written what is there is read, and Save says why it is not
// kept.
func TestReadOnly(t *testing.T) {
	if os.Getuid() == 0 {
		// No folder is read-only for root; a folder in the file's place refuses it as well.
		path := filepath.Join(t.TempDir(), "kept")
		if err := os.MkdirAll(filepath.Join(path, "full"), 0o700); err != nil {
			t.Fatal(err)
		}
		s := Open(path, "v")
		s.Put("a", []byte("x"))
		if err := s.Save(); err == nil {
			t.Error("a folder was replaced by a file")
		}
		return
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "kept")
	filled(t, path, "v", 3, 1)
	for _, p := range []string{path, dir} {
		if err := os.Chmod(p, 0o500); err != nil {
			t.Fatal(err)
		}
	}
	defer os.Chmod(dir, 0o700) //nolint:errcheck // so that it can be deleted
	if n := look(t, path, "v", 3, 1); n != 3 {
		t.Errorf("%d of 3 are read", n)
	}
	s := Open(path, "v")
	s.Put("a", []byte("x"))
	if err := s.Save(); err == nil {
		t.Error("a file that cannot be written was")
	}
}
