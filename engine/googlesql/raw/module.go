package raw

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"runtime/debug"
	"unsafe"

	"github.com/goccy/googlesqlwasm2go/base"
)

// Handle is the address of an engine object in a Module's memory. 0 is nil.
// A handle means nothing to another Module.
type Handle uint32

// Module is one instance of the engine with its own memory. It is for one
// goroutine at a time; different Modules run in parallel.
type Module struct {
	g       *base.Module
	req     []byte // the request being written
	scratch uint32 // address of the request buffer in engine memory
	room    int    // its size, bytes
	utc     Handle
	running bool   // inside an engine function
	failed  *Error // set by a trap and by Close
	cleanup runtime.Cleanup
	unmap   func()
}

// Error is a failure the engine reported. Trap says that the engine stopped in
// the middle of a call (an abort, a stack overflow, memory used up): its
// Module is of no further use.
type Error struct {
	Message string
	Trap    bool
}

func (e *Error) Error() string { return e.Message }

// maxMemory bounds the memory of one Module, bytes. Engine addresses are
// signed 32-bit numbers in places, so nothing above 2 GiB is used.
const maxMemory = 2 << 30

// stackReserve tells a stack overflow from other faults: below it no single
// frame of the engine fits, bytes.
const stackReserve = 64 << 10

// Open starts an engine instance. The caller must Close it.
func Open() (*Module, error) {
	mem, unmap := reserve(initialMemory, maxMemory)
	g := &base.Module{
		Memory:                 mem,
		M:                      unsafe.Pointer(unsafe.SliceData(mem)),
		MaxMem:                 maxMemory,
		T0:                     make([]any, tableSize),
		G0:                     stackTop,
		Wasi_snapshot_preview1: &system{},
		Env:                    host{},
		Wasmify:                noCallbacks{},
	}
	initTable(g)
	copy(g.Memory[stackTop:], dataSegment)
	m := &Module{g: g, unmap: unmap}
	if unmap != nil {
		m.cleanup = runtime.AddCleanup(m, func(unmap func()) { unmap() }, unmap)
	}
	err := m.Do(func() {
		m.running = true
		initialize(g)
		wasmInit(g)
		m.running = false
		m.growScratch(4096)
	})
	if err != nil {
		m.Close()
		return nil, fmt.Errorf("start the GoogleSQL engine: %w", err)
	}
	return m, nil
}

// Close gives the memory back. Every handle is dead afterwards, and every call
// fails. It may be called twice.
func (m *Module) Close() {
	if m.g == nil {
		return
	}
	m.failed = &Error{Message: "the GoogleSQL engine instance is closed"}
	m.g = nil
	if m.unmap != nil {
		m.cleanup.Stop()
		m.unmap()
	}
}

// Broken reports that a call trapped. Close the Module and open another.
func (m *Module) Broken() bool { return m.failed != nil && m.failed.Trap }

// MemoryBytes is the size of the engine's memory, bytes. It never shrinks.
// The first 32 MiB are the stack, of which only touched pages cost anything.
func (m *Module) MemoryBytes() int {
	if m.g == nil {
		return 0
	}
	return len(m.g.Memory)
}

// Do runs f, which makes calls of m, and returns the failure of the first call
// that fails; f ends there. A trap marks m Broken. Calls may nest in Do, and Do
// in Do. A panic of f itself passes through.
//
// Every method that returns no error must run inside Do: outside, a failure is
// a panic, and a memory fault ends the process.
func (m *Module) Do(f func()) (err error) {
	if m.failed != nil {
		return m.failed
	}
	sp := m.g.G0
	old := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(old)
		r := recover()
		if r == nil {
			return
		}
		if e, ok := r.(*Error); ok {
			err = e
			return
		}
		if !m.running {
			panic(r)
		}
		m.running = false
		reason := fmt.Sprint(r)
		if m.g.G0 < stackReserve {
			reason = "its stack is used up: the statement is nested too deeply"
		}
		m.g.G0 = sp
		m.failed = &Error{Message: "the GoogleSQL engine stopped: " + reason, Trap: true}
		err = m.failed
	}()
	f()
	return nil
}

// Zeroed allocates n zero bytes in engine memory. They live until Close.
func (m *Module) Zeroed(n int) Handle {
	p := m.alloc(n)
	clear(m.g.Memory[p : int(p)+n])
	return Handle(p)
}

// UTC returns a time zone object that is UTC: a null absl::TimeZone, for which
// the binding has no constructor.
func (m *Module) UTC() Handle {
	if m.utc == 0 {
		m.utc = m.Zeroed(16)
	}
	return m.utc
}

// TypeName returns the C++ class of an object, such as
// "googlesql::ResolvedQueryStmt", or "" when it is not known.
func (m *Module) TypeName(h Handle) string {
	m.begin()
	m.req = appendUint64(m.req, 1, uint64(h))
	return m.callString(wasmifyGetTypeName, 1)
}

