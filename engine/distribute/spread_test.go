package distribute

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestSpread: whatever is done side by side, no more is at work than there are workers, all is done,
// and the error is that of the first index that fails.
func TestSpread(t *testing.T) {
	for _, jobs := range []int{1, 2, 3, 16} {
		r := &runner{options: Options{Jobs: jobs}, busy: make(chan struct{}, jobs)}
		var working, most atomic.Int64
		var mu sync.Mutex
		done := map[string]int{}
		errs := make([]error, 5)
		r.each(len(errs), func(c int) {
			errs[c] = r.spread(40, func(i int) error {
				if n := working.Add(1); n > most.Load() {
					most.Store(n)
				}
				defer working.Add(-1)
				time.Sleep(100 * time.Microsecond)
				mu.Lock()
				done[fmt.Sprintf("%d/%d", c, i)]++
				mu.Unlock()
				if c == 3 && (i == 7 || i == 9) {
					return fmt.Errorf("number %d", i)
				}
				if c == 4 && i == 2 {
					panic("a slip")
				}
				return nil
			})
		})
		if n := most.Load(); n > int64(jobs) {
			t.Errorf("%d jobs: %d are at work at once", jobs, n)
		}
		for c := range 3 {
			for i := range 40 {
				if n := done[fmt.Sprintf("%d/%d", c, i)]; n != 1 {
					t.Errorf("%d jobs: %d of customer %d was done %d times", jobs, i, c, n)
				}
			}
			if errs[c] != nil {
				t.Errorf("%d jobs: customer %d: %v", jobs, c, errs[c])
			}
		}
		if errs[3] == nil || errs[3].Error() != "number 7" {
			t.Errorf("%d jobs: the error is %v, want that of number 7", jobs, errs[3])
		}
		if errs[4] == nil || !strings.Contains(errs[4].Error(), "a slip") {
			t.Errorf("%d jobs: a panic became %v", jobs, errs[4])
		}
		if len(r.busy) > 0 {
			t.Errorf("%d jobs: %d are still busy", jobs, len(r.busy))
		}
	}
	one := &runner{options: Options{Jobs: 1}, busy: make(chan struct{}, 1)}
	began := 0
	if err := one.spread(10, func(int) error { began++; return errors.New("no") }); err == nil || began != 1 {
		t.Errorf("after an error %d were begun, %v", began, err)
	}
}

// TestSpreadHelps: workers that have nothing to do take part.
func TestSpreadHelps(t *testing.T) {
	r := &runner{options: Options{Jobs: 4}, busy: make(chan struct{}, 4)}
	meet := make(chan struct{})
	var here atomic.Int64
	r.each(1, func(int) {
		err := r.spread(4, func(int) error {
			if here.Add(1) == 4 {
				close(meet)
			}
			select {
			case <-meet:
				return nil
			case <-time.After(20 * time.Second):
				return errors.New("nobody else came")
			}
		})
		if err != nil {
			t.Error(err)
		}
	})
}
