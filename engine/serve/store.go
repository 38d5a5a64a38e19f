package serve

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-json"

	"github.com/engine-build/engine/internal/atomicfile"
)

// Store is the folder with the records: runs/<id>.json and runs/<id>.log, one pair a run, and
// schedules/<name>.json. Every file is written whole, so that processes share a folder and
// none reads half a record. To lose it loses the history and what was to be made up for; what
// has run already is in the warehouse, too (Claims).
type Store struct{ Dir string }

// memory is what is remembered of a schedule.
type memory struct {
	// When is what Job.due said: another one begins anew.
	When string `json:"when"`
	// Last is up to when due times have been dealt with, and of a schedule that follows
	// another one the successes of that one.
	Last time.Time `json:"last"`
	// Expect is the first due time that no run has succeeded for since, zero if there is none;
	// Told says that the webhook has taken the alert that it is late.
	Expect time.Time `json:"expect,omitzero"`
	Told   bool      `json:"told,omitempty"`
	// Failing is the signature of the failure that the webhook has taken last; empty: none
	// since the last recovery that it has taken.
	Failing string `json:"failing,omitempty"`
}

var runID = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$`)

func (s Store) runs() string { return filepath.Join(s.Dir, "runs") }

// save writes a record.
func (s Store) save(r *Run) error {
	return s.write(filepath.Join(s.runs(), r.ID+".json"), r)
}

func (s Store) write(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return atomicfile.Write(path, append(b, '\n'))
}

// Run reads a record; an error that is fs.ErrNotExist where there is none of that name.
func (s Store) Run(id string) (*Run, error) {
	if !runID.MatchString(id) {
		return nil, fmt.Errorf("run %q: %w", id, fs.ErrNotExist)
	}
	b, err := os.ReadFile(filepath.Join(s.runs(), id+".json"))
	if err != nil {
		return nil, fmt.Errorf("read the record of run %s: %w", id, err)
	}
	r := &Run{}
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("read the record of run %s: %w", id, err)
	}
	return r, nil
}

// ids are the names of all runs, the newest first.
func (s Store) ids() ([]string, error) {
	list, err := os.ReadDir(s.runs())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	var out []string
	for _, e := range list {
		if id, ok := strings.CutSuffix(e.Name(), ".json"); ok && runID.MatchString(id) {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	slices.Reverse(out)
	return out, nil
}

// List gives runs from the newest on, most of them at most, 0 for all. Records that cannot be
// read are left out: another process may remove them, and a broken one must not hide the rest.
func (s Store) List(most int) ([]*Run, error) {
	ids, err := s.ids()
	if err != nil {
		return nil, err
	}
	var out []*Run
	for _, id := range ids {
		if most > 0 && len(out) == most {
			break
		}
		if r, err := s.Run(id); err == nil {
			out = append(out, r)
		}
	}
	return out, nil
}

// prune removes the oldest runs beyond so many. Those that are not over stay.
func (s Store) prune(keep int) error {
	ids, err := s.ids()
	if err != nil || len(ids) <= keep {
		return err
	}
	for _, id := range ids[keep:] {
		if r, err := s.Run(id); err == nil && !r.Status.Over() {
			continue
		}
		for _, ending := range []string{".log", ".json"} {
			if err := os.Remove(filepath.Join(s.runs(), id+ending)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("remove run %s from the history: %w", id, err)
			}
		}
	}
	return nil
}

// log opens the log of a run to append to it.
func (s Store) log(id string) (*os.File, error) {
	if err := os.MkdirAll(s.runs(), 0o755); err != nil {
		return nil, fmt.Errorf("make the folder of the history: %w", err)
	}
	f, err := os.OpenFile(s.logPath(id), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the log of run %s: %w", id, err)
	}
	return f, nil
}

func (s Store) logPath(id string) string { return filepath.Join(s.runs(), id+".log") }

func (s Store) memoryPath(job string) string {
	return filepath.Join(s.Dir, "schedules", job+".json")
}

// recall reads what is remembered of a job. A job that is new, or is due at other times than
// it was, begins now: nothing is made up for.
func (s Store) recall(j *Job, now time.Time) (memory, error) {
	fresh := memory{When: j.due(), Last: now}
	b, err := os.ReadFile(s.memoryPath(j.Name))
	if errors.Is(err, fs.ErrNotExist) {
		return fresh, nil
	}
	if err != nil {
		return memory{}, fmt.Errorf("read what is known of schedule %s: %w", j.Name, err)
	}
	var m memory
	if json.Unmarshal(b, &m) != nil {
		return fresh, nil
	}
	if m.When != fresh.When {
		fresh.Failing = m.Failing
		return fresh, nil
	}
	return m, nil
}

func (s Store) remember(job string, m memory) error { return s.write(s.memoryPath(job), m) }
