"""EVALB's parameter files: what is deleted before counting, and which labels and words count as the same.

`COLLINS` is what Table 4's figures are scored with (Section 6.3's readers have used it since Collins); other files are
read as EVALB reads them, but a line that EVALB would skip with a remark is refused. Read `evalb` next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from aat_plugin.errors import DataError, nearest
from aat_plugin.parsing.tree_files import iterate_lines


@dataclass(frozen=True)
class Parameters:
    """One parameter file.

    Attributes:
        delete: labels that do not count; as a tag, the word goes as well.
        delete_for_length: tags whose words do not count in a sentence's length.
        equal_labels: pairs that count as the same, in either order; not chained.
        equal_words: the same for words.
        quotes: tags under which a quotation mark or a slash may be put back in when the lengths differ.
        cutoff: the length up to which the second part of the summary counts.
        max_error: EVALB stops behind so many errors and one more; only told of here.
        labelled: whether labels count at all.
        source: where this is from.
    """

    delete: frozenset[str] = frozenset()
    delete_for_length: frozenset[str] = frozenset()
    equal_labels: frozenset[tuple[str, str]] = frozenset()
    equal_words: frozenset[tuple[str, str]] = frozenset()
    quotes: frozenset[str] = frozenset()
    cutoff: int = 40
    max_error: int = 10
    labelled: bool = True
    source: str = "EVALB's defaults"
    _counted: dict[str, str | None] = field(default_factory=dict, init=False, repr=False, compare=False)

    def same_label(self, one: str, other: str) -> bool:
        """Whether two labels count as the same."""
        return one == other or (one, other) in self.equal_labels or (other, one) in self.equal_labels

    def same_word(self, one: str, other: str) -> bool:
        """Whether two words count as the same."""
        return one == other or (one, other) in self.equal_words or (other, one) in self.equal_words

    def counted(self, label: str) -> str | None:
        """A bracket's label as it is counted, cut at its first - or =; None for one that does not count."""
        try:
            return self._counted[label]
        except KeyError:
            cut = label.split("-", 1)[0].split("=", 1)[0]
            gone = any(self.same_label(cut, one) for one in self.delete)
            self._counted[label] = None if gone else cut
            return self._counted[label]


COLLINS = Parameters(
    delete=frozenset({"TOP", "-NONE-", ",", ":", "``", "''", "."}),
    delete_for_length=frozenset({"-NONE-"}),
    equal_labels=frozenset({("ADVP", "PRT")}),
    source="COLLINS.prm (built in)",
)


def read_prm(path: Path) -> Parameters:
    """Read a parameter file.

    Raises:
        DataError: the file is missing, or a line names no parameter or has a value that does not fit it.
    """
    made = Parameters(source=str(path))
    for number, line in enumerate(iterate_lines(path), start=1):
        words = line.split()
        # EVALB takes a line for a comment only if it begins with #, and passes over lines of less than three letters.
        if not line.startswith("#") and len(line.rstrip()) >= 3:
            made = _with(made, words[0], words[1:], f"{path}:{number}")
    return made


_NUMBERS: dict[str, Callable[[Parameters, int], Parameters]] = {
    "DEBUG": lambda made, value: made,
    "MAX_ERROR": lambda made, value: replace(made, max_error=value),
    "CUTOFF_LEN": lambda made, value: replace(made, cutoff=value),
    "LABELED": lambda made, value: replace(made, labelled=value != 0),
}
_NAMES: dict[str, Callable[[Parameters, str], Parameters]] = {
    "DELETE_LABEL": lambda made, name: replace(made, delete=made.delete | {name}),
    "DELETE_LABEL_FOR_LENGTH": lambda made, name: replace(made, delete_for_length=made.delete_for_length | {name}),
    "QUOTE_LABEL": lambda made, name: replace(made, quotes=made.quotes | {name}),
}
_PAIRS: dict[str, Callable[[Parameters, tuple[str, str]], Parameters]] = {
    "EQ_LABEL": lambda made, pair: replace(made, equal_labels=made.equal_labels | {pair}),
    "EQ_WORD": lambda made, pair: replace(made, equal_words=made.equal_words | {pair}),
}


def _with(made: Parameters, name: str, values: list[str], place: str) -> Parameters:
    known = [*_NUMBERS, *_NAMES, *_PAIRS]
    if name not in known:
        raise DataError(f"{place}: {name!r} is no parameter of EVALB{nearest(name, known)}")
    wanted = 2 if name in _PAIRS else 1
    if len(values) != wanted:
        what = "one value" if wanted == 1 else "two values"
        raise DataError(f"{place}: {name} takes {what} and has {len(values)}; write comments on lines of their own")
    if name in _PAIRS:
        return _PAIRS[name](made, (values[0], values[1]))
    if name in _NAMES:
        return _NAMES[name](made, values[0])
    try:
        return _NUMBERS[name](made, int(values[0]))
    except ValueError:
        raise DataError(f"{place}: {name} takes a whole number, not {values[0]!r}") from None
