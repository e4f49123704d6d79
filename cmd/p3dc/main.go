// Command p3dc compiles a description of a Pseudo-3D video network into a Go
// package that runs it, and checks, measures and tries out what it compiles.
//
// Run "p3dc --help" for the commands; docs/cli.md shows each at work.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// A closed terminal or pipe ends the work, too: temporary folders go with it.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	// The first signal ends the work in hand, a second one the process.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
