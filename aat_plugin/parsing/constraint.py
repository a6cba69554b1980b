"""Constrained decoding of trees (ours; Section 6.3 decodes freely): only what can still become a tree may be said.

A `BracketConstraint` is what `translation.search_options.Constraint` describes. Every hypothesis has a row of tensors,
which move with the beam and are never looked at from Python: tokens left until the limit, leaves left, open brackets
and their labels, whether the innermost holds something, openers in a row. With n words, in this order:

    leaf      while leaves < n
    opener    while leaves < n, below the cap on openers in a row, and if it and its closer still fit into the limit
    closer    of the innermost bracket, if that holds something; of the last bracket only at leaves = n
    end       with nothing open and leaves = n

From every state that can be reached the end can be reached, so every finished hypothesis is a tree over n words. What
is forbidden gets probability 0 and the rest is not renormalised. Read `linearise` first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from aat_plugin.errors import ConfigError, DataError
from aat_plugin.parsing.linearise import Kind, Linearisation


@dataclass(frozen=True)
class SymbolTable:
    """What each token of a vocabulary does.

    Attributes:
        kind: (V,), int64, a `Kind`; openers without a closer in the vocabulary do nothing, nor do closers without an
            opener.
        label: (V,), int64, of openers and closers the number of their label, else 0.
        closer: (labels,), int64, the token that closes each label.
        columns: (symbols,), int64, the tokens that do anything.
    """

    kind: Tensor
    label: Tensor
    closer: Tensor
    columns: Tensor

    def to(self, device: torch.device) -> SymbolTable:
        """The same on another device."""
        return SymbolTable(*(part.to(device) for part in (self.kind, self.label, self.closer, self.columns)))


def symbol_table(linearisation: Linearisation, symbols: Sequence[str], end_idx: int) -> SymbolTable:
    """Read a vocabulary.

    Args:
        linearisation: how trees are said.
        symbols: the vocabulary in order.
        end_idx: the end symbol.

    Raises:
        DataError: the vocabulary has no leaf.
    """
    readings = [linearisation.read(symbol) for symbol in symbols]
    openers = {text for kind, text in readings if kind is Kind.OPENER}
    closers = {text: index for index, (kind, text) in enumerate(readings) if kind is Kind.CLOSER}
    numbers = {label: number for number, label in enumerate(sorted(openers & closers.keys()))}
    if not any(kind is Kind.LEAF for kind, _ in readings):
        raise DataError(f"the vocabulary has no leaf symbol of the linearisation '{linearisation.scheme}'; use the "
                        "dictionary that was prepared with it")
    kind, label = torch.zeros(len(symbols), dtype=torch.int64), torch.zeros(len(symbols), dtype=torch.int64)
    for index, (what, text) in enumerate(readings):
        if index == end_idx:
            kind[index] = Kind.END
        elif what is Kind.LEAF or text in numbers:
            kind[index], label[index] = int(what), numbers.get(text, 0) if what is not Kind.LEAF else 0
    closer = torch.tensor([closers[text] for text in numbers] or [0], dtype=torch.int64)
    return SymbolTable(kind, label, closer, kind.nonzero().squeeze(1))


_REMAINING, _LEFT, _DEPTH, _FILLED, _RUN = range(5)


class BracketConstraint:
    """The state of one search.

    Args:
        table: what each token does; on the search's device.
        num_words: (sentences,), int64, the words of each sentence, not its subwords.
        limits: (sentences,), int64, the most tokens before the end symbol, as the search has them.
        max_openers: the cap on openers in a row; see `linearise.openers_in_a_row`.

    Raises:
        ConfigError: a limit is below its sentence's number of words.
    """

    def __init__(self, table: SymbolTable, num_words: Tensor, limits: Tensor, max_openers: int) -> None:
        short = limits < num_words
        if bool(short.any()):
            words, limit = int(num_words[short][0]), int(limits[short][0])
            raise ConfigError(f"a sentence of {words} words cannot be parsed in {limit} symbols; raise --max-extra or "
                              "the length limit")
        self.table, self.max_openers = table, max_openers
        self.state = torch.zeros(limits.size(0), 5, dtype=torch.int64, device=limits.device)
        self.state[:, _REMAINING], self.state[:, _LEFT] = limits, num_words
        # A bracket costs two symbols beside the words, so no more than this can be open at once.
        deepest = int((limits - num_words).max()) // 2 if limits.numel() else 0
        self.stack = torch.zeros(limits.size(0), max(deepest, 1), dtype=torch.int64, device=limits.device)

    def allowed(self, tokens: Tensor) -> Tensor:
        """Which next tokens are allowed.

        Args:
            tokens: (rows, length); only the number of rows is used.

        Returns:
            (rows, V), True where allowed.
        """
        remaining, left, depth, filled, run = self.state.unbind(1)
        leaf = left > 0
        opener = leaf & (run < self.max_openers) & (remaining >= left + depth + 2)
        closer = (depth > 0) & (filled > 0) & ((depth > 1) | (left == 0))
        end = (depth == 0) & (left == 0)
        never = torch.zeros_like(leaf)
        by_kind = torch.stack([never, leaf, opener, never, end], dim=1)  # (rows, kinds), in the order of Kind
        # Few tokens of a vocabulary that words share say anything: only their columns are filled.
        columns = self.table.columns
        mask = torch.zeros(left.size(0), self.table.kind.size(0), dtype=torch.bool, device=left.device)
        mask[:, columns] = by_kind.index_select(1, self.table.kind[columns])
        top = self.stack.gather(1, (depth - 1).clamp(0, self.stack.size(1) - 1).unsqueeze(1))
        # Where no closer is allowed this writes False over a False.
        return mask.scatter_(1, self.table.closer[top], closer.unsqueeze(1))

    def advance(self, rows: Tensor, tokens: Tensor) -> None:
        """Row i now continues what was row `rows[i]`, with one more token, `tokens[i]`; both (new_rows,).

        Rows of probability 0 may come with any token, where fewer moves than beams are legal; their state means
        nothing, and stays within its bounds.
        """
        remaining, left, depth, filled, run = self.state.index_select(0, rows).unbind(1)
        self.stack = self.stack.index_select(0, rows)
        kind = self.table.kind[tokens]
        leaf, opener, closer = kind == Kind.LEAF, kind == Kind.OPENER, kind == Kind.CLOSER
        place = depth.clamp(max=self.stack.size(1) - 1).unsqueeze(1)
        label = torch.where(opener.unsqueeze(1), self.table.label[tokens].unsqueeze(1), self.stack.gather(1, place))
        self.stack.scatter_(1, place, label)
        depth = (depth + opener.long() - closer.long()).clamp(0, self.stack.size(1))
        # An opener begins an empty bracket; a leaf fills the innermost, and so does a bracket that ends in it.
        filled = torch.where(opener, 0, torch.where(leaf | closer, 1, filled))
        run = torch.where(opener, run + 1, 0)
        self.state = torch.stack([remaining - 1, (left - leaf.long()).clamp(min=0), depth, filled, run], dim=1)
