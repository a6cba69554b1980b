"""`aat score parse`: text, JSON and EVALB's lines from the command line, and its mistakes in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from aat_plugin.cli.dispatch import main

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "evalb"
FILES = ["--gold", str(GOLDEN / "made_up.gld"), "--pred", str(GOLDEN / "made_up.tst")]


def test_evalbs_lines_are_printed_as_they_are_and_the_notices_beside(capsys):
    assert main(["score", "parse", *FILES, "--format", "evalb"]) == 0
    printed = capsys.readouterr()
    assert printed.out == (GOLDEN / "made_up.out").read_text()
    assert "2 with other words than the gold tree, left out" in printed.err


def test_json_has_the_documented_keys_in_percent(capsys):
    assert main(["score", "parse", *FILES, "--json", "--evalb-compatible"]) == 0
    report = json.loads(capsys.readouterr().out)
    for part in ("all", "len40"):
        assert {"recall", "precision", "f1", "complete_match", "average_crossing", "no_crossing",
                "two_or_less_crossing", "tagging_accuracy", "sentences"} <= report[part].keys()
    assert round(report["all"]["recall"], 2) == 81.25
    assert round(report["all"]["precision"], 2) == 78.79
    assert report["protocol"] == "evalb"
    assert main(["score", "parse", *FILES, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["missing"], report["protocol"]) == ([7], "default")
    assert report["mismatched"] == [{"sentence": 6, "reason": "Words unmatch (sing|sang)"}]
    assert "oracle" not in report


def test_text_ends_in_a_next_step_and_a_baseline_is_tested(capsys):
    assert main(["score", "parse", *FILES]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("Next: ")
    assert main(["score", "parse", *FILES, "--baseline", str(GOLDEN / "made_up.gld"), "--samples", "50"]) == 0
    assert "paired bootstrap, 50 samples" in capsys.readouterr().out


def test_n_best_predictions_get_an_oracle(tmp_path, capsys):
    trees = (GOLDEN / "made_up.gld").read_text().splitlines()
    lines = [f"{number} ||| {text} ||| -1" for number, tree in enumerate(trees) for text in ("", tree)]
    (tmp_path / "n").write_text("\n".join(lines) + "\n")
    assert main(["score", "parse", "--gold", FILES[1], "--pred", str(tmp_path / "n"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["all"]["f1"], report["oracle"]["f1"], report["oracle"]["nbest"]) == (0.0, 100.0, 2)


@pytest.mark.parametrize(("words", "what"), [
    (["--gold", "none", "--pred", "none"], "cannot read none"),
    ([*FILES, "--format", "xml"], "--format='xml' is not one of text | evalb"),
    ([*FILES, "--format", "evalb", "--json"], "two forms of one answer"),
    ([*FILES, "--prm", str(GOLDEN / "README.md")], "README.md:3: 'Made-up' is no parameter"),
    (["--gold", FILES[1], "--pred", str(GOLDEN / "quotes.tst")], "4 lines for 12 gold trees"),
    ([*FILES, "--baseline", FILES[1], "--samples", "0"], "--samples 0"),
])
def test_mistakes_are_one_line(words, what, capsys):
    assert main(["score", "parse", *words]) == 2
    error = capsys.readouterr().err
    assert what in error
    assert error.count("\n") == 1


def test_no_torch_is_imported():
    code = ("import sys; from aat_plugin.cli.dispatch import main; "
            f"assert main(['score', 'parse', *{FILES!r}]) == 0; assert 'torch' not in sys.modules, 'torch'")
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
