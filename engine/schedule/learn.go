package schedule

import "time"

// Learn is what to expect of a task the next time: half of what it took now and half of
// what was expected, so that what happened n runs ago counts 2⁻ⁿ. Nothing expected, or
// nothing measured, leaves the other.
func Learn(expected, took time.Duration) time.Duration {
	switch {
	case expected <= 0:
		return max(took, 0)
	case took <= 0:
		return expected
	}
	return expected/2 + took/2
}
