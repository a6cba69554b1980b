"""Figures 3 to 5 to play with: one HTML file, no network, in which layer, heads and token are chosen.

Read `attention` first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aat_plugin.results.figures.attention import KINDS, heads_of
from aat_plugin.results.page import template

if TYPE_CHECKING:
    from aat_plugin.bindings.attention_reader import Attended

PARTS = 1000
"""Weights are written in thousandths: a page of 6 layers, 8 heads and 40 tokens a side stays under a megabyte."""


def render(attended: Attended, about: str) -> str:
    """The page as HTML text.

    Args:
        attended: see `AttentionReader.read`.
        about: small print: which model.
    """
    kinds = {kind: _kind(attended, kind) for kind in KINDS}
    return template("attention.html.j2").render(
        data=_inside_script({"kinds": kinds, "parts": PARTS}), names=KINDS, about=about,
        source=" ".join(attended.source), said=" ".join(attended.said),
    )  # fmt: skip


def _kind(attended: Attended, kind: str) -> dict[str, Any]:
    heads = heads_of(attended, kind)
    weights = heads.weights.mul(PARTS).round().int().tolist()
    return {"queries": list(heads.queries), "keys": list(heads.keys), "weights": weights}


def _inside_script(data: Mapping[str, Any]) -> str:
    """JSON that cannot end the script element that it stands in."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
