package warehouse

import "context"

type throttledKey struct{}

// WithThrottled is ctx for statements whose sender wants to hear at once when the warehouse
// refuses one because too many run, so that nothing else is sent for a while. f is called
// from any goroutine, with how long the driver waits before it sends the statement again.
func WithThrottled(ctx context.Context, f func(Retry)) context.Context {
	return context.WithValue(ctx, throttledKey{}, f)
}

// Throttled tells the sender of a statement that it was refused because too many run. It
// does nothing where nobody wants to know.
func Throttled(ctx context.Context, r Retry) {
	if f, ok := ctx.Value(throttledKey{}).(func(Retry)); ok {
		f(r)
	}
}
