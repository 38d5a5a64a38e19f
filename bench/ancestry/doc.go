// Command ancestry measures closing genealogies: what the engine takes, what recursive
// queries take, and what writing the same pairs takes, which nobody can be quicker than. It
// prints Markdown:
//
//	go run ./bench/ancestry                          all graphs, medians of 3, queries once
//	go run ./bench/ancestry -graphs d10k,d100k -runs 5 -others 5
//	go run ./bench/ancestry -cases engine,copy
//
// Every measurement is a process of its own with a database file of its own, and its result
// is a table there: pairs with tenant, smallest and largest depth, and the mark of a cycle.
// Contestants take turns; the number of pairs and the sums of the depths must agree. Times
// are of the statement or call alone, peak memory is what the system says of the process. CPU
// is user and system time of all threads: it tells the work where other programs take the
// processors.
// What takes longer than -limit is given up and shown as «more than».
package main
