package main

import "github.com/alecthomas/kong"

// description introduces the tool in its help.
const description = `Compiles a description of a Pseudo-3D video network into a Go package that runs it on CPUs with its own AVX-512 and AVX2 assembly.

NET is the name of a network that ships with the tool (${presets}) or the file of a description. Exit codes: 0 done, 1 failed, 2 the command line makes no sense.

Examples:

    p3dc compile p3d63 --verify
    p3dc explain mynet.p3d
    p3dc classify p3d199 --weights p3d199.safetensors --labels kinetics400.txt match.mp4`

// cli is the command line: a field a command.
type cli struct {
	Version kong.VersionFlag `help:"Print the version and exit."`

	Compile  compileCmd  `cmd:"" help:"Write the Go package of a network."`
	Fmt      fmtCmd      `cmd:"" help:"Format descriptions."`
	Explain  explainCmd  `cmd:"" help:"Show what is computed and how, layer by layer."`
	Verify   verifyCmd   `cmd:"" help:"Check the generated code against the interpreter or reference values."`
	Bench    benchCmd    `cmd:"" help:"Measure the speed of the generated code."`
	Classify classifyCmd `cmd:"" help:"Say what happens in videos."`
	Export   exportCmd   `cmd:"" help:"Write networks for other programs."`
	Import   importCmd   `cmd:"" help:"Read networks of other programs."`
	Weights  weightsCmd  `cmd:"" help:"Look into checkpoints, convert and pack them."`
}

// weightsCmd groups the commands on checkpoints.
type weightsCmd struct {
	Inspect inspectCmd `cmd:"" help:"List the tensors of a checkpoint."`
	Convert convertCmd `cmd:"" help:"Convert a checkpoint to safetensors."`
	Inflate inflateCmd `cmd:"" help:"Make weights of a network for clips from those of one for images."`
	Pack    packCmd    `cmd:"" help:"Pack weights ahead of time, for a package to map."`
}
