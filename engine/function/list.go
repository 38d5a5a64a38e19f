package function

// List gives all functions, the safe ones included, in a fixed order. Each call makes
// functions with caches of their own; the result is meant to be kept.
func List() []Function {
	var all []Function
	for _, area := range [][]Function{
		jsonFunctions(),
		stringFunctions(),
		collationFunctions(),
		bytesFunctions(),
		regexpFunctions(),
		hashFunctions(),
		hashKeysetFunctions(),
		netFunctions(),
		timeFunctions(),
		intervalFunctions(),
		numericFunctions(),
		formatFunctions(),
		formatNumberFunctions(),
		sketchFunctions(),
		textAnalysisFunctions(),
	} {
		for _, f := range area {
			all = append(all, f)
			if !f.Total {
				all = append(all, f.safe())
			}
		}
	}
	return all
}
