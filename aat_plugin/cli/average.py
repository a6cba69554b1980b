"""`aat average`: the mean of the last checkpoints, which the paper translates with (Section 6.1)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from aat_plugin.bindings.averaging import Averaged

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat average --last 5 checkpoints -o checkpoints/averaged.pt")
def average(
    checkpoints: Annotated[
        list[Path], typer.Argument(metavar="DIR | FILE...", help="A folder of checkpoints, or the files themselves.")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="The file to write.")],
    last: Annotated[int | None, typer.Option(help="How many of the folder's last ones; the paper: 5, big: 20.")] = None,
    by: Annotated[
        str, typer.Option(metavar="auto|update|epoch", help="checkpoint_E_U.pt (update) or checkpointE.pt (epoch).")
    ] = "auto",
    upto: Annotated[int | None, typer.Option(help="Leave out what was written after this update (or epoch).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was averaged as JSON.")] = False,
) -> None:
    """Average the weights of checkpoints (sums in float64) into one that every command loads."""
    from aat_plugin.bindings.averaging import average as write_average

    files = _files(checkpoints, last, by, upto)
    done = write_average(files, out, None if as_json else _progress)
    if as_json:
        print(json.dumps({
            "output": str(done.output), "inputs": [str(file) for file in done.inputs],
            "updates": list(done.updates), "weights": done.weights,
        }, indent=2))
    else:
        _show(done)


def _files(checkpoints: list[Path], last: int | None, by: str, upto: int | None) -> list[Path]:
    """The files that the words mean: those of one folder, or the files that are named."""
    from aat_plugin.bindings.averaging import choose_files
    from aat_plugin.errors import ConfigError

    folders = [path for path in checkpoints if path.is_dir()]
    if not folders and last is not None and len(checkpoints) == 1 and not checkpoints[0].exists():
        folders = checkpoints  # a folder was meant; say that it is missing
    if folders and len(checkpoints) > 1:
        raise ConfigError(f"{folders[0]} is a folder: give one folder with --last, or a list of files")
    if folders:
        if last is None:
            raise ConfigError(f"{folders[0]} is a folder: say how many of its checkpoints, such as --last 5")
        return choose_files(folders[0], last, by, upto)
    for option, value in (("--last", last), ("--upto", upto), ("--by", None if by == "auto" else by)):
        if value is not None:
            raise ConfigError(f"{option} chooses among a folder's checkpoints; leave it out where files are named")
    return checkpoints


def _progress(done: int, total: int, file: Path) -> None:
    """A line a file, for somebody who watches."""
    import sys

    if sys.stderr.isatty():
        print(f"[{done + 1}/{total}] {file}", file=sys.stderr)


def _show(done: Averaged) -> None:
    first, final = done.updates[0], done.updates[-1]
    span = f", updates {first} to {final}" if first is not None and final is not None else ""
    count = f"{len(done.inputs)} checkpoint{'s' if len(done.inputs) > 1 else ''}"
    print(f"{done.output}: the mean of {count}{span}, {done.weights:,} weights")
    for file in done.inputs:
        print(f"  {file}")
    print(f'Next: fairseq-generate DATA --user-dir "$(aat user-dir)" --path {done.output} --beam 4 --lenpen 0.6')
