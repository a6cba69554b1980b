"""`aat silver` from the command line."""

from __future__ import annotations

import pytest

from aat_plugin.cli.dispatch import main
from aat_plugin.parsing.baselines import flat, right_branching


@pytest.fixture
def files(tmp_path):
    def write(name: str, trees) -> str:
        (tmp_path / name).write_text("".join(f"{tree}\n" for tree in trees))
        return str(tmp_path / name)

    words = [["w"] * (number % 9 + 1) for number in range(90)]
    first = write("a", [flat(one) for one in words])
    second = write("b", [flat(one) if len(one) < 7 else right_branching(one) for one in words])
    return first, second, write("gold", [flat(["x"] * 4)] * 5), tmp_path / "out"


def test_it_writes_what_both_parsers_say_and_tells_how_much(files, capsys):
    first, second, gold, out = files
    assert main(["silver", first, second, "--like", gold, "-o", str(out), "--size", "20"]) == 0
    said = capsys.readouterr().out
    assert "the parsers agree on 60 (66.7 %)" in said
    assert said.splitlines()[-1].startswith("Next: ")
    lines = out.read_text().splitlines()
    assert lines
    assert all(line.count("(w") == 0 and 1 <= line.count("(XX w)") <= 5 for line in lines)


def test_mistakes_leave_the_output_alone_and_are_one_line(files, capsys, tmp_path):
    first, _, gold, out = files
    out.write_text("before")
    (tmp_path / "short").write_text((tmp_path / "b").read_text().split("\n")[0] + "\n")
    for second, what in ((str(tmp_path / "short"), "ends before line 2"), ("none", "cannot read none")):
        assert main(["silver", first, second, "--like", gold, "-o", str(out)]) == 2
        error = capsys.readouterr().err
        assert what in error
        assert error.count("\n") == 1
    assert out.read_text() == "before"
