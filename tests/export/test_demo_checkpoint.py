"""The conversions on what `make demo` trained, where it has run (AAT_DEMO names another folder of `aat demo --out`)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DEMO = Path(os.environ.get("AAT_DEMO", Path(__file__).resolve().parents[2] / "runs" / "demo"))
CHECKPOINT, DATA = DEMO / "averaged.pt", DEMO / "data" / "data-bin"


@pytest.mark.slow
@pytest.mark.skipif(not (CHECKPOINT.exists() and DATA.exists()), reason="make demo has not run here")
def test_the_demos_model_translates_alike_in_each_home():
    from aat_plugin.export.comparison import compare

    rows = compare(CHECKPOINT, DATA, "test", 200, ["float32", "int8"], lambda _: None)
    stock, power, gnmt, int8, _ = rows
    assert stock.logits64 is not None
    assert stock.logits64 < 1e-5
    assert stock.identical == stock.sentences == 200
    assert min(power.identical, gnmt.identical) >= 199
    assert abs(int8.bleu - int8.our_bleu) < 1.0
