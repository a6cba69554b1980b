"""`aat plan`: what an experiment will take on given devices, before it is trained. Sections 5.1 and 5.2."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from aat_plugin.bindings.plan_request import Prepared, Setup
    from aat_plugin.results.plan import Corpus, Plan

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat plan wmt14_en_de_base --gpus 4 --memory 16GiB precision=bf16")
def plan(
    experiment: Annotated[str, typer.Argument(help="An experiment of conf/, such as wmt14_en_de_base.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Hydra's overrides, as fairseq-hydra-train takes them.")
    ] = None,
    gpus: Annotated[int | None, typer.Option(help="Devices; default: the config's hardware=.", min=1)] = None,
    memory: Annotated[str | None, typer.Option(help="Of a device, such as 16GiB: update_freq is fitted to it.")] = None,
    utilisation: Annotated[float, typer.Option(help="Share of a GPU's peak that training reaches.")] = 0.3,
    vocabulary: Annotated[int | None, typer.Option(help="V, where no data-bin says it.", min=5)] = None,
    pairs: Annotated[int | None, typer.Option(help="Sentence pairs, where there is no data-bin.", min=1)] = None,
    length: Annotated[float, typer.Option(help="Tokens of a sentence, with --pairs.")] = 28.0,
    batches: Annotated[
        bool, typer.Option("--batches", help="Count the batches of a data-bin, beside fairseq's own.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Say what an experiment needs: batches, memory by part, arithmetic, hours on named GPUs, and the line to type.

    The corpus is read from task.data where it is prepared, else the paper's size is assumed, and that is said.
    """
    from aat_plugin.bindings.plan_request import prepared, setup
    from aat_plugin.cli.paths import conf_dir
    from aat_plugin.errors import ConfigError

    if not 0 < utilisation <= 1:
        raise ConfigError(f"--utilisation {utilisation} is a share between 0 and 1, such as 0.3")
    asked = setup(conf_dir(), experiment, overrides or [], gpus)
    found = prepared(asked.cfg)
    corpus = _corpus(asked, found, vocabulary, pairs, length)
    made = of_setup(asked, corpus, size(memory) if memory else None, utilisation)
    counted = _count(asked, found, made) if batches else {}
    if as_json:
        print(json.dumps({**made.as_json(), **({"batch_figures": counted} if counted else {})}, indent=2))
    else:
        _show(made, counted)


def of_setup(asked: Setup, corpus: Corpus, memory_limit: int | None, utilisation: float) -> Plan:
    """Plan a composed experiment.

    Args:
        asked: the experiment.
        corpus: what it trains on.
        memory_limit: of a device, in bytes; None for the config's own batches.
        utilisation: share of a GPU's peak.
    """
    from aat_plugin.results import plan as planning

    task, dataset = asked.cfg.task, asked.cfg.dataset
    packs = asked.gpus * asked.update_freq
    wanted = int(task.tokens_per_update) or packs * int(dataset.max_tokens)
    exact = bool(task.tokens_per_update)
    given = planning.Batches(asked.gpus, asked.update_freq, int(dataset.max_tokens), wanted, exact)
    config = asked.model(corpus.vocabulary)
    published = next((hours for name, hours in planning.PAPER_HOURS.items()
                      if asked.experiment.startswith("wmt14") and asked.experiment.endswith(name)), None)  # fmt: skip
    request = planning.Request(
        experiment=asked.experiment, overrides=asked.overrides, config=config, precision=asked.precision, batches=given,
        updates=int(asked.cfg.optimization.max_update), logit_rows=asked.logit_rows, paper_hours=published,
        length_groups=int(task.length_groups),
    )  # fmt: skip
    return planning.plan(request, corpus, memory_limit, utilisation)


def size(text: str) -> int:
    """Bytes of a text such as 16GiB, 80 GB or 900MiB.

    Raises:
        ConfigError: it is no such text.
    """
    from aat_plugin.errors import ConfigError

    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kMGT]?)(i?)B?\s*", text)
    if match is None or float(match[1]) == 0:
        raise ConfigError(f"--memory {text!r} is no size; write it like 16GiB")
    return int(float(match[1]) * (1024 if match[3] else 1000) ** " kMGT".index(match[2] or " "))


