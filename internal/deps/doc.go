// Package deps keeps the house in order: which package may import which, what each must
// say about itself, and which calls belong to the command alone. It has tests only.
package deps
