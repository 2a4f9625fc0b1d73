"""A drawing for dark pages, from the one for light pages: same shapes, colours chosen for a dark ground.

Greys exchange black and white. Other colours of lines and text become lighter until they stand out from the ground. A
heat map keeps its colours, as their order carries the numbers.
"""

import colorsys
import re
from functools import cache

GROUND = "#14181e"
"""The theme's own dark ground."""
INK = "#e6e6e6"
CONTRAST = 4.5
COLOR = re.compile(r"#[0-9a-fA-F]{6}\b")
HEAT = re.compile(r'(<g id="(?:QuadMesh|AxesImage|image)[^"]*">.*?</g>|<image .*?/>)', re.DOTALL)


def dark(svg: str) -> str:
    """The drawing for dark pages."""
    parts = HEAT.split(svg)
    parts[::2] = [COLOR.sub(lambda found: lit(found[0].lower()), part) for part in parts[::2]]
    # Shapes without a colour of their own are black: letters above all.
    return re.sub(r"<svg ", f'<svg fill="{INK}" ', "".join(parts), count=1)


@cache
def lit(color: str) -> str:
    """A colour as it is drawn on the dark ground."""
    red, green, blue = _rgb(color)
    if red == green == blue:
        low, high = _rgb(GROUND)[0], _rgb(INK)[0]
        return _hex(*[high - (high - low) * red] * 3)
    hue, light, strength = colorsys.rgb_to_hls(red, green, blue)
    while contrast(_hex(*colorsys.hls_to_rgb(hue, light, strength)), GROUND) < CONTRAST:
        light += 0.01
    return _hex(*colorsys.hls_to_rgb(hue, light, strength))


def contrast(one: str, other: str) -> float:
    """Contrast of two colours after WCAG 2, from 1 (none) to 21 (black on white)."""
    bright, dim = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _luminance(color: str) -> float:
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in _rgb(color)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _rgb(color: str) -> tuple[float, float, float]:
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def _hex(*channels: float) -> str:
    return "#" + "".join(f"{round(255 * min(1.0, max(0.0, value))):02x}" for value in channels)
