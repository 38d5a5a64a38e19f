// Package example makes projects: the manufacturing company at any scale, and the smallest
// project that builds.
//
// It holds the simulation whose output are the seeds of the repository root, and the
// writer of complete project folders. It knows no warehouse, no template and no plan: a
// project is files, and it writes files. What makes Parquet files comes in as a function. The project's own text (models, tests, macros)
// comes in as a file system, so that this package does not import the module root.
package example
