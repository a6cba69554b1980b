"""CTranslate2 is an extra: only who serves translations needs it."""

from __future__ import annotations

import importlib.util

from aat_plugin.errors import ConfigError


def need_ctranslate2() -> None:
    """Go on only where CTranslate2 is installed.

    Raises:
        ConfigError: says how to install it.
    """
    if importlib.util.find_spec("ctranslate2") is None:
        raise ConfigError("CTranslate2 is not installed; install it with: pip install 'aat_plugin[serving]'")
