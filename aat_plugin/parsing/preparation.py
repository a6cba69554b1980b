"""From a treebank's trees to a parser's lines: what `aat prepare trees` does to each tree, and what it notes of all.

A split becomes cleaned trees, one a line, and of each tree the source line (its words), the target line (its symbols)
and the number of words. What a parser must know later, how trees are said, the cap on openers, the treebank's way of
writing, stands in `treebank.json`. Memory grows with the different words, not with the trees.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from aat_plugin.errors import DataError
from aat_plugin.parsing.cleaning import clean
from aat_plugin.parsing.linearise import Linearisation, for_symbols, openers_in_a_row
from aat_plugin.parsing.raw_text import Style, learn_style
from aat_plugin.parsing.trees import Tree, to_line
from aat_plugin.parsing.unknown_words import replace_unknown, vocabulary

RECORD = "treebank.json"
FORMAT = 1


@dataclass
class Cleaned:
    """Cleaned trees, one a line, counted while they go by.

    Attributes:
        trees: as read.
        traces, functions: see `cleaning.clean`.
        lines: trees so far.
        dropped: of these, how many held nothing but traces.
    """

    trees: Iterable[Tree]
    traces: bool = True
    functions: bool = True
    lines: int = 0
    dropped: int = 0

    def __iter__(self) -> Iterator[str]:
        for tree in self.trees:
            cleaned = clean(tree, traces=self.traces, functions=self.functions)
            if cleaned is None:
                self.dropped += 1
            else:
                self.lines += 1
                yield to_line(cleaned)


@dataclass
class Survey:
    """What occurs in some cleaned trees.

    Attributes:
        trees, brackets: how many; wrappers are no brackets.
        labels, tags, words: what occurs, and how often.
        max_openers: see `linearise.openers_in_a_row`.
        longest: symbols of the longest tree.
        forests: trees whose wrapper holds something behind a bracket, which constrained decoding never says.
    """

    trees: int = 0
    brackets: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    tags: Counter[str] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)
    max_openers: int = 0
    longest: int = 0
    forests: int = 0

    def include(self, other: Survey) -> None:
        """Count what was counted elsewhere."""
        self.trees += other.trees
        self.brackets += other.brackets
        self.forests += other.forests
        for ours, theirs in ((self.labels, other.labels), (self.tags, other.tags), (self.words, other.words)):
            ours.update(theirs)
        self.longest = max(self.longest, other.longest)
        self.max_openers = max(self.max_openers, other.max_openers)

    def add(self, tree: Tree) -> None:
        """Count one more tree."""
        brackets, leaves = 0, 0
        for node in tree.preorder():
            if node.word is not None:
                leaves += 1
                self.tags[node.label] += 1
                self.words[node.word] += 1
            elif node is not tree:
                brackets += 1
                self.labels[node.label] += 1
        self.trees += 1
        self.brackets += brackets
        self.longest = max(self.longest, leaves + 2 * brackets)
        self.forests += any(part.word is None for part in tree.children[:-1])
        self.max_openers = max(self.max_openers, openers_in_a_row([tree]))


class Example(NamedTuple):
    """One sentence as a parser is trained on it."""

    source: str
    """The words, separated by blanks."""
    target: str
    """The symbols, separated by blanks."""
    num_words: int


@dataclass(frozen=True)
class Record:
    """What stands in `treebank.json`.

    Attributes:
        linearisation: how trees are said.
        max_openers: the cap for constrained decoding.
        style: how raw text is to be written.
        known: the vocabulary of whole words, where unknown ones become classes; else nothing, and no word does.
        counts: numbers for people.
    """

    linearisation: Linearisation
    max_openers: int
    style: Style
    known: frozenset[str] = frozenset()
    counts: dict[str, int] = field(default_factory=dict)

    def example(self, tree: Tree) -> Example:
        """The lines of one cleaned tree."""
        words = tree.words()
        return Example(self.source(words), " ".join(self.linearisation.symbols(tree)), len(words))

    def source(self, words: list[str]) -> str:
        """The source line of a sentence; before subwords, where there are any.

        White space inside a word (a no-break space, say) becomes `_`: fairseq would split the word there.
        """
        return " ".join("_".join(word.split()) or "_" for word in replace_unknown(words, self.known))

    def to_json(self) -> str:
        """The file's text."""
        content: dict[str, Any] = {"format": FORMAT, **asdict(self)}
        content["linearisation"] |= {name: sorted(content["linearisation"][name]) for name in ("labels", "tags")}
        content["known"] = sorted(self.known)
        return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def make_record(scheme: str, survey: Survey, *, classes: bool = False, size: int = 16_384, rare: int = 2) -> Record:
    """What is noted of a training set.

    Args:
        scheme: see `linearise.SCHEMES`.
        survey: of the training trees.
        classes: whether unknown words become classes; for whole words only.
        size: words in the vocabulary then.
        rare: words that occur less often are unknown then, so that a model learns what unknown words are.

    Raises:
        ConfigError: an unknown scheme.
        DataError: the symbols cannot be told apart; there are no trees.
    """
    if not survey.trees:
        raise DataError("there is no tree to train on; check the training files")
    counts = {"trees": survey.trees, "words": survey.words.total(), "brackets": survey.brackets,
              "different_words": len(survey.words), "longest_target": survey.longest,
              "forests": survey.forests}
    return Record(
        for_symbols(scheme, survey.labels, survey.tags),
        survey.max_openers,
        learn_style(survey.words),
        vocabulary(survey.words, size, rare) if classes else frozenset(),
        counts,
    )


def read_record(text: str, source: str) -> Record:
    """A `treebank.json`.

    Args:
        text: the file's text.
        source: its name, for messages.

    Raises:
        DataError: it is no such file of this version.
    """
    try:
        content = json.loads(text)
        if content.pop("format") != FORMAT:
            raise ValueError("another format")
        said = content.pop("linearisation")
        said |= {name: frozenset(said[name]) for name in ("labels", "tags")}
        style, known = Style(**content.pop("style")), frozenset(content.pop("known"))
        return Record(linearisation=Linearisation(**said), style=style, known=known, **content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{source} is not what aat prepare trees writes ({error}); prepare the data again") from None
