// Package crash holds the tests that kill the engine at random moments, cut its connections,
// fill its disk and let two of it build at once, and look at what readers see meanwhile and
// what the next build makes of it. It has no code of its own.
//
// ENGINE_KILLS is how often each test does so; without it the numbers keep the tests short.
package crash
