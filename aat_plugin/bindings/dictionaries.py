"""The dictionaries of a data-bin as plain lists, for checkpoints that travel: fairseq's checkpoints hold none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairseq.data import Dictionary, data_utils

from aat_plugin.errors import DataError


@dataclass(frozen=True)
class Symbols:
    """One language's dictionary; a symbol's place is its id.

    Attributes:
        language: the code in the file's name.
        symbols: all of them, the four special ones first.
        counts: how often each was seen when the dictionary was made.
        bos, pad, eos, unk: ids of the special ones.
    """

    language: str
    symbols: list[str]
    counts: list[int]
    bos: int
    pad: int
    eos: int
    unk: int

    def plausible(self) -> bool:
        """Whether the fields are of these types and go together; they may come from a file that somebody wrote."""
        words = isinstance(self.symbols, list) and all(isinstance(word, str) for word in self.symbols)
        counts = isinstance(self.counts, list) and all(isinstance(count, int) for count in self.counts)
        ids = all(isinstance(one, int) and 0 <= one < 4 for one in (self.bos, self.pad, self.eos, self.unk))
        name = isinstance(self.language, str) and self.language.replace("_", "").replace("-", "").isalnum()
        return words and counts and ids and name and len(self.symbols) == len(self.counts) >= 4


def read_dictionaries(
    task: dict[str, Any],
    data: Path | None,
    sizes: Sequence[int],
    checkpoint: Path,
    languages: tuple[str, str] | None = None,
) -> tuple[Symbols, Symbols]:
    """The source's and the target's dictionary of a checkpoint.

    Args:
        task: the checkpoint's task section: where its data-bin was, and the languages.
        data: another data-bin with the same dictionaries; None takes the task's.
        sizes: rows of the two embedding tables.
        checkpoint: for messages.
        languages: source and target, where they are known; None takes the task's, or those that the files name.

    Raises:
        DataError: no such folder or file, one that is damaged, or dictionaries of another model.
    """
    folder = data if data is not None else Path(str(task.get("data") or "").split(":")[0])
    if not folder.is_dir():
        raise DataError(
            f"the data-bin {folder} of {checkpoint} is not here, and its dictionaries are needed; "
            "give the folder with dict.*.txt as --data"
        )
    pair = languages or (task.get("source_lang"), task.get("target_lang"))
    if None in pair:
        pair = data_utils.infer_language_pair(str(folder))
    if None in pair:
        raise DataError(f"no language pair can be read off the files in {folder}; give the data-bin it was trained on")
    found = [_read(folder / f"dict.{language}.txt", str(language)) for language in pair]
    for symbols, size, side in zip(found, sizes, ("source", "target"), strict=True):
        if len(symbols.symbols) != size:
            raise DataError(
                f"{folder}/dict.{symbols.language}.txt has {len(symbols.symbols)} symbols and the {side} embeddings of "
                f"{checkpoint} have {size} rows; give the data-bin that it was trained on as --data"
            )
    return found[0], found[1]


def _read(file: Path, language: str) -> Symbols:
    if not file.is_file():
        raise DataError(f"dictionary {file} does not exist; give the data-bin that was trained on as --data")
    try:
        with file.open(encoding="utf-8") as lines:
            dictionary = Dictionary.load(lines)
    except (ValueError, RuntimeError) as error:  # UnicodeDecodeError is a ValueError
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"dictionary {file} cannot be read ({reason}); make it with fairseq-preprocess") from error
    return Symbols(
        language,
        list(dictionary.symbols),
        list(dictionary.count),
        dictionary.bos(),
        dictionary.pad(),
        dictionary.eos(),
        dictionary.unk(),
    )


def write_dictionary(symbols: Symbols, folder: Path) -> Path:
    """Write dict.LANGUAGE.txt as fairseq reads it, and return the file.

    The special symbols' own lines are left out, as fairseq does.
    """
    dictionary = Dictionary()
    for word, count in list(zip(symbols.symbols, symbols.counts, strict=True))[dictionary.nspecial :]:
        dictionary.add_symbol(word, n=count)
    file = folder / f"dict.{symbols.language}.txt"
    dictionary.save(str(file))
    return file
