// Package dsl is the description language of p3dc: a small text that says
// what a video network is made of.
//
// [Parse] reads a text into a [Network], the syntax tree; [Set] changes it as
// the command line's --set does; [Format] writes it back in canonical form;
// [Check] finds what cannot be built; [Lower] turns it into an [ir.Graph] of
// unfused operations. [Preset] and [Load] find the networks that ship with
// the tool and those in files.
//
// Every fault of a user's text is an [Error] with a position, and all faults
// of a text come together in an [ErrorList].
package dsl
