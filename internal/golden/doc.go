// Package golden runs corpora of golden files: a folder of txtar cases, each with inputs,
// a stage that turns them into texts, and the texts expected, kept in the same archive.
//
// A test run with ENGINE_UPDATE=1 rewrites what differs and fails, so that an update is
// never mistaken for a pass. It knows archives and texts. It does not know what a stage does.
package golden
