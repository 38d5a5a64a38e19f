// Package terminal asks the operating system about the window that the program writes to: its
// size, and whether it acts on escape sequences.
//
// It knows files and system calls. It must not know what is written.
package terminal
