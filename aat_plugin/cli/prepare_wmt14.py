"""What `aat prepare wmt14_en_de` and `aat prepare wmt14_en_fr` share: they differ in one row of `corpora.wmt14`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from aat_plugin.corpora.stages import Pipeline
    from aat_plugin.corpora.wmt14 import Task


REASONS = ("empty", "too_long", "too_unlike")
"""Why cleaning leaves pairs out."""


def app_of(name: str, languages: str) -> typer.Typer:
    """The command for one pair of languages.

    Args:
        name: of the task.
        languages: in words, for the help.
    """
    app = typer.Typer(add_completion=False)

    @app.command(
        epilog=f"Example: aat prepare {name} -o data/{name}",
        help=f"WMT14 {languages} (Section 5.1): fetch, unpack, check, tokenise, cut into subwords, clean, binarise.\n\n"
        "Development newstest2013, test newstest2014 in full (3,003 sentences). A second call, also after a kill, does "
        "what is missing or has changed. manifest.json says what was made from what.",
    )
    def wmt14(
        out: Annotated[Path, typer.Option("-o", "--out", help="The folder for all that is made.")],
        raw: Annotated[
            Path | None, typer.Option(help="Your folder with the archives, or with what is in them.")
        ] = None,
        mirror: Annotated[str, typer.Option(help="Another address with statmt.org's paths; file:// works.")] = "",
        bpe: Annotated[
            int | None, typer.Option(help="Merges, or word-pieces; default: 37000 EN-DE, 32000 EN-FR.")
        ] = None,
        pieces: Annotated[str, typer.Option(metavar="bpe|wordpiece", help="How words are cut.")] = "bpe",
        max_len: Annotated[int, typer.Option(help="Leave out training pairs with more subwords on a side.")] = 250,
        ratio: Annotated[
            float | None, typer.Option(help="… with a side so many times longer; default: 9 EN-DE, 1.5 EN-FR; 0: none.")
        ] = None,
        duplicates: Annotated[str, typer.Option(metavar="keep|drop", help="Training pairs that came before.")] = "keep",
        moses: Annotated[Path | None, typer.Option(help="Moses' folder: tokenise with its perl programs.")] = None,
        any_content: Annotated[
            bool, typer.Option("--any-content", help="Compare neither checksums nor the dev and test sets' sizes.")
        ] = False,
        workers: Annotated[int | None, typer.Option(help="Processes; default: one a core.")] = None,
    ) -> None:
        from aat_plugin.corpora.pairs import PairOptions
        from aat_plugin.corpora.wmt14 import TASKS
        from aat_plugin.corpora.wmt14_stages import Origin

        task = TASKS[name]
        most = task.ratio if ratio is None else ratio
        options = PairOptions(
            "en", task.target_lang, merges=task.merges if bpe is None else bpe, pieces=pieces, longest=max_len,
            # Cleaning leaves empty ones out anyhow, and saves a copy of the text.
            ratio=most, empty="keep" if max_len or most else "drop", duplicates=duplicates, moses=str(moses or ""),
        )
        processes = (os.cpu_count() or 1) if workers is None else workers
        _prepare(task, out, Origin(raw, mirror, checks=not any_content), options, processes, any_content)
        print(f'Next: fairseq-hydra-train --config-dir "$(aat conf-dir)" --config-name {name}_base '
              f"task.data={out / 'data-bin'}, or scripts/{name}.sh for all of it")

    return app


def _prepare(task: Task, out: Path, origin: Any, options: Any, workers: int, any_content: bool) -> None:
    from aat_plugin.bindings import binarize
    from aat_plugin.corpora import pairs
    from aat_plugin.corpora.sources import CORPORA
    from aat_plugin.corpora.wmt14 import check_lines
    from aat_plugin.corpora.wmt14_stages import Obtained

    _say(f"{task.name}: {CORPORA[task.name].licence}")
    with pairs.opened(out, options, workers, _say) as pipeline:
        obtained = Obtained(task, origin, pipeline)
        earlier = list(obtained.stages())
        for stage in earlier:
            pipeline.run(stage)

        def checked() -> None:
            if not any_content:
                check_lines({split: _count(pipeline, f"check {split}", "lines") for split in ("valid", "test")})

        pairs.run_stages(pipeline, obtained.files, options, binarize.PAIR, earlier, checked)
        for line in _report(pipeline, options):
            _say(line)


def _count(pipeline: Pipeline, stage: str, what: str) -> int:
    record = pipeline.manifest["stages"].get(stage, {"counts": {}})
    return int(record["counts"].get(what, 0))


def _report(pipeline: Pipeline, options: Any) -> list[str]:
    """What it all came to, in a few lines."""
    from aat_plugin.corpora.wmt14 import LINES

    kept = _count(pipeline, "binarise train.en", "lines")
    reasons = {what.replace("_", " "): _count(pipeline, "clean train", what) for what in REASONS}
    if options.duplicates == "drop":
        reasons["repeated"] = _count(pipeline, "unique train", "repeated")
    left_out = ", ".join(f"{number:,} {what}" for what, number in reasons.items())
    tested = _count(pipeline, "check test", "lines")
    versions = pipeline.manifest["versions"]
    tokeniser = "Moses' perl" if options.moses else f"sacremoses {versions['sacremoses']} (Moses of December 2017)"
    return [
        f"train: {kept:,} pairs; left out: {left_out}",
        f"valid: newstest2013, {_count(pipeline, 'check valid', 'lines'):,} pairs; "
        f"test: newstest2014{' in full' if tested == LINES['test'] else ''}, {tested:,} pairs",
        f"tokens by {tokeniser}; {_count(pipeline, 'dictionary', 'types'):,} types of "
        f"{'word-pieces' if options.pieces == 'wordpiece' else 'byte-pair encoding'}, shared",
    ]


def _say(text: str) -> None:
    print(text, flush=True)
