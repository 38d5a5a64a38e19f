// Package prose renders descriptions: Markdown that users have written, as HTML that can do
// nothing but be read. Markup in it stays text, pictures become their words, links lead to pages
// of the site or plainly out of it, and words of the glossary lead to their explanation.
package prose
