"""Workarounds for fairseq's and torch's versions: each says which version it is for and when it can go.

Nothing here changes an installed file; each entry acts on the imported modules and can be applied twice.
"""

from __future__ import annotations


def install() -> None:
    """Apply every workaround once. (None is needed by the model, criterion, schedule and task.)"""