func (m *Module) alloc(n int) uint32 {
	if m.failed != nil {
		panic(m.failed)
	}
	m.running = true
	p := uint32(wasmAlloc(m.g, int32(n)))
	if p == 0 {
		panic("memory is used up")
	}
	m.running = false
	return p
}

func (m *Module) growScratch(n int) {
	size := 4096
	for size < n {
		size *= 2
	}
	if m.scratch != 0 {
		m.dealloc(m.scratch)
		m.scratch, m.room = 0, 0
	}
	m.scratch = m.alloc(size)
	m.room = size
}

func (m *Module) dealloc(p uint32) {
	m.running = true
	wasmFree(m.g, int32(p))
	m.running = false
}

// engineFunc is the entry of one call: request address and length in, response
// address<<32 | length out.
type engineFunc = func(m *base.Module, addr, n int32) int64

// begin starts a request without a receiver.
func (m *Module) begin() { m.req = m.req[:0] }

// beginWith starts a request whose receiver is h.
func (m *Module) beginWith(h Handle) {
	if h == 0 {
		panic(nilReceiver())
	}
	m.req = appendHandle(m.req[:0], 1, h)
}

// nilReceiver names the method that was called on handle 0.
func nilReceiver() *Error {
	name := "a method"
	var pcs [4]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for {
		f, more := frames.Next()
		if i := lastDot(f.Function); i >= 0 && f.Function[i] >= 'A' && f.Function[i] <= 'Z' {
			name = f.Function[i:]
			break
		}
		if !more {
			break
		}
	}
	return &Error{Message: "internal error: " + name + " was called on a nil handle"}
}

func lastDot(s string) int {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == '.' && i+1 < len(s) {
			return i + 1
		}
	}
	return -1
}

// send makes the call with the request written so far. The response is a view
// of engine memory, valid until release.
func (m *Module) send(fn engineFunc) (resp []byte, addr uint32) {
	if m.failed != nil {
		panic(m.failed)
	}
	if len(m.req) > m.room {
		m.growScratch(len(m.req))
	}
	copy(m.g.Memory[m.scratch:], m.req)
	return m.enter(fn, int32(len(m.req)))
}

// sendWith makes a call that has a receiver and no arguments.
func (m *Module) sendWith(fn engineFunc, h Handle) (resp []byte, addr uint32) {
	if m.failed != nil {
		panic(m.failed)
	}
	if h == 0 {
		panic(nilReceiver())
	}
	b := m.g.Memory[m.scratch : m.scratch+16 : m.scratch+16]
	return m.enter(fn, int32(len(appendHandle(b[:0], 1, h))))
}

func (m *Module) enter(fn engineFunc, n int32) (resp []byte, addr uint32) {
	m.running = true
	packed := fn(m.g, int32(m.scratch), n)
	addr = uint32(packed >> 32)
	if size := uint32(packed); size != 0 {
		resp = m.g.Memory[addr : uint64(addr)+uint64(size)]
	}
	m.running = false
	return resp, addr
}

// release frees a response after it was read, and raises the error in it.
func (m *Module) release(resp []byte, addr uint32, d *decoder) {
	var failure *Error
	if d.failure != nil {
		failure = &Error{Message: string(d.failure)}
	}
	if len(resp) != 0 {
		m.dealloc(addr)
	}
	if failure != nil {
		panic(failure)
	}
}

func (m *Module) free(fn engineFunc, h Handle) {
	// Objects of a broken or closed module are gone with its memory.
	// While a trap unwinds, a deferred free must not enter the engine again.
	if h == 0 || m.failed != nil || m.running {
		return
	}
	resp, addr := m.sendWith(fn, h)
	if len(resp) != 0 {
		m.dealloc(addr)
	}
}

// destroy deletes an object of a class whose virtual destructor is its first
// virtual function. The virtual table then starts with the two destructors of
// the C++ ABI, and the second one also frees the memory; their shapes differ,
// which is checked before the call.
func (m *Module) destroy(h Handle) {
	if h == 0 || m.failed != nil {
		return
	}
	slot := func(addr uint32) any {
		if uint64(addr)+4 > uint64(len(m.g.Memory)) {
			return nil
		}
		f := binary.LittleEndian.Uint32(m.g.Memory[addr:])
		if int64(f) >= int64(len(m.g.T0)) {
			return nil
		}
		return m.g.T0[f]
	}
	var table uint32
	if uint64(h)+4 <= uint64(len(m.g.Memory)) {
		table = binary.LittleEndian.Uint32(m.g.Memory[h:])
	}
	_, ok := slot(table).(func(*base.Module, int32) int32)
	del, ok2 := slot(table + 4).(func(*base.Module, int32))
	if table < stackTop || !ok || !ok2 {
		panic(&Error{Message: "internal error: the object to destroy has no virtual destructor"})
	}
	m.running = true
	del(m.g, int32(h))
	m.running = false
}

// noCallbacks answers the engine's calls into Go: none is ever registered.
type noCallbacks struct{}

func (noCallbacks) Callback_invoke(*base.Module, int32, int32, int32, int32) int64 { return 0 }
