"""What users cannot mend is not printed, and everything else still is."""

from __future__ import annotations

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
