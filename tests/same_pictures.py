"""Whether two SVG files show the same: words alike, shapes at the same places, whatever rounding did to the digits."""

from __future__ import annotations

import re
from itertools import zip_longest

NAMES = re.compile(r'(?<=[#"])[a-z]+[0-9a-f]{10}(?=[")])')
"""matplotlib names clips and markers after a checksum of their shapes."""
IMAGE = re.compile(r"base64,[^\"]+")
"""Pixels are packed by whatever version of a library is there."""
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
FAR = 0.5
"""Of a picture's points."""


def words(svg: str) -> list[str]:
    """The texts of a picture and its label for those who do not see it."""
    return re.findall(r'aria-label="[^"]*"', svg) + re.findall(r"<(?:text|tspan)[^>]*>([^<]+)<", svg)


def difference(one: str, other: str) -> str | None:
    """What differs first, in words; None where nothing does."""
    if words(one) != words(other):
        return f"words: {sorted(set(words(one)) ^ set(words(other)))}"
    texts = [IMAGE.sub("", NAMES.sub("", svg)) for svg in (one, other)]
    if NUMBER.sub("#", texts[0]) != NUMBER.sub("#", texts[1]):
        return "shapes: not the same elements"
    pairs = zip_longest(*(map(float, NUMBER.findall(text)) for text in texts))
    apart = max((abs(a - b) for a, b in pairs), default=0.0)
    return f"places: {apart:.2f} points apart" if apart > FAR else None
