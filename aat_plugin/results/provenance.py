"""Where a number came from: run, date, command, commit, versions, hardware, threads and a hash of the data.

Every figure that this project writes down carries one of these, so that a reader can run it again and tell which
difference made a difference. Importing this module, and collecting, needs neither torch nor fairseq. Read `page` next.
"""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import aat_plugin

# What the figures depend on; a package that is not installed is left out.
PACKAGES = (
    "torch", "ve-fairseq", "fairseq-fixed", "numpy", "hydra-core", "omegaconf", "sacrebleu", "sacremoses",
    "subword-nmt", "ctranslate2",
)
Provenance = dict[str, Any]


def collect(
    commands: Sequence[str], data: Iterable[Path], *, seconds: float | None = None, threads: str | None = None
) -> Provenance:
    """The provenance of figures that are being made now, on this machine.

    Args:
        commands: what was typed, in order.
        data: the files that the figures rest on.
        seconds: how long it took, where that was measured.
        threads: OMP_NUM_THREADS of the processes that did it; default: this one's.

    Returns:
        A dictionary for JSON: run, date (UTC), commands, plugin (version, commit), versions, hardware, threads,
        data_sha256 and seconds.
    """
    return {
        "run": uuid.uuid4().hex[:12],
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commands": list(commands),
        "plugin": {"version": aat_plugin.__version__, "commit": commit()},
        "versions": versions(),
        "hardware": hardware(),
        "threads": threads or os.environ.get("OMP_NUM_THREADS", "unset"),
        "data_sha256": data_hash(data),
        "seconds": seconds,
    }


def commit() -> str:
    """The checkout's commit, with `+changes` where tracked files differ from it; "installed" outside a checkout."""
    root = Path(aat_plugin.__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return "installed"
    try:
        head = _git(root, "rev-parse", "--short=12", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):  # no git here, or a folder that git does not trust
        return "unknown"
    return f"{head}+changes" if changed else head


def _git(root: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True).stdout.strip()


def versions() -> dict[str, str]:
    """Python and the packages that figures depend on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def hardware() -> dict[str, str | int]:
    """The processor's model, its cores and the system."""
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0,
        "system": f"{platform.system()} {platform.machine()}",
    }


def processor() -> str:
    """The processor's model name as the system gives it."""
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def data_hash(files: Iterable[Path]) -> str:
    """SHA-256 over the contents of files, in the order given; each file's own hash goes in, not its name."""
    whole = hashlib.sha256()
    for file in files:
        with file.open("rb") as opened:
            whole.update(hashlib.file_digest(opened, "sha256").digest())
    return whole.hexdigest()


NO_DATA = hashlib.sha256().hexdigest()
"""The hash where there are no files: what was measured takes none."""


def in_words(provenance: Provenance) -> str:
    """One line for below a table: date, commit, versions, hardware, data."""
    machine = provenance["hardware"]
    packages = ", ".join(f"{name} {version}" for name, version in provenance["versions"].items())
    return (
        f"run {provenance['run']}, {provenance['date']}, aat_plugin {provenance['plugin']['version']} "
        f"({provenance['plugin']['commit']}), {packages}; {machine['processor']}, {machine['cores']} cores, "
        f"{provenance['threads']} threads; data {provenance['data_sha256'][:12]}"
    )
