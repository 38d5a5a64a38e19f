package main

import (
	"context"
	"io"
)

// keys gives each byte that is typed until there are no more.
func keys(ctx context.Context, in io.Reader) <-chan byte {
	out := make(chan byte)
	go func() {
		defer close(out)
		var b [1]byte
		for {
			n, err := in.Read(b[:])
			if n == 1 {
				select {
				case out <- b[0]:
				case <-ctx.Done():
					return
				}
			}
			if err != nil {
				return
			}
		}
	}()
	return out
}
