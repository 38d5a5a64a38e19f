// Command schedule measures the engine's scheduler on a simulated warehouse: for graphs of a
// thousand nodes, how much longer a run takes than it has to, and how much longer it takes
// with the policies of other tools. Time is simulated, so that a run of hours takes
// milliseconds, and the figures are the same on every machine. What decides is the code
// that decides in real runs (engine/schedule).
//
// «go run ./bench/schedule» prints the tables of docs/scheduling.md.
package main
