// Package pg is a real PostgreSQL server for tests: made and started in a folder for
// temporary files, reachable only through a socket in that folder unless a test asks for
// a port, and gone with the process that started it, however that ends.
//
// It knows how to run a server. It does not know the engine's driver.
package pg
