// Package script runs scripts of GoogleSQL's procedural language: DECLARE, SET, IF, CASE,
// LOOP, WHILE, REPEAT, FOR, BEGIN … EXCEPTION, RAISE, EXECUTE IMMEDIATE, CALL, ASSERT,
// RETURN.
//
// It holds the flow of control and the variables; each statement of SQL and each
// expression goes to an Executor. It must not know warehouses, dialects or the project.
package script
