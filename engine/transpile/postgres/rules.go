package postgres

import "sync"

// ruleTables lists the tables of rules of scalar functions by the analyzer's names, lower
// case. A name stands in one table only.
func ruleTables() []map[string]Rule {
	return []map[string]Rule{
		operatorRules(),
		conditionalRules(),
		mathRules(),
		stringRules(),
		regexpRules(),
		timeRules(),
		formatRules(),
		rangeRules(),
		arrayRules(),
		jsonRules(),
	}
}

// routineTables lists the functions that go with them.
func routineTables() [][]routine {
	return [][]routine{
		coreRoutines(),
		castRoutines(),
		aggregateRoutines(),
		mathRoutines(),
		stringRoutines(),
		hashRoutines(),
		timeRoutines(),
		formatRoutines(),
		rangeRoutines(),
		arrayRoutines(),
		jsonRoutines(),
	}
}

// ruleSet is filled once: a variable initialized by its value would be a cycle, as rules
// write calls of other functions.
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
					panic("postgres: function " + name + " has two rules")
				}
				ruleSet[name] = r
			}
		}
	})
	return ruleSet
}
