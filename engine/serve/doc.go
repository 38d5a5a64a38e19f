// Package serve is the process that runs schedules: it begins what is due, one run of a
// schedule at a time and in one instance of several, ends what takes too long, writes down
// what happened, tells a webhook of failures, and answers HTTP. What a phase of a run does is
// a function that it is given; the clock, the folder and the warehouse's leases are, too. It
// must not know projects, flags, terminals, or what a build is.
package serve
