"""What `aat figure attention` and `constituents` have in common: opening a trained system whose weights are read."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aat_plugin.bindings.attention_reader import AttentionReader


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