def _corpus(
    asked: Setup, found: Prepared | None, vocabulary: int | None, pairs: int | None, length: float
) -> Corpus:
    """The data-bin's, what was given, or what is assumed.

    Raises:
        ConfigError: none of them.
    """
    from aat_plugin.errors import ConfigError
    from aat_plugin.results.plan import ASSUMED, Corpus

    assumed = next((one for name, one in ASSUMED.items() if asked.experiment.startswith(name)), None)
    if found is not None and pairs is None:
        tokens = max(int(side.sum(dtype="int64")) for side in (found.source, found.target))
        return Corpus(len(found.source), tokens, vocabulary or found.vocabulary, f"data-bin {asked.cfg.task.data}")
    if pairs is not None and (vocabulary or assumed):
        types = vocabulary or (assumed.vocabulary if assumed else 0)
        return Corpus(pairs, int(pairs * length), types, "given")
    if assumed is None:
        raise ConfigError(f"there is no data-bin at {asked.cfg.task.data}: prepare it (aat prepare), or give --pairs, "
                          "--length and --vocabulary")  # fmt: skip
    return Corpus(assumed.pairs, assumed.tokens, vocabulary or assumed.vocabulary, assumed.source)


def _count(asked: Setup, found: Prepared | None, made: Plan) -> dict[str, Any]:
    """The batches' figures, this project's and fairseq's of the same sentences and devices.

    Raises:
        ConfigError: there is no data-bin, or the config asks for no exact updates.
    """
    from dataclasses import asdict

    from aat_plugin.bindings.plan_request import stock_batches
    from aat_plugin.errors import ConfigError
    from aat_plugin.training.batching import UpdateSize, plan_epoch
    from aat_plugin.training.batching_figures import figures, plan_of_batches

    if found is None or not made.batches.exact:
        raise ConfigError(f"--batches needs a data-bin (there is {'one' if found else 'none'} at {asked.cfg.task.data})"
                          " and task.tokens_per_update")  # fmt: skip
    devices, packs = made.batches.gpus, made.batches.gpus * made.batches.update_freq
    wanted = UpdateSize(made.batches.tokens_per_update, int(asked.cfg.task.length_groups))
    ours = plan_epoch(found.source, found.target, wanted, packs, max_tokens=made.batches.max_tokens,
                      seed=int(asked.cfg.common.seed))  # fmt: skip
    theirs = plan_of_batches(stock_batches(found, wanted.tokens // packs), packs)
    return {name: asdict(figures(one, found.source, found.target, devices))
            for name, one in (("updates of real tokens", ours), ("fairseq's batches", theirs))}  # fmt: skip


def _show(made: Plan, counted: dict[str, Any]) -> None:
    """The plan as tables."""
    from rich.console import Console
    from rich.table import Table

    console = Console(soft_wrap=True, highlight=False, markup=False)
    table = Table(title=f"{made.experiment} on {made.batches.gpus} device(s), {made.precision}", title_justify="left",
                  show_header=False)  # fmt: skip
    for row in rows(made):
        table.add_row(*row)
    console.print(table)
    if counted:
        table = Table("batches", *counted, title="An epoch", title_justify="left")
        for name in next(iter(counted.values())):
            table.add_row(name.replace("_", " "), *(_number(name, one[name]) for one in counted.values()))
        console.print(table)
    if made.fits is False:
        console.print("It does not fit: give --memory, and update_freq is chosen so that it does.")
    console.print("Next:")
    console.print(f"  {made.launch}")


def _number(name: str, value: float) -> str:
    return f"{value:.2%}" if name.endswith(("spread", "padding", "waiting")) else f"{value:,.0f}"


def rows(made: Plan) -> list[tuple[str, str]]:
    """What the table says, by name."""
    batches, gib = made.batches, 2**30
    cut = f"{batches.gpus} × {batches.update_freq} packs"
    parts = ", ".join(f"{name} {getattr(made.memory, name) / gib:.2f}"
                      for name in ("weights", "gradients", "optimizer", "activations", "logits"))  # fmt: skip
    limit = "" if made.memory_limit is None else f" of {made.memory_limit / gib:.1f}"
    return [
        ("corpus", f"{made.corpus.pairs:,} pairs, {made.corpus.tokens:,} tokens, V = {made.corpus.vocabulary:,} "
                   f"({made.corpus.source})"),
        ("an update", f"{batches.tokens_per_update:,} tokens of the longer side, in {cut} of about "
                      f"{batches.tokens_per_pack:,} (at most {batches.max_tokens:,})"),
        ("updates", f"{made.updates:,}; {made.updates_per_epoch:,} an epoch"),
        ("parameters", f"{made.parameters:,}"),
        ("memory, GiB", f"{made.memory.total / gib:.2f}{limit}: {parts}"),
        ("operations", f"{made.operations:.3e} an update, {made.operations * made.updates:.2e} in all"),
        (f"hours at {made.utilisation:.0%}", ", ".join(f"{batches.gpus} × {name} {hours:,.1f}"
                                                       for name, hours in made.hours.items())),
        ("the paper", "–" if made.paper_hours is None else f"{made.paper_hours:g} hours on 8 P100 (Section 5.2)"),
    ]  # fmt: skip
