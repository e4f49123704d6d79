// Package module tests generated packages as their users have them: copied
// into a module of the user's, which requires golang.org/x/sys and nothing
// else. It holds tests alone.
package module
