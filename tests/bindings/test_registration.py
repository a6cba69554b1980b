"""`--user-dir` and Python's import register the same names once, in any order and any number of times."""

from __future__ import annotations

import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest
from fairseq import models, tasks, utils
from fairseq.registry import REGISTRIES

import aat_plugin

NAMES = {
    "model": ["aat_transformer", *(f"aat_transformer_{size}" for size in ("tiny", "base", "big", "parsing"))],
    "criterion": ["aat_label_smoothing"], "lr_scheduler": ["aat_noam"], "task": ["aat_translation"],
}  # fmt: skip
PLUGIN = Path(aat_plugin.__file__).parent


def registry(kind: str) -> dict[str, object]:
    if kind == "model":
        return models.MODEL_REGISTRY
    return tasks.TASK_REGISTRY if kind == "task" else REGISTRIES[kind]["registry"]


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in NAMES.items() for name in names])
def test_each_name_is_registered_with_a_dataclass_and_models_are_architectures_too(kind, name):
    assert name in registry(kind)
    if kind == "model":
        assert name in models.MODEL_DATACLASS_REGISTRY
        assert name in models.ARCH_MODEL_REGISTRY
    elif kind == "task":
        assert name in tasks.TASK_DATACLASS_REGISTRY
    else:
        assert name in REGISTRIES[kind]["dataclass_registry"]


def test_registering_and_naming_the_user_dir_again_changes_nothing():
    before = {kind: {name: registry(kind)[name] for name in names} for kind, names in NAMES.items()}
    aat_plugin.register()
    utils.import_user_module(Namespace(user_dir=str(PLUGIN)))
    utils.import_user_module(Namespace(user_dir=str(PLUGIN)))
    assert {kind: {name: registry(kind)[name] for name in names} for kind, names in NAMES.items()} == before


@pytest.mark.parametrize("order", [
    "import aat_plugin; import fairseq; aat_plugin.register()",
    "from fairseq import utils; from argparse import Namespace;"
    f"utils.import_user_module(Namespace(user_dir={str(PLUGIN)!r})); import aat_plugin; aat_plugin.register()",
], ids=["plugin first", "user-dir first"])  # fmt: skip
def test_any_order_of_imports_registers_the_model_and_the_task(order):
    program = f"{order}\nfrom fairseq import models, tasks\n" \
              "assert 'aat_transformer_big' in models.MODEL_REGISTRY and 'aat_translation' in tasks.TASK_REGISTRY"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_plugin_alone_imports_no_framework():
    program = "import sys, aat_plugin; assert not {'torch', 'fairseq', 'hydra'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
