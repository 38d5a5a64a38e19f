// Command peers measures the engine and its peers side by side on the same graph:
//
//	go run ./bench/peers                          profile C at 100 and 1,000 models, all peers
//	go run ./bench/peers -models 10000 -runs 3    reading and compiling at 10,000
//	go run ./bench/peers -docs docs/benchmarks.md the table of that page
//	go run ./bench/peers -only engine,dbt -ops ls,build
//
// One graph is written in the syntax of each tool: same names, same SQL, same seeds, same
// tests. The tools take turns, each command is a process of its own, and the table has medians
// with the least and the most. After a build the tables of all tools are compared with each
// other, so that nobody wins by doing something else.
//
// Interrupted, it ends with the round at work and a table of what there is; the second interrupt
// ends it at once.
//
// Peers are installed from the registries into a folder that is kept (-tools), with the
// versions of peers.go. Who cannot be installed is named and left out.
package main
