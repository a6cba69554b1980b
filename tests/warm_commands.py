"""Runs installed console scripts in forks of one process that has already imported torch, fairseq and Hydra.

Each command still has a process, streams, folder and exit status of its own, and runs the installed script itself;
it only starts in 0.1 s instead of 3 s. The plugin is not imported beforehand, so that each command finds it as users'
commands do. What the environment decides as Python or torch starts needs a fresh process instead, and whether
fairseq's log goes to standard output or error may differ (it depends on the order of its imports).
"""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

PRELOADED = (
    "torch._dynamo", "hydra", "tensorboardX", "sacrebleu", "fairseq.tasks", "fairseq.models", "fairseq.criterions",
    "fairseq.optim", "fairseq.trainer", "fairseq.options", "fairseq.sequence_generator", "fairseq.hub_utils",
)  # fmt: skip


def command_environment(**extra: str) -> dict[str, str]:
    """This process's environment with one thread, so that two runs add floats in the same order."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", **extra}


def command_path(name: str) -> str:
    """The installed console script of this interpreter's environment, e.g. `fairseq-train`."""
    return str(Path(sys.executable).parent / name)


class Running(NamedTuple):
    """A command that was started: its words, the folder of its streams, its process."""

    line: list[str]
    folder: Path
    pid: int


class WarmCommands:
    """The process that is forked; `close` ends it.

    Args:
        environment: of the process and of every command.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())], pass_fds=[theirs.fileno()], env=environment,
                stdin=subprocess.DEVNULL,
            )
        self._answers = self._socket.makefile("r")

    def start(self, line: list[str], *, cwd: Path | None = None, stdin: str | None = None, first: str = "") -> Running:
        """Start a command.

        Args:
            line: the script's path and its words.
            cwd: its folder; None for this process's.
            stdin: what it reads; None for nothing.
            first: Python code to run in its process before the script.
        """
        folder = Path(tempfile.mkdtemp())
        (folder / "in").write_text(stdin or "")
        request = {"line": line, "cwd": str(cwd or Path.cwd()), "folder": str(folder), "first": first}
        return Running(line, folder, self._ask(request))

    def finish(self, command: Running, timeout: float) -> subprocess.CompletedProcess[str]:
        """Wait for a command's end.

        Raises:
            subprocess.TimeoutExpired: it took longer, and was killed.
        """
        self._socket.settimeout(timeout)
        try:
            status = self._ask({"wait": command.pid})
        except TimeoutError:
            os.kill(command.pid, signal.SIGKILL)
            self.close()
            raise subprocess.TimeoutExpired(command.line, timeout) from None
        self._socket.settimeout(None)
        printed = [(command.folder / stream).read_text(errors="replace") for stream in ("out", "err")]
        shutil.rmtree(command.folder)
        return subprocess.CompletedProcess(command.line, status, *printed)

    def _ask(self, request: dict[str, Any]) -> int:
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        return int(self._answers.readline())

    def close(self) -> None:
        """End the process; commands that run are left to end by themselves."""
        self._answers.close()
        self._socket.close()
        self._process.terminate()
        self._process.wait()


def serve(connection: socket.socket) -> dict[str, Any] | None:
    """Answer requests until the other side closes; returns the request in the child that is to run it."""
    requests = connection.makefile("r")
    while line := requests.readline():
        request: dict[str, Any] = json.loads(line)
        if "wait" in request:
            answer = os.waitstatus_to_exitcode(os.waitpid(request["wait"], 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
                return request
        connection.sendall(f"{answer}\n".encode())
    return None


def become(request: dict[str, Any]) -> None:
    """Take the command's streams, folder and words."""
    folder = Path(request["folder"])
    modes = {"in": os.O_RDONLY, "out": os.O_WRONLY | os.O_CREAT, "err": os.O_WRONLY | os.O_CREAT}
    for descriptor, (stream, mode) in enumerate(modes.items()):
        os.dup2(os.open(folder / stream, mode, 0o600), descriptor)
    os.chdir(request["cwd"])
    sys.argv = list(request["line"])
    sys.path[0] = str(Path(sys.argv[0]).parent)


if __name__ == "__main__":
    import importlib
    import logging
    import warnings

    with warnings.catch_warnings(action="ignore"):
        for module in PRELOADED:
            importlib.import_module(module)
    logging.root.handlers.clear()  # a task of fairseq's sets logging up; fairseq's commands do so before
    logging.root.setLevel(logging.WARNING)
    with contextlib.closing(socket.socket(fileno=int(sys.argv[1]))) as server:
        asked = serve(server)
    if asked is not None:
        become(asked)
        exec(compile(asked["first"], "first", "exec"), {})
        runpy.run_path(sys.argv[0], run_name="__main__")
