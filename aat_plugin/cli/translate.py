"""`aat translate`: raw text in, text out, a line for a line."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

if TYPE_CHECKING:
    from aat_plugin.bindings.translator import Search, Translation, Translator
    from aat_plugin.corpora.system import System
    from aat_plugin.export.ctranslate2_translator import CTranslate2Translator

    Engine = Translator | CTranslate2Translator

app = typer.Typer(add_completion=False)
NAMED_AT_MOST = 10


@app.command(epilog="Example: aat translate system.tar.gz < raw.en > translated.de")
def translate(
    system: Annotated[Path, typer.Argument(help="A .tar.gz or folder of aat package; or a checkpoint, with --data.")],
    data: Annotated[Path | None, typer.Option(help="For a checkpoint: the folder that aat prepare pair made.")] = None,
    source: Annotated[Path | None, typer.Option("--input", help="Default: standard input.")] = None,
    target: Annotated[Path | None, typer.Option("--output", help="Default: standard output.")] = None,
    beam: Annotated[int | None, typer.Option(help="Default: the convention's, the paper's 4.")] = None,
    lenpen: Annotated[float | None, typer.Option(help="α of the length penalty; default: the paper's 0.6.")] = None,
    max_len_a: Annotated[float | None, typer.Option(help="Length limit a·|x| + b; default: the paper's 1.")] = None,
    max_len_b: Annotated[float | None, typer.Option(help="Default: the paper's 50.")] = None,
    nbest: Annotated[int, typer.Option(help="Above 1: so many lines `number<TAB>score<TAB>text` a sentence.")] = 1,
    max_tokens: Annotated[int, typer.Option(help="Source tokens a batch.")] = 4000,
    buffer_size: Annotated[int, typer.Option(help="Lines that are sorted by length together.")] = 2000,
    precision: Annotated[
        str | None, typer.Option(metavar="float32|bf16|int8", help="Of products; default: float32, or as exported.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda; default: what there is.")] = None,
    engine: Annotated[
        str, typer.Option(help="fairseq; ctranslate2, converted for this while; or a folder of aat export ctranslate2.")
    ] = "fairseq",
) -> None:
    """Tokenise, cut into subwords, search (Section 6.1), join and detokenise.

    One line out for a line in, in the input's order; blank stays blank. A sentence that is too long for the model
    becomes a blank line, counted and named.
    """
    import logging

    from aat_plugin.bindings.translator import Search
    from aat_plugin.corpora.files import iterate_lines, replacing
    from aat_plugin.corpora.parallel import chunked
    from aat_plugin.corpora.system import opened

    logging.getLogger("fairseq").setLevel(logging.WARNING)  # the sizes of dictionaries are no news here
    search = Search(beam, lenpen, max_len_a, max_len_b, nbest, max_tokens, precision)
    with opened(system, data) as found:
        translator = _translator(engine, found, search, device)
        lines = iterate_lines(source) if source is not None else _standard_input()
        with replacing(target) if target is not None else nullcontext(sys.stdout) as file:
            _all(chunked(lines, buffer_size), found, translator, nbest, file)


def _translator(engine: str, system: System, search: Search, device: str | None) -> Engine:
    """The model, run by what was asked for."""
    from aat_plugin.bindings.translator import Translator
    from aat_plugin.errors import ConfigError

    languages = (system.source_lang, system.target_lang)
    if engine == "fairseq":
        return Translator([system.model], system.folder, languages, search, device, system.pieces)
    if engine != "ctranslate2" and not Path(engine).is_dir():
        raise ConfigError(f"--engine {engine!r} is neither fairseq nor ctranslate2, nor a folder")
    from aat_plugin.export.optional import need_ctranslate2

    need_ctranslate2()
    from aat_plugin.export.ctranslate2_translator import CTranslate2Translator

    folder = None if engine == "ctranslate2" else Path(engine)
    return CTranslate2Translator(folder, system.model, system.folder, languages, search, device, system.pieces)


def _all(buffers: Iterable[list[str]], system: System, translator: Engine, nbest: int, file: TextIO) -> None:
    from aat_plugin.corpora.progress import Progress

    encode, decode = system.encoder(), system.decoder()
    over: list[int] = []
    number = 0
    with Progress("translate") as progress:
        for buffer in buffers:
            encoded = [encode(line) for line in buffer]
            lengths = [translator.length(line) for line in encoded]
            over += [number + place for place, length in enumerate(lengths, 1) if length > translator.longest_source]
            fit = [place for place, line in enumerate(encoded) if line and lengths[place] <= translator.longest_source]
            translations = dict(zip(fit, translator.translate([encoded[place] for place in fit]), strict=True))
            for place in range(len(buffer)):
                number += 1
                progress.advance()
                for text in _shown(number, translations.get(place, []), nbest, decode):
                    file.write(text + "\n")
            file.flush()
    if over:
        names = ", ".join(map(str, over[:NAMED_AT_MOST])) + (" …" if len(over) > NAMED_AT_MOST else "")
        print(f"{len(over)} of {number} lines are over {translator.longest_source} tokens and were left blank: {names}",
              file=sys.stderr)  # fmt: skip


def _shown(number: int, found: list[Translation], nbest: int, decode: object) -> list[str]:
    assert callable(decode)
    if nbest == 1:
        return [decode(found[0].tokens) if found else ""]
    return [f"{number}\t{one.score:.4f}\t{decode(one.tokens)}" for one in found] or [f"{number}\t0.0000\t"]


def _standard_input() -> Iterator[str]:
    """Lines of standard input, as strict as a file's."""
    from aat_plugin.corpora.files import iterate_stream

    return iterate_stream(sys.stdin.buffer, "standard input")
