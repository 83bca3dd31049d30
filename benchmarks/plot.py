"""Draws the ratios of a report as an SVG: how long what was measured took, direct is 1."""

COLORS = {"virtballoond": "#2a6f97", "socat": "#c2a878", "virtproxyd": "#9d4e4e",
          "bare": "#8a8a8a"}
LABEL, WIDTH, BAR, GAP, TOP = 190, 460, 10, 12, 54
STYLE = "font-family='sans-serif' font-size='12'"


def text(x, y, words, anchor="start"):
    """A piece of text."""
    return f"<text x='{x:.0f}' y='{y:.0f}' text-anchor='{anchor}'>{words}</text>"


def draw(report):
    """The whole drawing."""
    rows = []
    for name, ratios in report["figures"].items():
        # What is a rate is turned round, so that less is better everywhere.
        turned = name.split()[0] in ("download", "upload", "event-flood")
        there = {relay: 1 / ratio if turned else ratio for relay, ratio in ratios.items() if ratio}
        if there:
            rows.append((name, there))
    relays = [relay for relay in COLORS if any(relay in there for _, there in rows)]
    scale = WIDTH / max([2.0, *(ratio for _, there in rows for ratio in there.values())])
    height = TOP + sum(len(there) * BAR + GAP for _, there in rows) + GAP

    parts, y = [], TOP
    for name, there in rows:
        parts.append(text(LABEL - 8, y + len(there) * BAR / 2 + 4, name, "end"))
        for relay, ratio in there.items():
            parts.append(f"<rect x='{LABEL}' y='{y}' width='{ratio * scale:.1f}' "
                         f"height='{BAR - 1}' fill='{COLORS[relay]}'/>")
            parts.append(f"<text x='{LABEL + ratio * scale + 4:.0f}' y='{y + BAR - 2}' "
                         f"font-size='9'>{ratio:.2f}</text>")
            y += BAR
        y += GAP
    for number, relay in enumerate(relays):
        x = LABEL + number * 130
        parts.append(f"<rect x='{x}' y='10' width='12' height='12' fill='{COLORS[relay]}'/>")
        parts.append(text(x + 18, 20, relay))
    parts.append(f"<line x1='{LABEL + scale:.1f}' y1='{TOP - 8}' x2='{LABEL + scale:.1f}' "
                 f"y2='{height - GAP}' stroke='#333' stroke-dasharray='3 3'/>")
    parts.append(text(LABEL + scale, TOP - 10, "direct", "middle"))
    return (f"<svg xmlns='http://www.w3.org/2000/svg' width='{LABEL + WIDTH + 50}' "
            f"height='{height}' {STYLE}>\n<rect width='100%' height='100%' fill='white'/>\n"
            + "\n".join(parts) + "\n</svg>\n")
