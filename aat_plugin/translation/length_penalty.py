"""Section 6.1: the length penalty and the limit on a translation's length, as pure functions.

A hypothesis Y is ranked by log P(Y|x) / penalty(|Y|), where |Y| counts the end symbol, as in tensor2tensor and fairseq.
The limit is on the tokens before the end symbol; the paper's is |x| + 50. Read `beam_search` next.
"""

from __future__ import annotations

from typing import Literal, overload

import torch
from torch import Tensor

PenaltyKind = Literal["gnmt", "power", "none"]
LimitKind = Literal["sentence", "batch"]


@overload
def length_penalty(kind: str, length: int, alpha: float) -> float: ...


@overload
def length_penalty(kind: str, length: Tensor, alpha: float) -> Tensor: ...


def length_penalty(kind: str, length: int | Tensor, alpha: float) -> float | Tensor:
    """What log P is divided by.

    Args:
        kind: "gnmt", ((5 + |Y|) / 6)^α (Wu et al. 2016, equation 14); "power", |Y|^α; "none", 1.
        length: |Y| in tokens, the end symbol included; an int or a tensor of any shape.
        alpha: α; 0 ranks by log P alone, a negative one favours short hypotheses.

    Returns:
        A float for an int, else a tensor of `length`'s shape, in float64.

    Raises:
        ValueError: an unknown kind.
    """
    if isinstance(length, Tensor):
        length = length.double()
    if kind == "gnmt":
        return ((5 + length) / 6) ** alpha
    if kind == "power":
        return length**alpha if isinstance(length, Tensor) else float(length**alpha)
    if kind == "none":
        return torch.ones_like(length) if isinstance(length, Tensor) else 1.0
    raise ValueError(f"unknown length penalty {kind!r}")


def sentence_limits(lengths: Tensor, a: float, b: float) -> Tensor:
    """floor(a · |x| + b) for each sentence, at least 0.

    Args:
        lengths: |x| of each sentence in tokens, without end symbol and padding, (batch,).
        a: and
        b: as in `--max-len-a` and `--max-len-b`; the paper's are 1 and 50.

    Returns:
        (batch,), int64: the most tokens a translation may have before its end symbol.
    """
    return (a * lengths.double() + b).floor().long().clamp(min=0)


def batch_limit(padded_length: int, a: float, b: float) -> int:
    """fairseq's rule, one limit for all sentences of a batch: int(a · length + b), at least 0.

    Args:
        padded_length: the batch's width in tokens, with end symbol and padding.
        a: and
        b: as in `--max-len-a` and `--max-len-b`.
    """
    return max(0, int(a * padded_length + b))


def length_limits(
    kind: str, src_tokens: Tensor, a: float, b: float, *, padding_idx: int, end_idx: int, longest: int
) -> Tensor:
    """Each sentence's limit under one of the two rules.

    Args:
        kind: "sentence" (`sentence_limits`) or "batch" (`batch_limit`).
        src_tokens: (batch, src_len), padded on either side.
        a: and
        b: as in `--max-len-a` and `--max-len-b`.
        padding_idx: padding, and
        end_idx: the end symbol, in src_tokens.
        longest: no limit is above it: what the model has positions for.

    Returns:
        (batch,), int64, on src_tokens' device.

    Raises:
        ValueError: an unknown kind.
    """
    if kind == "sentence":
        words = (src_tokens.ne(padding_idx) & src_tokens.ne(end_idx)).sum(dim=1)
        return sentence_limits(words, a, b).clamp(max=longest)
    if kind == "batch":
        limit = min(batch_limit(src_tokens.size(1), a, b), longest)
        return torch.full((src_tokens.size(0),), limit, dtype=torch.int64, device=src_tokens.device)
    raise ValueError(f"unknown length limit {kind!r}")
