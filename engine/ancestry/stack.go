package ancestry

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
)

// Spill is where lists lie for which there is no room in memory: a file that nobody else
// knows. It is used by one goroutine at a time, and closed when it is no longer needed.
type Spill interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
}

// keptBytes is how much of a stack stays in memory unless Options.Kept says otherwise.
const keptBytes = 64 << 20

// blockNodes is how many numbers are moved to a Spill and back at a time: 1 MiB.
const blockNodes = 1 << 18

// stack gives lists back in the opposite order. Its lower part lies in a Spill once there
// is more than fits.
type stack struct {
	make   func() (Spill, error) // nil: everything stays in memory
	kept   int                   // most blocks in memory, at least 2
	blocks [][]int32             // those in memory, the lower ones full
	below  int                   // blocks in the spill
	spill  Spill
	spare  [][]int32
	bytes  []byte
}

func newStack(o Options) *stack {
	kept := o.Kept
	if kept == 0 {
		kept = keptBytes
	}
	return &stack{make: o.Spill, kept: max(2, int(kept/(4*blockNodes)))}
}

// push puts a list on top.
func (s *stack) push(list []int32) error {
	for rest := list; len(rest) > 0; {
		top, err := s.room()
		if err != nil {
			return err
		}
		n := min(len(rest), blockNodes-len(*top))
		*top = append(*top, rest[:n]...)
		rest = rest[n:]
	}
	top, err := s.room()
	if err != nil {
		return err
	}
	*top = append(*top, int32(len(list)))
	return nil
}

// pop takes the list on top into the memory of into.
func (s *stack) pop(into []int32) ([]int32, error) {
	top, err := s.top()
	if err != nil {
		return nil, err
	}
	size := int((*top)[len(*top)-1])
	*top = (*top)[:len(*top)-1]
	into = slices.Grow(into[:0], size)[:size]
	for end := size; end > 0; {
		if top, err = s.top(); err != nil {
			return nil, err
		}
		n := min(end, len(*top))
		copy(into[end-n:end], (*top)[len(*top)-n:])
		*top = (*top)[:len(*top)-n]
		end -= n
	}
	return into, nil
}

// room is the block on top, which has room.
func (s *stack) room() (*[]int32, error) {
	if n := len(s.blocks); n > 0 && len(s.blocks[n-1]) < blockNodes {
		return &s.blocks[n-1], nil
	}
	if s.make != nil && len(s.blocks) == s.kept {
		if err := s.lower(); err != nil {
			return nil, err
		}
	}
	s.blocks = append(s.blocks, s.block())
	return &s.blocks[len(s.blocks)-1], nil
}

func (s *stack) block() []int32 {
	if n := len(s.spare); n > 0 {
		b := s.spare[n-1]
		s.spare = s.spare[:n-1]
		return b[:0]
	}
	return make([]int32, 0, blockNodes)
}

// lower moves the lowest block in memory out.
func (s *stack) lower() error {
	if s.spill == nil {
		var err error
		if s.spill, err = s.make(); err != nil {
			return fmt.Errorf("lists of descendants need room: %w", err)
		}
	}
	s.bytes = s.bytes[:0]
	for _, n := range s.blocks[0] {
		s.bytes = binary.LittleEndian.AppendUint32(s.bytes, uint32(n))
	}
	if _, err := s.spill.WriteAt(s.bytes, int64(s.below)*4*blockNodes); err != nil {
		return fmt.Errorf("write lists of descendants: %w", err)
	}
	s.below++
	s.spare = append(s.spare, s.blocks[0])
	s.blocks = slices.Delete(s.blocks, 0, 1)
	return nil
}

// top is the block on top, which is not empty.
func (s *stack) top() (*[]int32, error) {
	for n := len(s.blocks); n > 0 && len(s.blocks[n-1]) == 0; n-- {
		s.spare = append(s.spare, s.blocks[n-1])
		s.blocks = s.blocks[:n-1]
	}
	if n := len(s.blocks); n > 0 {
		return &s.blocks[n-1], nil
	}
	if s.below == 0 {
		return nil, fmt.Errorf("ancestry: more lists were taken from a stack than put there")
	}
	s.below--
	s.bytes = slices.Grow(s.bytes[:0], 4*blockNodes)[:4*blockNodes]
	if _, err := s.spill.ReadAt(s.bytes, int64(s.below)*4*blockNodes); err != nil {
		return nil, fmt.Errorf("read lists of descendants: %w", err)
	}
	b := s.block()[:blockNodes]
	for i := range b {
		b[i] = int32(binary.LittleEndian.Uint32(s.bytes[4*i:]))
	}
	s.blocks = append(s.blocks, b)
	return &s.blocks[0], nil
}

// empty forgets all lists and closes the spill. What is in memory stays for the next part.
func (s *stack) empty() {
	s.spare = append(s.spare, s.blocks...)
	s.blocks, s.below = s.blocks[:0], 0
	if s.spill != nil {
		_ = s.spill.Close() // nothing in it is wanted any more
		s.spill = nil
	}
}
