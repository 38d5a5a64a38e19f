package postgres

// Version is part of what results of the translation are kept under. It changes when the
// same statement may be written differently.
const Version = "3"
