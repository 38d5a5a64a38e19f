package project

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/source"
)

// Publication says when readers get to see what a run has built.
type Publication string

const (
	// ByNode publishes each node when it and its tests are done.
	ByNode Publication = "node"
	// ByRun publishes all nodes of a run together, or none.
	ByRun Publication = "run"
)

// Publications are the values of publish, the default first.
var Publications = []string{string(ByNode), string(ByRun)}

// Retention says how long versions that were replaced are kept: so many of a node, or for
// so long. The zero value keeps none.
type Retention struct {
	Versions int
	For      time.Duration
}

// IsZero reports whether nothing is kept.
func (r Retention) IsZero() bool { return r == Retention{} }

// String is the retention as it is configured.
func (r Retention) String() string {
	switch {
	case r.Versions > 0:
		return strconv.Itoa(r.Versions)
	case r.For >= 24*time.Hour && r.For%(24*time.Hour) == 0:
		return strconv.Itoa(int(r.For/(24*time.Hour))) + "d"
	case r.For > 0:
		text := r.For.String()
		if strings.HasSuffix(text, "m0s") {
			text = strings.TrimSuffix(text, "0s")
		}
		if strings.HasSuffix(text, "h0m") {
			text = strings.TrimSuffix(text, "0m")
		}
		return text
	}
	return "0"
}

// mostVersions and longest are the most that is kept of a node: beyond that it is a history,
// for which there are snapshots.
const (
	mostVersions = 100
	longest      = 366 * 24 * time.Hour
)

// ParseRetention reads keep_previous: a number of versions, a duration as in «36h» or «7d»,
// or 0.
func ParseRetention(text string) (Retention, error) {
	text = strings.TrimSpace(text)
	if n, err := strconv.Atoi(text); err == nil {
		if n < 0 || n > mostVersions {
			return Retention{}, fmt.Errorf("%d is not a number of versions from 0 to %d", n, mostVersions)
		}
		return Retention{Versions: n}, nil
	}
	d, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n int
		if n, err = strconv.Atoi(days); err == nil && n < 1000 {
			d = time.Duration(n) * 24 * time.Hour
		}
	}
	if err != nil || d <= 0 || d > longest {
		return Retention{}, fmt.Errorf("%q is neither a number of versions nor a time up to %d days", text, int(longest.Hours()/24))
	}
	return Retention{For: d}, nil
}

const retentionHelp = `for example 2 for the last two versions, "36h" or "7d" for a time, 0 to keep none`

func wholeRetention(v any) (why, help string) {
	if text, ok := v.(string); ok {
		if _, err := ParseRetention(text); err != nil {
			return err.Error(), retentionHelp
		}
	}
	return "", ""
}

// decodePublication reads publish and keep_previous of the project, the defaults of its
// targets.
func (s *settings) decodePublication(o *object) {
	s.Publish = o.publication(o.str("publish"))
	s.KeepPrevious = o.retention(o.str("keep_previous"))
}

func (o *object) publication(written Value[string]) Value[Publication] {
	if !written.IsSet() {
		return Value[Publication]{}
	}
	for _, known := range Publications {
		if written.V == known {
			return Value[Publication]{Publication(known), written.At}
		}
	}
	o.list.Add(valueUnknown(written.At, `"publish"`, written.V, Publications))
	return Value[Publication]{}
}

func (o *object) retention(written Value[string]) Value[Retention] {
	if !written.IsSet() {
		return Value[Retention]{}
	}
	r, err := ParseRetention(written.V)
	if err != nil {
		o.list.Add(valueInvalid(written.At, err.Error(), retentionHelp))
		return Value[Retention]{}
	}
	return Value[Retention]{r, written.At}
}

// PublicationOf is how a target publishes, and where that is written.
func (s Settings) PublicationOf(t *TargetSettings) (Publication, source.Span) {
	for _, v := range []Value[Publication]{t.Publish, s.Publish} {
		if v.IsSet() {
			return v.V, v.At
		}
	}
	return ByNode, source.Span{}
}

// RetentionOf is what a target keeps of nodes that say nothing about it.
func (s Settings) RetentionOf(t *TargetSettings) Retention {
	if t.KeepPrevious.IsSet() {
		return t.KeepPrevious.V
	}
	return s.KeepPrevious.V
}
