"""Steps that are commands: done once, done again when something before them changed, stopped with the demo."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aat_plugin.demo.steps import DemoError, Steps, progress

PYTHON = Path(sys.executable).name


@pytest.fixture
def make_steps(tmp_path):
    """New steps over the same folder, as a later call of the demo has them, and what they said."""

    def build() -> tuple[Steps, list[str]]:
        said: list[str] = []
        return Steps(tmp_path, said.append), said

    return build


def test_a_finished_step_is_not_done_again_and_keeps_its_time(make_steps):
    command = [PYTHON, "-c", "import time; time.sleep(0.3); print('hello')"]
    steps, said = make_steps()
    steps.run("greet", command)
    assert steps.log("greet").read_text() == "hello\n"
    assert said[0].startswith(f"$ {PYTHON} -c")
    again, said = make_steps()
    again.run("greet", command)
    assert said == ["greet: done already"]
    assert again.seconds["greet"] == pytest.approx(steps.seconds["greet"], abs=0.06)
    assert again.typed == steps.typed


def test_a_step_is_done_again_when_one_before_it_changed(make_steps):
    def run(first: str) -> list[str]:
        steps, said = make_steps()
        steps.make("first", first, lambda: f"made {first}")
        steps.run("second", [PYTHON, "-c", "pass"])
        return said

    run("a")
    assert run("a") == ["first: done already", "second: done already"]
    assert "made b" in run("b")
    assert run("b") == ["first: done already", "second: done already"]
    assert run("a")[0] == "made a"


def test_a_failing_step_names_itself_its_reason_and_its_log(make_steps):
    steps, _ = make_steps()
    with pytest.raises(DemoError, match=r"broken ended with status \d+: .*No such file.*broken\.log"):
        steps.run("broken", [PYTHON, "/nowhere.py"])
    steps, said = make_steps()
    with pytest.raises(DemoError):
        steps.run("broken", [PYTHON, "/nowhere.py"])
    assert said[0].startswith("$ ")


def test_progress_is_read_from_fairseqs_log_line():
    line = "2026 | INFO | train_inner | epoch 001: 50 / 383 loss=8, ppl=450.9, wps=4353.1, num_updates=50, lr=0.1"
    assert progress(line) == "update 50: perplexity 450.9, 4353.1 words/s"


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_what_a_step_started_ends_with_the_demo(tmp_path, sent):
    """The command writes its process number and then sleeps; a marker must not appear."""
    pid = tmp_path / "pid"
    sleeper = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    program = (
        "import sys; from pathlib import Path; from aat_plugin.demo.steps import Steps;"
        f"Steps(Path({str(tmp_path)!r}), print).run('sleep', [{PYTHON!r}, '-c', {sleeper!r}])"
    )
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    # A job in a shell's background ignores Ctrl-C, and so would what it starts.
    heed = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    demo = subprocess.Popen([sys.executable, "-c", program], **quiet, **heed)
    _until(lambda: pid.is_file() and pid.read_text())
    demo.send_signal(sent)
    assert demo.wait(timeout=20) != 0
    _until(lambda: not _alive(int(pid.read_text())))
    assert not (tmp_path / "sleep.done").exists()


def _until(holds, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:3] if Path("/proc").is_dir() else True
