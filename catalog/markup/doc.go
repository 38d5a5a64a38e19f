// Package markup writes HTML fast: fixed markup as it is, everything else escaped. It is for
// pages of which there are thousands; it knows nothing of what they say.
package markup
