"""What `aat figure attention` and `constituents` have in common: naming and opening a trained system."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from aat_plugin.bindings.attention_reader import AttentionReader


System = Annotated[Path | None, typer.Argument(help="A .tar.gz or folder of aat package, or --checkpoint.")]
Checkpoint = Annotated[Path | None, typer.Option(help="A trained model; with --data.")]
Data = Annotated[Path | None, typer.Option(help="The folder that aat prepare made.")]
Device = Annotated[str | None, typer.Option(help="cpu or cuda; default: what there is.")]


@contextmanager
def reader(
    system: Path | None, checkpoint: Path | None, data: Path | None, device: str | None
) -> Iterator[AttentionReader]:
    """A packed system, or a checkpoint with its data.

    Raises:
        ConfigError: neither, or both.
        DataError: something is missing or damaged.
        CheckpointError: the model is not the plugin's Transformer.
    """
    from aat_plugin.bindings.attention_reader import AttentionReader
    from aat_plugin.corpora.system import opened
    from aat_plugin.errors import ConfigError

    if (system is None) == (checkpoint is None) or (checkpoint is None) != (data is None):
        raise ConfigError("give a system of aat package, or --checkpoint FILE with --data, the folder of aat prepare")
    logging.getLogger("fairseq").setLevel(logging.WARNING)  # the sizes of dictionaries are no news here
    path = system if system is not None else checkpoint
    assert path is not None
    with opened(path, data, kind=None) as found:
        yield AttentionReader(found, device)
