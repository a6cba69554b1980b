"""An experiment of conf/ as fairseq-hydra-train would train it, composed without training."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

from fairseq.dataclass.initialize import add_defaults, hydra_init
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

import aat_plugin
from aat_plugin.bindings import config_check, hydra_hook
from aat_plugin.errors import ConfigError, choose


def composed(folder: Path, experiment: str, overrides: Sequence[str] = ()) -> DictConfig:
    """Compose, check every key and fill in the defaults.

    Args:
        folder: of the experiments and their groups.
        experiment: its name, or its file's.
        overrides: Hydra's, such as `model.num_layers=2` or `hardware=gpu4`.

    Raises:
        ConfigError: an unknown experiment, group or option, in one line.
    """
    name = choose("experiment", experiment.removesuffix(".yaml"), sorted(path.stem for path in folder.glob("*.yaml")))
    aat_plugin.register()
    hydra_hook.register_resolver()
    logging.getLogger("hydra").setLevel(logging.WARNING)
    hydra_init(name)
    try:
        with warnings.catch_warnings(action="ignore"), initialize_config_dir(str(folder), version_base="1.1"):
            found = compose(name, overrides=list(overrides))
            plain = OmegaConf.create(OmegaConf.to_container(found, resolve=True, enum_to_str=True))
    except (HydraException, OmegaConfBaseException) as wrong:
        raise ConfigError(" ".join(str(wrong).split("\n")[0].split())) from None
    assert isinstance(plain, DictConfig)
    config_check.check(plain)
    add_defaults(plain)
    return plain
