"""WMT14's recipes run through in miniature, go on where they were, and have no line that was never run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from recipe_runner import SCRIPTS, recipe

from aat_plugin.results.recorded_runs import figures, find

pytestmark = [pytest.mark.fairseq, pytest.mark.slow, pytest.mark.timeout(3600)]  # minutes on a busy machine

TRACED = re.compile(r"\++(?P<file>[^+:]+):(?P<line>[0-9]+):")
# What bash has no trace of: ends of blocks, heads of functions and branches, words that go on from the line before.
STRUCTURE = re.compile(r"(?:\}|fi|done|esac|else|;;|\)|[a-z_]+\(\) \{|\*\) ;; esac)?\s*(?:#.*)?")


@pytest.fixture(scope="module")
def tried(tmp_path_factory):
    """All four of WMT14's in miniature: (folder, what each printed, the lines that were run)."""
    folder = tmp_path_factory.mktemp("wmt14")
    printed = {}
    for language in ("de", "fr"):
        for size in ("base", "big"):
            words = [size, "--tiny", "--out", folder / language]
            done = recipe(f"wmt14_en_{language}.sh", *words, trace=folder / "trace")
            assert done.returncode == 0, done.stderr[-2000:]
            printed[language, size] = done.stdout
    again = recipe("wmt14_en_de.sh", "base", "--tiny", "--out", folder / "de", trace=folder / "trace")
    assert again.returncode == 0
    printed["again"] = again.stdout
    dry = recipe("wmt14_en_de.sh", "big", "--dry-run", "--raw", "RAW", "--out", folder / "none", "--system", "fairseq",
                 "--moses", "MOSES", "common.fp16=true", trace=folder / "trace")  # fmt: skip
    assert dry.returncode == 0
    printed["dry"] = dry.stdout
    for words, status in ((["base", "--help"], 0), (["base", "huge"], 2)):
        assert recipe("wmt14_en_fr.sh", *words, trace=folder / "trace").returncode == status
    seen: dict[str, set[int]] = {}
    for found in TRACED.finditer((folder / "trace").read_text(errors="replace")):
        seen.setdefault(Path(found["file"]).name, set()).add(int(found["line"]))
    return folder, printed, seen


@pytest.mark.parametrize(("language", "size", "protocol", "published"), [
    ("de", "base", "paper", 5), ("de", "big", "paper", 20), ("fr", "base", "multi-bleu", 5),
    ("fr", "big", "multi-bleu", 20),
])  # fmt: skip
def test_wmt14_goes_from_archives_to_the_papers_protocol(tried, language, size, protocol, published):
    folder, printed, _ = tried
    run = folder / language / f"aat-{size}"
    results = json.loads((run / "results.json").read_text())
    assert set(results["scores"]) == {protocol, "sacrebleu"}
    assert all(score["sentences"] == 30 for score in results["scores"].values())
    commands = " ".join(results["provenance"]["commands"])
    for words in (f"--config-name wmt14_en_{language}_{size}", f"--last {published} --by update",
                  "--beam 4 --lenpen 0.6 --max-len-a 1 --max-len-b 50", f"--protocol {protocol} --lang {language}"):
        assert words in commands
    assert f"the mean of {published} checkpoints" in printed[language, size]
    assert "## AT ##" not in (run / "report.md").read_text()
    assert ("compounds:##AT##" in (run / "report.md").read_text()) is (language == "de")


@pytest.mark.parametrize(("language", "protocol"), [("de", "paper"), ("fr", "multi-bleu")])
def test_the_papers_score_stands_in_table_2s_report_and_a_trial_below_it(tried, language, protocol):
    folder, _, _ = tried
    found = figures(find(folder), "table2")
    for size in ("base", "big"):
        run = folder / language / f"aat-{size}"
        (figure,) = found[f"{size}, a trial in miniature", f"en_{language}"]
        scored = json.loads((run / f"bleu.{protocol}.json").read_text())
        assert (figure.value, figure.note) == (scored["score"], scored["signature"])
        assert figure.run.provenance["commands"][0].startswith(f"scripts/wmt14.sh wmt14_en_{language} {size} --tiny")
    assert not {"base", "big"} & {row for row, _ in found}


def test_what_is_done_is_not_done_again(tried):
    _, printed, _ = tried
    lines = printed["again"].splitlines()
    for name in ("mirror", "train", "average", "translate", "score-paper", "score-sacrebleu", "report",
                 "record-table2"):  # fmt: skip
        assert f"{name}: done before" in lines
    assert "clean train: up to date" in lines
    assert printed["de", "big"].count("up to date") > 20  # the data are base's


def test_a_dry_run_prints_the_commands_and_makes_nothing(tried):
    folder, printed, _ = tried
    assert not (folder / "none").exists()
    lines = printed["dry"].splitlines()
    starts = ["aat prepare wmt14_en_de", "fairseq-hydra-train", "aat average --last 20", "fairseq-generate",
              "aat score bleu", "aat score bleu", "python ", "aat report record table2"]  # fmt: skip
    assert len(lines) == len(starts)
    assert all(line.startswith(start) for line, start in zip(lines, starts, strict=True))
    assert "--raw RAW --moses MOSES" in lines[0]
    assert "system=fairseq hardware=gpu8 common.fp16=true" in lines[1]
    assert r"table2 --row fairseq\ big --column en_de" in lines[-1]


@pytest.mark.parametrize("name", ["wmt14_en_de.sh", "wmt14_en_fr.sh", "wmt14.sh", "recipe.sh"])
def test_every_line_was_run(tried, name):
    _, _, seen = tried
    lines = (SCRIPTS / name).read_text().splitlines()
    missed = []
    for number, line in enumerate(lines, 1):
        goes_on = number > 1 and lines[number - 2].rstrip().endswith("\\")
        if not goes_on and number not in seen[name] and not STRUCTURE.fullmatch(line.strip()):
            missed.append(f"{name}:{number}: {line}")
    assert missed == []


@pytest.mark.parametrize(("name", "words", "expected"), [
    ("wmt14_en_de.sh", ["--tiny"], "say base or big first"),
    ("wmt14_en_fr.sh", ["base", "huge"], "no option huge"),
    ("wmt14_en_fr.sh", ["base", "--out"], "--out needs a value"),
])  # fmt: skip
def test_a_mistake_is_one_line_and_ends_the_recipe(name, words, expected):
    done = recipe(name, *words)
    assert done.returncode == 2
    assert expected in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("words", [["--help"], ["big", "--help"]])
def test_help_is_the_recipes_own_head(words):
    done = recipe("wmt14_en_de.sh", *words)
    assert done.returncode == 0
    assert done.stdout.startswith("WMT14 from nothing to the figures of Table 2")
    assert "set -euo" not in done.stdout
