// Package words is what pages say in words: numbers, sizes, durations, times, and outcomes of
// builds and tests. It makes text, never markup, and knows of no page.
package words
