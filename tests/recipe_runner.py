"""Runs a recipe of scripts/ as a user does, with this environment's commands; traces bash's lines where asked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import aat_plugin

SCRIPTS = Path(aat_plugin.__file__).resolve().parent.parent / "scripts"


def recipe(name: str, *words: object, trace: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `scripts/NAME WORDS…`; `+FILE:LINE:` of each line that bash runs is added to `trace`."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}
    if trace is not None:  # bash reads this file first
        start = trace.with_name("trace.sh")
        start.write_text(f"PS4='+${{BASH_SOURCE}}:${{LINENO}}:'\nexec 9>>{trace}\nBASH_XTRACEFD=9\nset -x\n")
        environment["BASH_ENV"] = str(start)
    line = [str(SCRIPTS / name), *map(str, words)]
    return subprocess.run(line, capture_output=True, text=True, env=environment, timeout=1800)
