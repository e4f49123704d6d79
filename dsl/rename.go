package dsl

import "slices"

// Renamed returns the network with the parameter names of an embedded scheme,
// such as "torchvision", instead of its own. The rest is shared with n. Lowered,
// both have the same operations and the same parameters, in the same order. An
// unknown scheme is found when the network is lowered.
func Renamed(n *Network, scheme string) *Network {
	renamed := *n
	renamed.Body = slices.DeleteFunc(slices.Clone(n.Body), func(s Stmt) bool {
		_, names := s.(*Names)
		return names
	})
	renamed.Body = append(renamed.Body, &Names{Scheme: scheme})
	return &renamed
}
