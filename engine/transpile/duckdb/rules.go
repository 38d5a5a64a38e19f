package duckdb

import "sync"

// ruleTables lists the tables of rules of scalar functions by the analyzer's
// names, lower case. A name stands in one table only.
func ruleTables() []map[string]Rule {
	return []map[string]Rule{
		operatorRules(),
		timeRules(),
		intervalRules(),
		numericRules(),
		formatRules(),
		conditionalRules(),
		mathRules(),
		arrayRules(),
		jsonRules(),
		stringRules(),
		hashRules(),
		sketchRules(),
		moreRules(),
		collationRules(),
		textAnalysisRules(),
	}
}

// macroTables lists the macros that go with them.
func macroTables() [][]macro {
	return [][]macro{
		operatorMacros(),
		timeMacros(),
		intervalMacros(),
		numericMacros(),
		castMacros(),
		aggregateMacros(),
		windowMacros(),
		mathMacros(),
		arrayMacros(),
		jsonMacros(),
		stringMacros(),
		moreAggregateMacros(),
		timeWindowMacros(),
		textAnalysisMacros(),
	}
}

// ruleSet is filled once: a variable initialized by its value would be a cycle, as
// rules write calls of other functions.
var (
	ruleOnce sync.Once
	ruleSet  map[string]Rule
)

func rules() map[string]Rule {
	ruleOnce.Do(func() {
		ruleSet = map[string]Rule{}
		for _, table := range ruleTables() {
			for name, r := range table {
				if _, twice := ruleSet[name]; twice {
					panic("duckdb: function " + name + " has two rules")
				}
				ruleSet[name] = r
			}
		}
	})
	return ruleSet
}
