// Package faults lets p3dc fail at each of its file operations, one after another:
// the disk is full, the system says no, the process is told to end or killed.
// What was there before must stay, or what was asked for must be there whole.
package faults
