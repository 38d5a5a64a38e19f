package words

import (
	"strings"

	"github.com/engine-build/engine/catalog/content"
)

// Pill is an outcome as readers see it: a word, and a class that chooses colour and icon: ok,
// warn, bad or calm.
type Pill struct{ Class, Word string }

// Built is the outcome of a node's build. The zero Pill is for those of which nothing is known.
func Built(s content.Status) Pill {
	switch s {
	case content.Built, content.Passed:
		return Pill{"ok", "built"}
	case content.Unchanged:
		return Pill{"calm", "unchanged"}
	case content.Warned:
		return Pill{"warn", "built with warnings"}
	case content.Failed:
		return Pill{"bad", "tests failed"}
	case content.Errored:
		return Pill{"bad", "error"}
	case content.Skipped:
		return Pill{"calm", "skipped"}
	case content.Unpublished:
		return Pill{"warn", "built, not published"}
	case content.Canceled:
		return Pill{"calm", "canceled"}
	}
	return Pill{}
}

// Tested is the outcome of a test.
func Tested(s content.Status) Pill {
	switch s {
	case content.Passed, content.Built:
		return Pill{"ok", "passed"}
	case content.Unchanged:
		return Pill{"ok", "passed before"}
	case content.Warned:
		return Pill{"warn", "warning"}
	case content.Failed:
		return Pill{"bad", "failed"}
	case content.Errored:
		return Pill{"bad", "error"}
	case content.Skipped:
		return Pill{"calm", "skipped"}
	case content.Canceled:
		return Pill{"calm", "canceled"}
	}
	return Pill{"calm", "not run"}
}

// Fresh is the freshness of a source: pass, warn, error, or empty for unknown.
func Fresh(s string) Pill {
	switch s {
	case "pass":
		return Pill{"ok", "fresh"}
	case "warn":
		return Pill{"warn", "late"}
	case "error":
		return Pill{"bad", "stale"}
	}
	return Pill{}
}

// Urgency orders pills: what needs a reader's eyes comes first.
func (p Pill) Urgency() int {
	switch p.Class {
	case "bad":
		return 0
	case "warn":
		return 1
	case "ok":
		return 2
	}
	return 3
}

// Tally counts outcomes of tests.
type Tally struct{ Total, Passed, Warned, Failed, NotRun int }

// Add counts one more test.
func (t *Tally) Add(s content.Status) {
	t.Total++
	switch Tested(s).Class {
	case "ok":
		t.Passed++
	case "warn":
		t.Warned++
	case "bad":
		t.Failed++
	default:
		t.NotRun++
	}
}

// Merge adds the tests of another tally.
func (t *Tally) Merge(o Tally) {
	t.Total, t.Passed, t.Warned, t.Failed, t.NotRun = t.Total+o.Total, t.Passed+o.Passed, t.Warned+o.Warned, t.Failed+o.Failed, t.NotRun+o.NotRun
}

// Class is the worst outcome.
func (t Tally) Class() string {
	switch {
	case t.Failed > 0:
		return "bad"
	case t.Warned > 0:
		return "warn"
	case t.Passed > 0:
		return "ok"
	}
	return "calm"
}

// String is «1 failed, 12 passed», or «13 tests» when none has run.
func (t Tally) String() string {
	switch t.Total {
	case 0:
		return "no tests"
	case t.NotRun: // nothing is known of outcomes
		return Plural(t.Total, "test")
	}
	var parts []string
	for _, p := range []struct {
		n    int
		word string
	}{{t.Failed, "failed"}, {t.Warned, "warned"}, {t.Passed, "passed"}, {t.NotRun, "not run"}} {
		if p.n > 0 {
			parts = append(parts, Count(p.n)+" "+p.word)
		}
	}
	return strings.Join(parts, ", ")
}
