package lsp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/creachadair/jrpc2/channel"
)

// Bounds of what is read. A header or message beyond them is not from an editor.
const (
	maxHeader  = 8 << 10
	maxMessage = 256 << 20
)

// frames cuts messages out of a stream: «Base Protocol», a header with Content-Length, an
// empty line and that many bytes. Content types are not looked at: all are UTF-8.
//
// Reading and writing have goroutines of their own: Close ends a Recv that waits for a stream
// that cannot be interrupted, and a client that does not read for a while holds up nobody who
// wants to Send. They end with their streams.
type frames struct {
	in      chan frame
	closed  chan struct{}
	once    sync.Once
	written chan struct{} // closed when all that was sent before Close is written

	mu    sync.Mutex
	queue [][]byte
	more  chan struct{}
	err   error // of writing
}

type frame struct {
	data []byte
	err  error
}

var _ channel.Channel = (*frames)(nil)

func newFrames(in io.Reader, out io.Writer) *frames {
	f := &frames{in: make(chan frame), closed: make(chan struct{}), written: make(chan struct{}), more: make(chan struct{}, 1)}
	go f.read(in)
	go f.write(out)
	return f
}

func (f *frames) read(in io.Reader) {
	r := bufio.NewReaderSize(in, 64<<10)
	for {
		data, err := readFrame(r)
		select {
		case f.in <- frame{data, err}:
		case <-f.closed:
			return
		}
		if err != nil {
			return
		}
	}
}

func (f *frames) write(out io.Writer) {
	defer close(f.written)
	for last := false; ; {
		f.mu.Lock()
		queue := f.queue
		f.queue = nil
		f.mu.Unlock()
		for _, m := range queue {
			if _, err := out.Write(m); err != nil {
				f.mu.Lock()
				f.err = fmt.Errorf("write to the editor: %w", err)
				f.mu.Unlock()
				return
			}
		}
		if len(queue) > 0 {
			continue
		}
		if last {
			return
		}
		select {
		case <-f.more:
		case <-f.closed:
			last = true
		}
	}
}

func readFrame(r *bufio.Reader) ([]byte, error) {
	length, read := -1, 0
	for {
		line, err := r.ReadSlice('\n')
		read += len(line)
		switch {
		case errors.Is(err, io.EOF) && read == 0:
			return nil, io.EOF
		case errors.Is(err, io.EOF):
			return nil, io.ErrUnexpectedEOF
		case errors.Is(err, bufio.ErrBufferFull) || read > maxHeader:
			return nil, fmt.Errorf("the header of a message has more than %d bytes", maxHeader)
		case err != nil:
			return nil, err
		}
		text := strings.TrimRight(string(line), "\r\n")
		if text == "" {
			break
		}
		name, value, ok := strings.Cut(text, ":")
		if !ok {
			return nil, errors.New("a line of the header of a message has no colon")
		}
		if strings.EqualFold(strings.TrimSpace(name), "Content-Length") {
			length, err = strconv.Atoi(strings.TrimSpace(value))
			if err != nil || length < 0 || length > maxMessage {
				return nil, fmt.Errorf("the length of a message is no number from 0 to %d", maxMessage)
			}
		}
	}
	if length < 0 {
		return nil, errors.New("the header of a message has no Content-Length")
	}
	// The bytes are kept by those who decode them, so each message has its own.
	data := make([]byte, length)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	return data, nil
}

// Recv gives the next message, io.EOF after the last one and after Close.
func (f *frames) Recv() ([]byte, error) {
	select {
	case m := <-f.in:
		return m.data, m.err
	case <-f.closed:
		return nil, io.EOF
	}
}

// Send hands one message to the writer, which writes it in one piece.
func (f *frames) Send(data []byte) error {
	head := "Content-Length: " + strconv.Itoa(len(data)) + "\r\n\r\n"
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return f.err
	}
	f.queue = append(f.queue, append([]byte(head), data...))
	select {
	case f.more <- struct{}{}:
	default:
	}
	return nil
}

// Close ends reading; what was sent is still written. Whoever gave the streams closes them.
func (f *frames) Close() error {
	f.once.Do(func() { close(f.closed) })
	return nil
}
