//go:build linux || darwin

package raw

import "syscall"

// addressable covers every address the engine can form: a 32-bit base plus a
// 32-bit offset. What lies above the usable part is mapped without access, so
// a stray access is a fault that Do catches, never a write into other memory.
const addressable = 8<<30 + 1<<16

// reserve returns memory of size bytes that can grow in place to limit bytes,
// and a function that gives it back. Pages cost nothing until touched. Where
// the system refuses so large a reservation, the memory comes from the Go heap
// and the function is nil.
func reserve(size, limit int) ([]byte, func()) {
	mem, err := syscall.Mmap(-1, 0, addressable, syscall.PROT_NONE,
		syscall.MAP_ANON|syscall.MAP_PRIVATE|syscall.MAP_NORESERVE)
	if err != nil {
		return make([]byte, size), nil
	}
	unmap := func() { _ = syscall.Munmap(mem) }
	if err := syscall.Mprotect(mem[:limit], syscall.PROT_READ|syscall.PROT_WRITE); err != nil {
		unmap()
		return make([]byte, size), nil
	}
	return mem[:size:limit], unmap
}
