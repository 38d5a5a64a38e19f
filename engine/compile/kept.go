package compile

import "sync"

// Kept is a value that is taken out of what an earlier compilation kept when it is asked
// for. Safe for concurrent use.
type Kept[T any] struct {
	once sync.Once
	read func() *T
	of   *T
}

// Given is a value that is at hand.
func Given[T any](of *T) *Kept[T] { return &Kept[T]{of: of} }

// later is a value that read makes; nil if it cannot.
func later[T any](read func() *T) *Kept[T] { return &Kept[T]{read: read} }

// Get is the value, nil where nothing is known.
func (k *Kept[T]) Get() *T {
	if k == nil {
		return nil
	}
	k.once.Do(func() {
		if k.read != nil {
			k.of, k.read = k.read(), nil
		}
	})
	return k.of
}
