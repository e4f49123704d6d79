package figure

// colour is what a box is filled and outlined with; the outline is dark enough
// for text on the filling.
type colour struct{ fill, line string }

// The drawings have a background of their own, so that they look the same on
// light and on dark pages.
const (
	paper = "#ffffff"
	ink   = "#1f2328"
	faint = "#59636e"
	rule  = "#c4ccd4"
	way   = "#98a2ad" // from a row to the next
	fonts = "Helvetica, Arial, sans-serif"
)

// The colours of blocks by their kind; they differ in lightness, too.
var (
	colourA     = colour{"#d7e8fb", "#1b5fad"}
	colourB     = colour{"#ffe2bf", "#a3540a"}
	colourC     = colour{"#cdefd3", "#1d7039"}
	colour2D    = colour{"#e4e7eb", "#4a545e"}
	colour3D    = colour{"#e9dcfa", "#6836b0"}
	colour21D   = colour{"#c9eef0", "#0c6a72"}
	otherColour = colour{"#fbdde6", "#a02c55"}
	layerColour = colour{"#fbfbf7", "#59636e"}
	poolColour  = colour{"#fff4b8", "#7d6608"}
)
