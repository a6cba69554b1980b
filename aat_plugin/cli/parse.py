"""`aat parse`: sentences in, trees out, a line for a line (Section 6.3). Read `parse_output` for what is written."""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

if TYPE_CHECKING:
    from aat_plugin.cli.parse_output import Output
    from aat_plugin.parsing.parses import AnyParser

app = typer.Typer(add_completion=False)
EXAMPLE = "Example: aat parse --checkpoint run/checkpoint_best.pt --data data < sentences.txt > parsed.trees"
# White space as trees have it: a no-break space belongs to its word.
_WORD = re.compile(r"[^ \t\n\r\f\v]+")


@app.command(epilog=EXAMPLE)
def parse(
    system: Annotated[Path | None, typer.Argument(help="A .tar.gz or folder of aat package, or --checkpoint.")] = None,
    checkpoint: Annotated[list[Path] | None, typer.Option(help="A trained model; several are an ensemble.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="What aat prepare trees made; default: what the model was trained on.")
    ] = None,
    floor: Annotated[
        str | None, typer.Option(metavar="flat|right-branching", help="No model: a tree that only counts the words.")
    ] = None,
    source: Annotated[Path | None, typer.Option("--input", help="Default: standard input.")] = None,
    target: Annotated[Path | None, typer.Option("--output", help="Default: standard output.")] = None,
    tokenized: Annotated[
        bool, typer.Option("--tokenized", help="Words are given, between blanks; else raw text, cut as the treebank.")
    ] = False,
    constrained: Annotated[
        bool | None, typer.Option("--constrained/--free", help="Say only trees, or what the model likes; then repair.")
    ] = None,
    beam: Annotated[int | None, typer.Option(help="Default: the paper's 21.")] = None,
    lenpen: Annotated[float | None, typer.Option(help="α of the length penalty; default: the paper's 0.3.")] = None,
    max_extra: Annotated[int | None, typer.Option(help="At most |x| + this many symbols; the paper's 300.")] = None,
    nbest: Annotated[int, typer.Option(help="Above 1: so many `number ||| tree ||| score` a sentence, from 0.")] = 1,
    pretty: Annotated[bool, typer.Option("--pretty", help="Trees over several lines, a blank line between.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object a line: tree, score, repairs.")] = False,
    svg: Annotated[Path | None, typer.Option(help="Draw the first 100 trees into this file as well.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write what is counted into this file, as JSON.")] = None,
    max_tokens: Annotated[int, typer.Option(help="Source tokens a batch.")] = 1000,
    window: Annotated[int, typer.Option(help="Lines that are sorted by length together.")] = 2000,
    precision: Annotated[
        str | None, typer.Option(metavar="float32|bf16|int8", help="Of products; default: float32.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda; default: what there is.")] = None,
) -> None:
    """Parse by beam search over the linearised tree, and mend what is no tree.

    One line out for a line in, in the input's order; blank stays blank. Every other line gets a tree over exactly its
    words: what was repaired, and how often, is said on standard error.
    """
    from aat_plugin.cli.parse_output import Output
    from aat_plugin.corpora.files import iterate_lines, iterate_stream, replacing
    from aat_plugin.corpora.parallel import chunked
    from aat_plugin.errors import ConfigError

    if window < 1:
        raise ConfigError(f"--window {window} must be at least 1")
    output = Output(nbest, pretty, as_json, svg)
    search = {"beam": beam, "lenpen": lenpen, "max_extra": max_extra, "constrained": constrained, "nbest": nbest,
              "max_tokens": max_tokens, "precision": precision}
    with _parser(system, checkpoint or [], data, floor, search, device) as parser:
        lines = iterate_lines(source) if source is not None else iterate_stream(sys.stdin.buffer, "standard input")
        with replacing(target) if target is not None else nullcontext(sys.stdout) as file:
            _all(chunked(lines, window), parser, _words(parser, tokenized), output, file)
        output.finish(parser.description, target, report)


@contextmanager
def _parser(
    system: Path | None, checkpoints: list[Path], data: Path | None, floor: str | None, search: dict[str, Any],
    device: str | None,
) -> Iterator[AnyParser]:
    """What was asked for, loaded."""
    from aat_plugin.errors import ConfigError
    from aat_plugin.parsing.parses import Floor

    if [system is None, not checkpoints, floor is None].count(False) != 1:
        raise ConfigError("give one of a system of aat package, --checkpoint FILE (several are an ensemble), --floor")
    if data is not None and not checkpoints:
        raise ConfigError("--data goes with --checkpoint; nothing else needs it")
    if floor is not None:
        yield Floor(floor)
        return
    from aat_plugin.bindings.parser import Parser, ParseSearch
    from aat_plugin.corpora.system import opened

    logging.getLogger("fairseq").setLevel(logging.WARNING)  # the sizes of dictionaries are no news here
    if system is None:
        yield Parser(checkpoints, data, ParseSearch(**search), device)
        return
    with opened(system, kind="trees") as found:
        yield Parser([found.model], found.folder, ParseSearch(**search), device)


def _words(parser: AnyParser, tokenized: bool) -> Callable[[str], list[str]]:
    """From a line to words that can stand in brackets."""
    from aat_plugin.parsing.raw_text import fit, tokenise

    if tokenized:
        return lambda line: [fit(word) for word in _WORD.findall(line)]
    return lambda line: tokenise(line, parser.style)


def _all(
    windows: Iterable[list[str]], parser: AnyParser, cut: Callable[[str], list[str]], output: Output, file: TextIO
) -> None:
    """Window by window, so that memory does not grow with the input."""
    from aat_plugin.corpora.progress import Progress

    with Progress("parse") as progress:
        for lines in windows:
            started = time.monotonic()
            found = parser.parse([cut(line) for line in lines])
            output.seconds += time.monotonic() - started
            for parses in found:
                file.write(output.text(parses))
            file.flush()
            progress.advance(len(lines))
