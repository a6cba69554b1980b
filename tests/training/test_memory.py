"""Freed memory stays in the process: counted in pages that the system had to hand out, not in time."""

from __future__ import annotations

import subprocess
import sys

import pytest

COUNT = """
import resource, sys
from aat_plugin.training.memory import keep_freed
if sys.argv[1] == "keep":
    assert keep_freed()
def piece():
    block = bytearray(64 << 20)
    for place in range(0, len(block), 4096):
        block[place] = 1
piece()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
    piece()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc is Linux's")
def test_a_large_piece_is_handed_out_by_the_system_once():
    pages = {}
    for way in ("stock", "keep"):
        done = subprocess.run([sys.executable, "-c", COUNT, way], capture_output=True, text=True, check=True)
        pages[way] = int(done.stdout)
    assert pages["stock"] > 3 * 64 * 200  # 4 KiB pages, of which a kernel may map several at one fault
    assert pages["keep"] < pages["stock"] / 20


HELD = """
import sys
from aat_plugin.training.memory import peak_gigabytes
before = peak_gigabytes()
block = bytearray(200 << 20)
for place in range(0, len(block), 4096):
    block[place] = 1
del block
print(before, peak_gigabytes())
"""


def test_the_peak_is_this_programs_own_and_stays_when_memory_is_freed():
    more = bytearray(300 << 20)  # of the process that starts the other one
    more[::4096] = b"x" * len(more[::4096])
    done = subprocess.run([sys.executable, "-c", HELD], capture_output=True, text=True, check=True)
    before, after = map(float, done.stdout.split())
    assert after - before == pytest.approx(200 / 1024, abs=0.02)
    assert before < 0.1
