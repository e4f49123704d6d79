"""Draws the bar chart: a panel an event, a bar a library."""

from figures import NAMES, best, score, title

WIDTH, LABEL, BAR, STEP, PANEL = 760, 130, 22, 28, 46
STYLE = """
text { font: 13px sans-serif; fill: #1f2328 }
.title { font-weight: bold }
.ours { font-weight: bold }
.bar { fill: #9aa4b2 }
.bar.ours { fill: #d9822b }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .bar { fill: #6e7681 }
  .bar.ours { fill: #f0a04b }
}
"""

def draw(result):
    """The chart as SVG: milliseconds a clip, each panel to its own scale."""
    events = [e for e in result["events"] if e["event"] == "latency" and not e["isa"]]
    parts, y = [], 44
    for e in events:
        parts.append(f'<text class="title" x="10" y="{y + 14}">{title(e)}</text>')
        y += 24
        bars = sorted(best(e).values(), key=lambda c: score(e, c))
        longest = score(e, bars[-1])
        for c in bars:
            ms = score(e, c)
            parts.append(bar(y, NAMES[c["library"]], ms, ms / longest, " ours" if c["library"] == "p3dc" else ""))
            y += STEP
        y += PANEL - STEP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" role="img">\n'
        "<title>Milliseconds for one clip, less is better</title>\n"
        f"<style>{STYLE}</style>\n"
        '<text x="10" y="22">Milliseconds for one clip of 3x16x160x160, float32: less is better. Each panel has its own scale.</text>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )

def bar(y, name, ms, fraction, ours):
    length = (WIDTH - LABEL - 70) * fraction
    return (
        f'<text class="{ours.strip()}" x="{LABEL - 8}" y="{y + 16}" text-anchor="end">{name}</text>'
        f'<rect class="bar{ours}" x="{LABEL}" y="{y}" width="{length:.1f}" height="{BAR}" rx="3"/>'
        f'<text class="{ours.strip()}" x="{LABEL + length + 6:.1f}" y="{y + 16}">{ms:.1f}</text>'
    )
