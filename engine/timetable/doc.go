// Package timetable says when a schedule is due: cron lines and intervals read strictly, in
// a time zone with its changes of the clock, what became due while nobody looked, and what
// becomes of a run that meets the one before it. It is pure: the time is an argument. It must
// not know what is run, where that is recorded, or what time it is.
package timetable
