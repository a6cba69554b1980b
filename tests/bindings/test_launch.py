"""A launch that would train several models is refused in one line; every other one is let through."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from aat_plugin.bindings import launch
from aat_plugin.errors import ConfigError


def config(world_size=1, model="aat_transformer"):
    return OmegaConf.create({"distributed_training": {"distributed_world_size": world_size}, "model": model})


@pytest.mark.parametrize(("launcher", "environment"), [
    ("torchrun", {"WORLD_SIZE": "8", "RANK": "3", "LOCAL_RANK": "3"}),
    ("srun", {"SLURM_STEP_NUM_TASKS": "8", "SLURM_PROCID": "0"}),
    ("mpirun", {"OMPI_COMM_WORLD_SIZE": "8", "OMPI_COMM_WORLD_RANK": "1"}),
])  # fmt: skip
def test_several_processes_that_would_each_train_alone_are_refused(launcher, environment):
    with pytest.raises(ConfigError, match=f"^{launcher} started 8 processes.*launch_torchrun.sh") as refused:
        launch.check(config(), environment)
    assert "\n" not in str(refused.value)
    launch.check(config(world_size=8), environment)
    launch.check(config(model=None), environment)  # generation: each process its own shard
    launch.check(OmegaConf.create({"data": "a task's section alone"}), environment)


@pytest.mark.parametrize("environment", [
    {}, {"WORLD_SIZE": "1", "RANK": "0"}, {"SLURM_NTASKS": "8", "SLURM_PROCID": "0"}, {"WORLD_SIZE": "8"},
])  # fmt: skip
def test_one_process_may_train_alone(environment):
    launch.check(config(), environment)
