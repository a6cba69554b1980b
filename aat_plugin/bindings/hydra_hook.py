"""What `conf/launch/here.yaml` asks Hydra to call: find the plugin, and refuse unknown options before anything runs.

Hydra composes before fairseq imports its user-dir, so the config itself names this callback: constructing it defines
the resolver behind `common.user_dir`, and a job's start registers the plugin and checks every key. A config without it
(a user's own YAML with `common.user_dir` set) is checked a little later. Read `config_check` next.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

import aat_plugin
from aat_plugin.bindings import config_check
from aat_plugin.bindings.boundary import user_facing

USER_DIR_RESOLVER = "aat_user_dir"


def register_resolver() -> None:
    """Define `${aat_user_dir:}`: the plugin's folder, wherever it is installed. A second call does nothing."""
    OmegaConf.register_new_resolver(USER_DIR_RESOLVER, lambda: str(Path(aat_plugin.__file__).parent), replace=True)


class AatHook(Callback):
    """Hydra's callback. Hydra makes warnings of exceptions, but lets the `SystemExit` of `user_facing` through."""

    def __init__(self) -> None:
        register_resolver()

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        """Register the plugin and hold every key of `config` against what reads it.

        Raises:
            SystemExit: a key that nothing reads, in one line.
        """
        aat_plugin.register()
        _check(config)


@user_facing
def _check(config: DictConfig) -> None:
    config_check.check(config)
