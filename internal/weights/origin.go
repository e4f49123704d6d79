package weights

import "maps"

// The keys of the metadata that say where a safetensors file comes from.
const (
	metaNetwork = "p3dc.network"
	metaSource  = "p3dc.source"
	metaVersion = "p3dc.version"
)

// Origin says where the values of a safetensors file come from. Fields that
// are empty are not written.
type Origin struct {
	Network string // the network that the values were checked against: its name and its hash
	Source  string // the file that they were read from, without its folder
	Version string // of the tool that wrote them
}

// Metadata returns the origin as metadata of a safetensors file, beside the
// given metadata of the source. Where those name a source themselves it stays:
// the first file of a chain is where the values come from.
func (o Origin) Metadata(source map[string]string) map[string]string {
	all := maps.Clone(source)
	if all == nil {
		all = map[string]string{}
	}
	set := func(key, value string) {
		if value != "" {
			all[key] = value
		}
	}
	set(metaNetwork, o.Network)
	set(metaVersion, o.Version)
	if all[metaSource] == "" {
		set(metaSource, o.Source)
	}
	return all
}
