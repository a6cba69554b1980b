"""Refuses a launch that would train several models instead of one on several devices.

fairseq asks the launcher's variables only where the world size is not 1, and on a machine without GPUs it is 1 unless
it is given: `torchrun --nproc-per-node 8` then starts eight independent trainings that overwrite one another's
checkpoints, in silence. `scripts/launch_torchrun.sh` has the words that are needed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from omegaconf import DictConfig

from aat_plugin.bindings import governed
from aat_plugin.errors import ConfigError

_STARTED_TOGETHER = (
    ("torchrun", "WORLD_SIZE", "RANK"),
    ("srun", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),
    ("mpirun", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
)
"""Launcher, the variable with its number of processes, the variable with a process's own number."""


def check(root: DictConfig, environment: Mapping[str, str] = os.environ) -> None:
    """Refuse to train alone where a launcher has started several processes.

    Args:
        root: fairseq's whole config; anything else is left alone, and so are commands that do not train.
        environment: of this process.

    Raises:
        ConfigError: names the launcher and the options that are missing.
    """
    section = governed.section_of(root, "distributed_training")
    if section is None or section.distributed_world_size != 1 or root.get("model") is None:
        return
    for launcher, count, number in _STARTED_TOGETHER:
        processes = environment.get(count, "")
        if number in environment and processes.isdigit() and int(processes) > 1:
            raise ConfigError(f"{launcher} started {processes} processes, but each would train a model of its own, as "
                              "distributed_world_size is 1: use scripts/launch_torchrun.sh (on processors with --cpu), "
                              f"or give distributed_world_size={processes}")  # fmt: skip
