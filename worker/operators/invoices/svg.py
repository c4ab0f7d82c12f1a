"""What all pictures of azplan have in common: a page with a margin, colours for light and for dark, words for all.

A picture brings its own ground: a browser shows a picture alone on white, also to a person who has set it to dark.
"""

from collections.abc import Iterable
from html import escape
from typing import Final

MARGIN: Final = 16
STYLE: Final = (
    "svg{background:#fff}text{font:13px system-ui,sans-serif;fill:#1f2328}.head{font-weight:600;font-size:15px}"
    ".small{font-size:11px;fill:#59636e}.value{font-variant-numeric:tabular-nums}.sum{fill:#0969da}.up{fill:#6e9bd1}"
    ".down{fill:#9aa4af}.unexplained{fill:#cf222e}.alarm{fill:#cf222e;font-weight:600}.line{stroke:#d1d9e0}"
    "@media(prefers-color-scheme:dark){svg{background:#0d1117}text{fill:#e6edf3}.small{fill:#9198a1}.sum{fill:#4493f8}"
    ".up{fill:#3d6ea8}.down{fill:#6e7681}.unexplained,.alarm{fill:#f85149}.line{stroke:#3d444d}}"
)


def document(title: str, about: str, width: int, height: int, shapes: Iterable[str], style: str = "") -> str:
    """An SVG of these shapes, which lie between 0 and `width`, 0 and `height`. The title is also its heading.

    `about`: what a person who does not see the picture reads. `style`: rules beside those of `STYLE`.
    """
    wide, tall = width + 2 * MARGIN, height + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{-MARGIN} {-MARGIN} {wide} {tall}" width="{wide}"'
        f' height="{tall}" role="img" aria-labelledby="title about">',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="about">{escape(about)}</desc>',
        f"<style>{STYLE}{style}</style>",
        f'<text class="head" x="0" y="20">{escape(title)}</text>',
        *shapes,
    ]
    return "\n".join([*parts, "</svg>"]) + "\n"
