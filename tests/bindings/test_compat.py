"""What users cannot mend is not printed, and everything else still is; a thread that loads ends before Python."""

from __future__ import annotations

import subprocess
import sys
import warnings

import pytest

from aat_plugin.bindings import compat

NOISE = [
    ("\nThe version_base parameter is not specified.\nHydra will assume defaults", UserWarning),
    ("hydra.experimental.initialize() is no longer experimental. Use hydra.initialize()", UserWarning),
    ("\n'config' is validated against ConfigStore schema with the same name.\nThis behavior …", UserWarning),
    ("`torch.cuda.amp.autocast(args...)` is deprecated. Please use …", FutureWarning),
    ("'pin_memory' argument is set as true but no accelerator is found", UserWarning),
]


@pytest.mark.parametrize(("message", "category"), NOISE)
def test_each_notice_of_the_frameworks_is_silent(message, category):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        compat.install()
        compat.install()  # twice does no harm
        warnings.warn(message, category, stacklevel=1)
    assert not seen


@pytest.mark.parametrize(("message", "category"), [
    ("the learning rate is odd", UserWarning), ("version_base", UserWarning), (NOISE[0][0], RuntimeWarning),
    ("`torch.jit.script` is deprecated", FutureWarning),
])  # fmt: skip
def test_every_other_warning_is_heard(message, category):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        compat.install()
        warnings.warn(message, category, stacklevel=1)
    assert [str(one.message) for one in seen] == [message]


LOADING = """
import torch
from fairseq.data.iterators import BufferedIterator
{install}

class Batches:
    def __len__(self):
        return 10**9

    def __iter__(self):
        while True:
            yield torch.stack([torch.ones(1000).sum() for _ in range(100)])

batches = BufferedIterator({buffer}, Batches())
print(int(next(batches)[0]))
"""


@pytest.mark.parametrize("buffer", [1, 10**9])  # it waits for a place; it is in the midst of a batch
def test_a_training_that_stops_in_mid_epoch_ends_well(buffer):
    code = LOADING.format(install="from aat_plugin.bindings import compat; compat.install()", buffer=buffer)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=100)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1000\n", "")
