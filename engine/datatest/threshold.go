package datatest

import (
	"fmt"
	"regexp"
	"strconv"
)

var (
	comparison = regexp.MustCompile(`^\s*(=|==|!=|<>|<=|>=|<|>)\s*(-?\d+)\s*$`)
	between    = regexp.MustCompile(`(?i)^\s*between\s+(-?\d+)\s+and\s+(-?\d+)\s*$`)
)

// ParseThreshold reads a warn_if or error_if: a comparison with a whole number («> 10»)
// or «between 1 and 3», both ends included.
func ParseThreshold(s string) (func(failures int64) bool, error) {
	if m := between.FindStringSubmatch(s); m != nil {
		low, errLow := strconv.ParseInt(m[1], 10, 64)
		high, errHigh := strconv.ParseInt(m[2], 10, 64)
		if errLow != nil || errHigh != nil {
			return nil, fmt.Errorf("%q has a number that is too large", s)
		}
		return func(n int64) bool { return low <= n && n <= high }, nil
	}
	m := comparison.FindStringSubmatch(s)
	if m == nil {
		return nil, fmt.Errorf("%q is not a threshold: want an operator and a whole number, for example > 10", s)
	}
	limit, err := strconv.ParseInt(m[2], 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%q has a number that is too large", s)
	}
	switch m[1] {
	case "=", "==":
		return func(n int64) bool { return n == limit }, nil
	case "!=", "<>":
		return func(n int64) bool { return n != limit }, nil
	case "<":
		return func(n int64) bool { return n < limit }, nil
	case "<=":
		return func(n int64) bool { return n <= limit }, nil
	case ">":
		return func(n int64) bool { return n > limit }, nil
	}
	return func(n int64) bool { return n >= limit }, nil
}

// Status is what a number of failures means.
type Status int

const (
	Pass Status = iota
	Warn
	Fail
)

// Outcome judges a number of failures as dbt does: with severity error first by error_if,
// then by warn_if; with severity warn by warn_if only. The error is a threshold that
// cannot be read.
func Outcome(failures int64, q Query) (Status, error) {
	warnIf, err := ParseThreshold(q.WarnIf)
	if err != nil {
		return Fail, fmt.Errorf("warn_if: %w", err)
	}
	errorIf, err := ParseThreshold(q.ErrorIf)
	if err != nil {
		return Fail, fmt.Errorf("error_if: %w", err)
	}
	switch {
	case q.Severity != "warn" && errorIf(failures):
		return Fail, nil
	case warnIf(failures):
		return Warn, nil
	}
	return Pass, nil
}
