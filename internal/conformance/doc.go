// Package conformance measures how well GoogleSQL statements run on the
// warehouses they are transpiled to, against suites that others wrote.
//
// It reads two formats: the file-based tests of Google's compliance suite
// (*.test, see File) and the YAML cases of another implementation (*.yaml, see
// SpecFile). Each case is analyzed, transpiled, run on a Target and its typed
// result compared with the expected one. A case ends in one Verdict; the worst
// is Wrong, a result that differs.
//
// Cases are left out by feature only, by the table in exclude.go, never by name.
//
// The room is a test tool: nothing of the engine imports it.
package conformance
