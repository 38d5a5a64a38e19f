// Package crash holds the tests that kill the engine at random moments and look at what
// the next build makes of it. It has no code of its own.
package crash
