"""`aat prepare pair`: aligned text files become fairseq's data-bin."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)

EXAMPLE = "Example: aat prepare pair --train train.en train.de --valid dev.en dev.de --bpe 10000 -o data"
Files = tuple[Path, Path]


@app.command(epilog=EXAMPLE)
def pair(
    train: Annotated[Files, typer.Option(help="Source and target file, a sentence a line; .gz is unpacked.")],
    valid: Annotated[Files, typer.Option(help="The same for validation.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder for all that is made.")],
    test: Annotated[Files | None, typer.Option(help="The same for testing.")] = None,
    source_lang: Annotated[str | None, typer.Option("-s", "--source-lang", help="Default: the file's ending.")] = None,
    target_lang: Annotated[str | None, typer.Option("-t", "--target-lang", help="Default: the file's ending.")] = None,
    bpe: Annotated[int, typer.Option(help="Merges of byte-pair encoding; 0 leaves whole words.")] = 10_000,
    lowercase: Annotated[bool, typer.Option("--lowercase", help="Lower-case everything.")] = False,
    no_tokenize: Annotated[bool, typer.Option("--no-tokenize", help="The text is tokenised already.")] = False,
    separate_dictionaries: Annotated[
        bool, typer.Option("--separate-dictionaries", help="One a language; the paper shares one (Section 3.4).")
    ] = False,
    empty: Annotated[
        str, typer.Option(metavar="refuse|drop|keep", help="Training and validation pairs with an empty side.")
    ] = "refuse",
    pieces: Annotated[
        str, typer.Option(metavar="bpe|wordpiece", help="How words are cut; with wordpiece, --bpe is their number.")
    ] = "bpe",
    max_len: Annotated[int, typer.Option(help="Leave out training pairs with more subwords on a side; 0: none.")] = 0,
    ratio: Annotated[
        float, typer.Option(help="Leave out training pairs with a side so many times longer; 0: none.")
    ] = 0.0,
    duplicates: Annotated[str, typer.Option(metavar="keep|drop", help="Training pairs that came before.")] = "keep",
    moses: Annotated[Path | None, typer.Option(help="Moses' folder: tokenise with its perl programs.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; default: one a core.")] = None,
) -> None:
    """Check, normalise and tokenise (sacremoses), cut into subwords (subword-nmt), clean and binarise (fairseq).

    A second call does what is missing or has changed. manifest.json says what was made from what.
    """
    from aat_plugin.bindings import binarize
    from aat_plugin.corpora import pairs

    found = pairs.languages_of(train) if source_lang is None or target_lang is None else ("", "")
    options = pairs.PairOptions(
        source_lang or found[0], target_lang or found[1], merges=bpe, lowercase=lowercase, tokenise=not no_tokenize,
        joined_dictionary=not separate_dictionaries, empty=empty, pieces=pieces, longest=max_len, ratio=ratio,
        duplicates=duplicates, moses=str(moses or ""),
    )  # fmt: skip
    files = {"train": [train], "valid": [valid], **({"test": [test]} if test is not None else {})}
    pairs.prepare(out, files, options, binarize.PAIR, (os.cpu_count() or 1) if workers is None else workers, _say)
    print(f"Next: fairseq-hydra-train --config-dir \"$(aat conf-dir)\" --config-name multi30k_en_de "
          f"task.data={out / pairs.DATA_BIN} task.source_lang={options.source_lang} "
          f"task.target_lang={options.target_lang}")


def _say(text: str) -> None:
    print(text, flush=True)
