//go:build harness

package main

import (
	"context"

	"p3dcharness/net"
	"p3dcharness/wire"
)

// profile takes the time of each region on the session of so many threads.
func (s *server) profile(q *wire.Profile, clip []float32) ([]wire.RegionTime, error) {
	session, c, out := s.session(sessionKey{threads: q.Threads, batch: 1}), net.Float32Clip(clip), net.Output{}
	for range q.Warmups {
		if err := session.Run(&out, c); err != nil {
			return nil, err
		}
	}
	times, err := session.Profile(context.Background(), c, q.Runs)
	if err != nil {
		return nil, err
	}
	profile := make([]wire.RegionTime, len(times))
	for i, t := range times {
		profile[i] = wire.RegionTime(t)
	}
	return profile, nil
}
