"""fairseq's data-bin from prepared text, by fairseq-preprocess itself: whole or not at all.

It works in a folder beside the place and takes the place when all of it is there. Read `corpora.pairs`, which calls it.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from pathlib import Path

from fairseq import options as fairseq_options
from fairseq.data import Dictionary
from fairseq_cli import preprocess

from aat_plugin.corpora.pairs import Binarise, PairOptions
from aat_plugin.errors import DataError

UNFINISHED = ".unfinished"


def outputs(options: PairOptions, splits: tuple[str, ...]) -> list[str]:
    """The files of a data-bin: a dictionary a language, and for each split and language the numbers and their index."""
    pair = "-".join(options.languages)
    made = [f"dict.{language}.txt" for language in options.languages]
    for split in splits:
        made += [f"{split}.{pair}.{language}.{kind}" for language in options.languages for kind in ("bin", "idx")]
    return made


def make(options: PairOptions, prefixes: Mapping[str, Path], data_bin: Path, workers: int) -> dict[str, int]:
    """Binarise the splits.

    Args:
        options: languages and whether they share a dictionary.
        prefixes: split → path of its two files without the language's suffix.
        data_bin: takes the place of an older one.
        workers: processes.

    Returns:
        `types` of the source's dictionary.

    Raises:
        DataError: the disk is full, or the folder cannot be written.
    """
    unfinished = data_bin.with_name(data_bin.name + UNFINISHED)
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        _preprocess(options, prefixes, unfinished, workers)
        if data_bin.exists():
            shutil.rmtree(data_bin)
        unfinished.replace(data_bin)
    except OSError as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise DataError(f"cannot write {data_bin}: {error.strerror or error}; check the disk's space") from None
    return {"types": len(Dictionary.load(str(data_bin / f"dict.{options.source_lang}.txt")))}


def _preprocess(options: PairOptions, prefixes: Mapping[str, Path], folder: Path, workers: int) -> None:
    words = ["--source-lang", options.source_lang, "--target-lang", options.target_lang, "--destdir", str(folder)]
    words += [word for split, prefix in prefixes.items() for word in (f"--{split}pref", str(prefix))]
    words += ["--workers", str(workers), *(["--joined-dictionary"] if options.joined_dictionary else [])]
    log = preprocess.logger
    before = list(log.handlers)
    log.setLevel(logging.WARNING)  # aat shows its own lines
    try:
        preprocess.main(fairseq_options.get_preprocessing_parser().parse_args(words))
    finally:
        for handler in set(log.handlers) - set(before):
            log.removeHandler(handler)
            handler.close()
    (folder / "preprocess.log").unlink(missing_ok=True)  # it would hold this machine's paths; the manifest says more


PAIR = Binarise(outputs, make)
