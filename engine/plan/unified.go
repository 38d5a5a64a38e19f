package plan

// Unified is a unified diff of two texts with three lines of context, without a header;
// empty if they are equal.
func Unified(was, now string) string {
	if was == now {
		return ""
	}
	return unified(was, now)
}
