"""What `tree_stages` does to blocks of lines, in other processes: clean, survey, say as symbols."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from aat_plugin.corpora.blocks import Block, joined
from aat_plugin.corpora.streams import Made
from aat_plugin.parsing.cleaning import clean
from aat_plugin.parsing.preparation import Record, Survey, read_record
from aat_plugin.parsing.trees import read_line, to_line


@dataclass(frozen=True)
class CleanBlock:
    """Work for `streams.transform`: lines of one tree each, cleaned; blank ones go."""

    traces: bool
    functions: bool

    def __call__(self, block: Block) -> Made:
        """The block's cleaned trees; counts `dropped`."""
        kept = []
        for number, line in enumerate(block.texts(), start=block.first):
            tree = read_line(line, block.names[0], number)
            cleaned = None if tree is None else clean(tree, traces=self.traces, functions=self.functions)
            if cleaned is not None:
                kept.append(to_line(cleaned))
        return Made((joined(kept),), {"dropped": block.lines - len(kept)})


def survey_block(block: Block) -> Survey:
    """What occurs in the trees of a block."""
    survey = Survey()
    for number, line in enumerate(block.texts(), start=block.first):
        tree = read_line(line, block.names[0], number)
        if tree is not None:
            survey.add(tree)
    return survey


@dataclass(frozen=True)
class LinesBlock:
    """Work for `streams.transform`: cleaned trees to words, symbols and numbers of words.

    Attributes:
        record: the treebank.json.
        checksum: of its content, so that a process which remembers another one takes this one.
    """

    record: Path
    checksum: str

    def __call__(self, block: Block) -> Made:
        """The block's three outputs; counts `words` and `symbols`."""
        record = _record(self)
        trees = [read_line(line, block.names[0], number) for number, line in enumerate(block.texts(), block.first)]
        examples = [record.example(tree) for tree in trees if tree is not None]
        counts = {"words": sum(one.num_words for one in examples),
                  "symbols": sum(one.target.count(" ") + 1 for one in examples)}
        outputs = ([one.source for one in examples], [one.target for one in examples],
                   [str(one.num_words) for one in examples])
        return Made(tuple(map(joined, outputs)), counts)


@lru_cache(maxsize=2)
def _record(options: LinesBlock) -> Record:
    """One for each process."""
    return read_record(options.record.read_text(encoding="utf-8"), str(options.record))
