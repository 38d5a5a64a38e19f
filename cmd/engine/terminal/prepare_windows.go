package terminal

import (
	"os"

	"golang.org/x/sys/windows"
)

// Prepare makes consoles act on escape sequences, and reports whether all of files that are
// consoles do. Those of Windows before version 10 do not.
func Prepare(files ...*os.File) bool {
	for _, f := range files {
		var mode uint32
		handle := windows.Handle(f.Fd())
		if windows.GetConsoleMode(handle, &mode) != nil {
			continue // no console
		}
		if mode&windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING != 0 {
			continue
		}
		if windows.SetConsoleMode(handle, mode|windows.ENABLE_PROCESSED_OUTPUT|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) != nil {
			return false
		}
	}
	return true
}
