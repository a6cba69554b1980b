"""Alignments out of the attention that the search gathered, for --print-alignment and --replace-unk.

The attention is the decoder's own, averaged over heads and models, from the step that chose each token. fairseq reads
an alignment in two ways at once: it prints pairs, and it looks up the source position of the i-th target word; its own
generator's pairs fail at the second. `AlignedPair` can be read both ways.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from fairseq import utils
from torch import Tensor

from aat_plugin.bindings.boundary import user_facing
from aat_plugin.bindings.generation_flags import GenerationFlags
from aat_plugin.errors import DataError, UnsupportedOptionError

BARE_REPLACE_UNK = "@@ "
"""What fairseq's parser stores for --replace-unk without a dictionary (fairseq 0.12.3)."""


class AlignedPair(NamedTuple):
    """A target word and the source word that it looked at most; as an index, the source word's place."""

    source: int
    target: int

    def __index__(self) -> int:
        return self.source


def hard_alignment(
    attention: Tensor, src_tokens: Tensor, tokens: Tensor, padding_idx: int, end_idx: int, *, for_unknown: bool
) -> list[AlignedPair]:
    """Each target token's most attended source token; end symbols and padding take no part.

    Args:
        attention: (tgt_len, src_len).
        src_tokens: (src_len,).
        tokens: (tgt_len,), with end symbol.
        padding_idx: padding, and
        end_idx: the end symbol, on both sides.
        for_unknown: the pairs are to look up source words; then even a source of no words gets pairs, which name its
            end symbol.

    Returns:
        A pair for each target token, in order, counted from 0.
    """
    pairs = utils.extract_hard_alignment(attention, src_tokens, tokens, padding_idx, end_idx)
    if not pairs and for_unknown:
        pairs = [(0, place) for place in range(int(tokens.ne(end_idx).sum()))]
    return [AlignedPair(int(source), int(target)) for source, target in pairs]


def soft_alignment(attention: Tensor, src_tokens: Tensor, tokens: Tensor, padding_idx: int, end_idx: int) -> list[Any]:
    """For each target token (end symbol included) its weights over the source tokens, as text; shapes as above."""
    weights: list[Any] = utils.extract_soft_alignment(attention, src_tokens, tokens, padding_idx, end_idx)
    return weights


def align(
    flags: GenerationFlags, attention: Tensor | None, source: Tensor, tokens: Tensor, pad: int, eos: int
) -> Any:
    """The alignment that the flags ask for, or fairseq's empty tensor; shapes as above.

    Raises:
        UnsupportedOptionError: the model gives no attention.
    """
    if not flags.needs_alignment:
        return torch.empty(0)
    if attention is None:
        raise UnsupportedOptionError(
            "--print-alignment and --replace-unk need attention over the source, which this model does not give"
        )
    if flags.print_alignment == "soft":
        return soft_alignment(attention, source, tokens, pad, eos)
    return hard_alignment(attention, source, tokens, pad, eos, for_unknown=flags.replace_unk is not None)


_stock_load_align_dict = utils.load_align_dict


@user_facing
def load_align_dict(replace_unk: str | None) -> dict[str, str] | None:
    """fairseq's, but --replace-unk without a file means "copy the source word" instead of a crash.

    Raises:
        DataError: no such file, or a line of it is not two words.
    """
    if replace_unk == BARE_REPLACE_UNK:
        return {}
    try:
        entries: dict[str, str] | None = _stock_load_align_dict(replace_unk)
    except FileNotFoundError:
        raise DataError(f"--replace-unk {replace_unk}: no such file; leave it out to copy source words") from None
    except IndexError:
        raise DataError(f"--replace-unk {replace_unk}: a line is not a source word and a target word") from None
    return entries


def install() -> None:
    """Let fairseq's commands use `load_align_dict`. For fairseq 0.12.3, which opens a file named "@@ "."""
    utils.load_align_dict = load_align_dict
