// Package editor holds what an editor asks of a project while somebody types: the project
// with the texts of open buffers in the place of files, checked again at every keystroke,
// and answers about what stands at a place in it.
//
// A Workspace takes changes, a View is the project at one moment. A change of one file is
// compiled at once, by itself, against the last whole Program; the whole project follows in
// the background, and what it says replaces everything.
//
// The room knows files, offsets in bytes and the Program. It knows nothing of protocols,
// processes, streams and other ways to count characters.
package editor
