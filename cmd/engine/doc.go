// Command engine turns a folder of SQL files into a tested warehouse.
//
// It knows flags, streams, exit codes, the environment, the clock and signals, and it is
// the only place that does. What it does with a project is in package engine; how things
// look is in package view; which warehouses there are is listed in drivers.go.
package main
