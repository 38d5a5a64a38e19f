package view

import (
	"fmt"
	"time"

	"github.com/engine-build/engine/engine/run"
)

// arrival is when a run is expected to end, as people are told: it follows the estimates
// slowly, is rounded to what can be known, and does not go back and forth.
type arrival struct {
	end   time.Time
	known bool
	asked time.Time
	told  time.Duration // the last answer
}

// due reports whether it is time to ask again.
func (a *arrival) due(now time.Time) bool {
	return a.asked.IsZero() || now.Sub(a.asked) >= think
}

// follow takes note of an estimate. One that differs moves the end by a third of the
// difference, shortly before the end by more.
func (a *arrival) follow(now time.Time, r run.Rest) {
	a.asked = now
	if !r.Known {
		a.known = false
		return
	}
	end := now.Add(r.Time)
	if !a.known {
		a.end, a.known, a.told = end, true, 0
		return
	}
	part := time.Duration(3)
	if r.Time < 10*time.Second {
		part = 2
	}
	a.end = a.end.Add(end.Sub(a.end) / part)
}

// few is below which no number is said.
const few = 3 * time.Second

// text is «about 2 min left», empty while nothing is known.
func (a *arrival) text(now time.Time) string {
	if !a.known {
		return ""
	}
	left := a.end.Sub(now)
	step := grain(left)
	next := (left + step/2).Truncate(step)
	// More than was told before is told only when it is clearly more.
	if a.told > 0 && next > a.told && left < a.told+grain(a.told) {
		next = a.told
	}
	a.told = next
	if next < few {
		return "a few seconds left"
	}
	return "about " + Roughly(next) + " left"
}

// grain is the step to which a time is rounded.
func grain(d time.Duration) time.Duration {
	switch {
	case d < 20*time.Second:
		return 5 * time.Second
	case d < 90*time.Second:
		return 10 * time.Second
	case d < 15*time.Minute:
		return time.Minute
	case d < 90*time.Minute:
		return 5 * time.Minute
	}
	return 30 * time.Minute
}

// Roughly writes a duration as people say it: 20 s, 2 min, 1.5 h.
func Roughly(d time.Duration) string {
	d = (d + grain(d)/2).Truncate(grain(d))
	switch {
	case d < 90*time.Second:
		return fmt.Sprintf("%d s", max(int(d/time.Second), 1))
	case d < 90*time.Minute:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute)/time.Minute))
	case d%time.Hour == 0:
		return fmt.Sprintf("%d h", int(d/time.Hour))
	}
	return fmt.Sprintf("%.1f h", d.Hours())
}
