"""The plugin itself: where it is, whether `--user-dir` would meet another one, whether it registers, its configs."""

from __future__ import annotations

import contextlib
import importlib
import io
from pathlib import Path

import aat_plugin
from aat_plugin.cli import paths
from aat_plugin.cli.diagnosis.findings import Finding
from aat_plugin.errors import AatError

TOPIC = "Plugin"
NAMES = {
    "fairseq.models": ("MODEL_REGISTRY", ("aat_transformer",)),
    "fairseq.criterions": ("CRITERION_REGISTRY", ("aat_label_smoothing",)),
    "fairseq.optim.lr_scheduler": ("LR_SCHEDULER_REGISTRY", ("aat_noam",)),
    "fairseq.tasks": ("TASK_REGISTRY", ("aat_translation",)),
}


def findings(*, fairseq_works: bool) -> list[Finding]:
    """Version and folder, a clash, registration (where fairseq can be imported at all), configs."""
    found = [Finding(TOPIC, "aat_plugin", f"{aat_plugin.__version__} in {paths.user_dir()}"), clash(Path.cwd())]
    if fairseq_works:
        found.append(_registration())
    return [*found, _configs()]


def clash(folder: Path) -> Finding:
    """fairseq imports a user-dir by its last name: two folders of one name cannot both be it."""
    other = (folder / "aat_plugin").resolve()
    if not (other / "__init__.py").is_file() or other == paths.user_dir():
        return Finding(TOPIC, "--user-dir", str(paths.user_dir()))
    mend = 'one name for two folders ("not globally unique"): use --user-dir "$(aat user-dir)", or install that one'
    return Finding(TOPIC, "--user-dir", f"{other} is not the installed plugin", "note", mend)


def _registration() -> Finding:
    """Register, and look each name up."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            aat_plugin.register()
    except (ImportError, AttributeError) as error:
        mend = f"{type(error).__name__}: {error}; `make install` brings the tested versions"
        return Finding(TOPIC, "registration", "fails", "broken", mend)
    missing = [
        name
        for module, (registry, names) in NAMES.items()
        for name in names
        if name not in vars(importlib.import_module(module))[registry]
    ]
    if missing:
        return Finding(TOPIC, "registration", f"{', '.join(missing)} missing", "broken", "install aat_plugin again")
    return Finding(TOPIC, "registration", ", ".join(name for _, names in NAMES.values() for name in names))


def _configs() -> Finding:
    try:
        folder = paths.conf_dir()
    except AatError as error:
        return Finding(TOPIC, "configs", "missing", "broken", str(error))
    return Finding(TOPIC, "configs", f"{folder} ({len(list(folder.glob('*.yaml')))} experiments)")
