package svg

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPrinter(t *testing.T) {
	p := &Printer{}
	p.Open(120, 80.4, `a "title" of <this> & that`)
	p.Line(`<path d="M%.1f 0"/>`, 1.25)
	p.Text(`class="tick"`, 1, 2.25, "end", "x < y")
	p.Line("</svg>")
	want := `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 80" role="img">
<title>a &#34;title&#34; of &lt;this&gt; &amp; that</title>
<path d="M1.2 0"/>
<text class="tick" x="1.0" y="2.2" text-anchor="end">x &lt; y</text>
</svg>
`
	if d := cmp.Diff(want, p.String()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
