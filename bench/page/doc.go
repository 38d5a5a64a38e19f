// Package page is one part of a page of the documentation that a program writes: what stands
// between two comments with its name.
//
// It knows files and text, not what is written.
package page
