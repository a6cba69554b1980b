"""`aat score ppl`: Table 3's perplexity, of a checkpoint on a data-bin, or read off fairseq-generate's scores."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(add_completion=False)

UNIT = "BPE piece, end symbol counted, unsmoothed"


@app.command(epilog="Example: aat score ppl checkpoints/averaged.pt --data data-bin --split valid")
def ppl(
    checkpoint: Annotated[Path | None, typer.Argument(help="A checkpoint of fairseq-train's or aat average's.")] = None,
    data: Annotated[Path | None, typer.Option(help="The folder that fairseq-preprocess made.")] = None,
    split: Annotated[str, typer.Option(help="Which part of it: valid, test …")] = "valid",
    generated: Annotated[
        Path | None, typer.Option(help="Instead: what fairseq-generate --score-reference printed (P- lines).")
    ] = None,
    max_tokens: Annotated[int, typer.Option(help="Pieces a batch; more is quicker and takes more memory.")] = 2048,
    cpu: Annotated[bool, typer.Option("--cpu", help="Leave a GPU alone.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the score and its parts as JSON.")] = False,
) -> None:
    """Perplexity: exp of the negative log-likelihood of a BPE piece (Table 3's PPL)."""
    from aat_plugin.errors import ConfigError

    if max_tokens < 1:
        raise ConfigError(f"--max-tokens {max_tokens}: a batch has at least one piece")
    if generated is not None:
        if checkpoint is not None or data is not None:
            raise ConfigError("--generated already holds the scores: leave the checkpoint and --data out")
        report = _from_output(generated)
    elif checkpoint is None or data is None:
        raise ConfigError("give a checkpoint and --data DATA-BIN, or --generated FILE")
    else:
        report = _from_checkpoint(checkpoint, data, split, max_tokens, cpu, quiet=as_json)
    if as_json:
        print(json.dumps(report, indent=2))
        return
    print(f"PPL = {report['score']:.4f} (nll {report['nll']:.4f} nats = {report['bits']:.4f} bits a {UNIT})")
    print(f"{report['of']}: {report['sentences']} sentences, {report['pieces']} pieces")
    print("Next: aat score bleu --help, for the other column of Table 3")


def _from_checkpoint(
    checkpoint: Path, data: Path, split: str, max_tokens: int, cpu: bool, quiet: bool
) -> dict[str, Any]:
    import logging

    from rich.console import Console
    from rich.progress import Progress

    from aat_plugin.bindings.perplexity import perplexity

    logging.getLogger("fairseq").setLevel(logging.WARNING)
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=quiet or not console.is_terminal) as bars:
        bar = bars.add_task("batches", total=None)
        found = perplexity(
            checkpoint, data, split, max_tokens, cpu, lambda done, total: bars.update(bar, completed=done, total=total)
        )
    return _report(f"{checkpoint} on {split} of {data}", found.nll, found.pieces, found.sentences)


def _from_output(path: Path) -> dict[str, Any]:
    from aat_plugin.corpora.files import read_lines
    from aat_plugin.translation.generated import reference_bits

    bits, pieces, sentences = reference_bits(read_lines(path), str(path))
    return _report(str(path), bits * math.log(2) / pieces, pieces, sentences)


def _report(of: str, nll: float, pieces: int, sentences: int) -> dict[str, Any]:
    """The JSON object; `score` is the perplexity."""
    return {
        "metric": "perplexity", "score": math.exp(nll), "nll": nll, "bits": nll / math.log(2), "pieces": pieces,
        "sentences": sentences, "of": of, "signature": f"unit:{UNIT}",
    }
