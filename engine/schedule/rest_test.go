package schedule

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRest(t *testing.T) {
	s := time.Second
	tasks := []Task{{Expected: 10 * s}, {Expected: 4 * s, After: []int{0}}, {Expected: 3 * s}, {Expected: 20 * s}, {Expected: s, After: []int{2}, Late: true}}
	tests := []struct {
		name  string
		slots int
		at    []Progress
		want  time.Duration
		path  []int // the longest chain that is left
	}{
		{"nothing has begun", 2, make([]Progress, 5), 20 * s, []int{3}},
		{"what runs counts from where it is", 2, []Progress{{Running: true, Elapsed: 8 * s}, {}, {}, {Running: true, Elapsed: 15 * s}, {}}, 9 * s, []int{0, 1}},
		{"what runs keeps its slot", 1, []Progress{{}, {}, {Running: true, Elapsed: s}, {Over: true}, {Over: true}}, 16 * s, []int{0, 1}},
		{"longer than expected", 1, []Progress{{Running: true, Elapsed: 80 * s}, {Over: true}, {Over: true}, {Over: true}, {Over: true}}, 10 * s, []int{0}},
		{"late ones that run are no longer late", 1, []Progress{{Over: true}, {Over: true}, {Over: true}, {Over: true}, {Running: true}}, s, []int{4}},
		{"all over", 2, []Progress{{Over: true}, {Over: true}, {Over: true}, {Over: true}, {Over: true}}, 0, nil},
	}
	for _, tt := range tests {
		got, err := Rest(tasks, Limits{Slots: tt.slots}, tt.at)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if got.Makespan != tt.want {
			t.Errorf("%s: %v is left, want %v", tt.name, got.Makespan, tt.want)
		}
		if d := cmp.Diff(tt.path, got.LongestPath); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
}

// TestRestOfAllIsPredict: before anything has begun, the rest is the whole.
func TestRestOfAllIsPredict(t *testing.T) {
	for seed := range uint64(40) {
		tasks := layered(seed)
		l := Limits{Slots: 1 + int(seed%5)}
		whole, err := Predict(tasks, l)
		if err != nil {
			t.Fatal(err)
		}
		rest, err := Rest(tasks, l, make([]Progress, len(tasks)))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(whole, rest); d != "" {
			t.Errorf("seed %d: %s", seed, d)
		}
	}
}

// layered is a graph in which each task comes after up to three earlier ones.
func layered(seed uint64) []Task {
	state := seed*2862933555777941757 + 3037000493
	next := func(n int) int {
		state = state*6364136223846793005 + 1442695040888963407
		return int(state>>33) % n
	}
	tasks := make([]Task, 30)
	for i := range tasks {
		tasks[i].Expected = time.Duration(1+next(1000)) * time.Millisecond
		for range next(4) {
			if i > 0 {
				if p := next(i); len(tasks[i].After) == 0 || tasks[i].After[len(tasks[i].After)-1] < p {
					tasks[i].After = append(tasks[i].After, p)
				}
			}
		}
	}
	return tasks
}

func TestRestRefuses(t *testing.T) {
	if _, err := Rest(make([]Task, 2), Limits{}, make([]Progress, 1)); err == nil {
		t.Error("a list of another length is taken")
	}
	if _, err := Rest([]Task{{After: []int{3}}}, Limits{}, make([]Progress, 1)); err == nil {
		t.Error("a task that is not there is taken")
	}
}
