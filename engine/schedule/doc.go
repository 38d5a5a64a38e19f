// Package schedule answers what to start next: a state machine over a graph of tasks,
// their expected durations, a number of slots and limits. It is told what starts, ends and
// is refused, with the time at which it happens, and nothing else happens in it: no
// goroutine, no clock, no warehouse. So the code that drives real runs is the one that a
// simulation drives, and a forecast is a simulation.
//
// It knows tasks by number. It does not know what they do, or why one failed.
package schedule
