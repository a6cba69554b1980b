"""Where the plugin and its configs lie, in a checkout and in an installed wheel alike."""

from __future__ import annotations

from pathlib import Path

import aat_plugin
from aat_plugin.errors import DataError


def user_dir() -> Path:
    """The package's own folder: the value of fairseq's `--user-dir`."""
    return Path(aat_plugin.__file__).resolve().parent


def conf_dir() -> Path:
    """The folder of Hydra configs: the value of `--config-dir`.

    A wheel carries it inside the package. In a checkout it lies beside the package, and `aat_plugin/conf` is a link to
    it; where links do not survive (some unpackers), the folder beside is taken.

    Raises:
        DataError: neither is there.
    """
    inside = user_dir() / "conf"
    beside = user_dir().parent / "conf"
    for folder in (inside, beside):
        if folder.is_dir():
            return folder.resolve()
    raise DataError(f"{inside} is missing: install aat_plugin again, or give --config-dir the conf/ of a checkout")
