// Package suite builds many generated packages into one program and runs
// them, for tests that compare what the packages compute with the
// interpreters. One build costs about a second, however many networks it has.
package suite
