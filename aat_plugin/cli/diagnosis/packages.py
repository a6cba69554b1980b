"""Python and the installed distributions, held against the plugin's own requirements and against constraints.txt."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import aat_plugin
from aat_plugin.cli.diagnosis.findings import Finding

TOPIC = "Packages"
FAIRSEQS = ("ve-fairseq", "fairseq-fixed", "fairseq")
SHOWN = ("torch", "numpy", "hydra-core", "omegaconf", "sacrebleu", "subword-nmt", "sacremoses", "tensorboardX")


def findings() -> list[Finding]:
    """Python, each distribution that the plugin stands on, and pins that do not match."""
    return [_python(), *(_distribution(name) for name in SHOWN), *_pins()]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] <= (3, 12):
        return Finding(TOPIC, "Python", f"{version} ({sys.executable})")
    return Finding(TOPIC, "Python", version, "broken", "3.11 or 3.12 is needed: make install PYTHON=python3.11")


def _distribution(name: str) -> Finding:
    version = installed(name)
    if version is None:
        return Finding(TOPIC, name, "not installed", "broken", f"pip install {name}, or `make install`")
    return Finding(TOPIC, name, version)


def installed(name: str) -> str | None:
    """The version of a distribution, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _pins() -> list[Finding]:
    """Where a checkout's constraints.txt stands beside the package: which installed versions differ from it."""
    file = Path(aat_plugin.__file__).resolve().parent.parent / "constraints.txt"
    if not file.is_file():
        return []
    differing = mismatches(file.read_text(encoding="utf-8"))
    if not differing:
        return [Finding(TOPIC, "pins", "every installed version is the one in constraints.txt")]
    text = ", ".join(differing[:8]) + (f" and {len(differing) - 8} more" if len(differing) > 8 else "")
    return [Finding(TOPIC, "pins", text, "note", "not the tested versions; `make install` brings them")]


def mismatches(constraints: str) -> list[str]:
    """`name found (not pinned)` for each installed distribution at another version than the text pins.

    A build's local version (`+cpu`, `+cu128`) does not count; what is not installed does not count either.
    """
    pins = [line.split("==") for line in constraints.splitlines() if line and not line.startswith("#")]
    found = {name: installed(name) for name, _ in pins}
    return [
        f"{name} {version} (not {pinned})"
        for name, pinned in pins
        if (version := found[name]) is not None and version.partition("+")[0] != pinned
    ]
