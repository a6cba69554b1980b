"""Systems side by side: each figure is what the scorer, the log or the checkpoint says on its own."""

from __future__ import annotations

import dataclasses
import random
import statistics

import pytest

from aat_plugin.errors import DataError
from aat_plugin.results import comparison, comparison_page, parsers_compared
from aat_plugin.results.comparison import LENGTHS, cells, compare
from aat_plugin.results.runs import Run, read_runs
from aat_plugin.results.training_log import Record
from aat_plugin.translation import bleu
from aat_plugin.translation.bleu import Setting

SETTING = Setting("sacrebleu")
WORDS = [a + b for a in "bdfgklmn" for b in "aeiou"]


def system(name, rate, seed, path, log=()):
    """A run that gets a share `rate` of the words wrong, and the references."""
    generator = random.Random(1)
    references = [" ".join(generator.choices(WORDS, k=generator.randint(4, 30))) for _ in range(60)]
    wrong = random.Random(seed)
    lines = [" ".join("x" if wrong.random() < rate else word for word in line.split()) for line in references]
    return Run(name, path / f"{name}{seed}.txt", tuple(lines), "beam 4", log), references


@pytest.fixture
def reference(tmp_path):
    _, references = system("any", 0.5, 1, tmp_path)
    file = tmp_path / "ref.de"
    file.write_text("".join(f"{line}\n" for line in references))
    return file


def found(tmp_path, reference, **systems):
    runs = {name: [system(name, rate, seed, tmp_path)[0] for seed in seeds] for name, (rate, seeds) in systems.items()}
    return compare(runs, reference, SETTING, 100, lambda path: 7), runs


def test_scores_are_the_scorers_and_the_verdict_is_against_the_first(tmp_path, reference):
    result, runs = found(tmp_path, reference, good=(0.05, [2]), bad=(0.4, [3]), same=(0.05, [2]))
    references = reference.read_text().splitlines()
    for one in result.systems:
        assert one.scores == [bleu.score(runs[one.name][0].lines, references, SETTING).score]
        assert (one.mean, one.deviation) == (one.scores[0], None)
        assert one.interval > 0
    good, bad, same = result.systems
    assert (good.difference, good.p_value, good.verdict) == (None, None, None)
    assert (bad.verdict, bad.difference) == ("worse", pytest.approx(bad.mean - good.mean))
    assert (same.verdict, same.p_value) == ("no significant difference", 1.0)


def test_seeds_are_mean_and_deviation_and_the_one_in_the_middle_is_tested(tmp_path, reference):
    result, _ = found(tmp_path, reference, aat=(0.1, [2, 3, 4]), gru=(0.1, [5]))
    aat = result.systems[0]
    assert aat.mean == pytest.approx(statistics.fmean(aat.scores))
    assert aat.deviation == pytest.approx(statistics.stdev(aat.scores))
    assert result.systems[1].difference == pytest.approx(result.systems[1].mean - sorted(aat.scores)[1])
    assert cells(aat)[0] == "aat (3 seeds)"


def test_what_nobody_measured_has_no_column_and_another_search_is_said(tmp_path, reference):
    result, runs = found(tmp_path, reference, aat=(0.1, [2]), gru=(0.3, [5]))
    columns, rows = comparison.table(result.systems)
    assert columns == ["system", "BLEU", "difference", "p"]
    assert [row[0] for row in rows] == ["aat", "gru"]
    assert comparison.decodings(result.systems) == ["All were decoded with beam 4."]
    other = dataclasses.replace(runs["gru"][0], decoding="beam 5")
    result = compare({"aat": runs["aat"], "gru": [other]}, reference, SETTING, 20, lambda path: 7)
    assert comparison.decodings(result.systems)[1] == "gru was decoded with beam 5."


def test_quality_by_length_scores_the_sentences_of_each_bin(tmp_path, reference):
    result, runs = found(tmp_path, reference, aat=(0.1, [2]), gru=(0.3, [5]))
    references = reference.read_text().splitlines()
    assert sum(result.in_bins) == len(references)
    for number, (low, high) in enumerate(LENGTHS):
        chosen = [n for n, line in enumerate(references) if low <= len(line.split()) <= (high or 10**6)]
        assert result.in_bins[number] == len(chosen)
        for one in result.systems:
            lines = [runs[one.name][0].lines[n] for n in chosen]
            expected = bleu.score(lines, [references[n] for n in chosen], SETTING).score if chosen else None
            assert one.by_length[number] == expected


def test_the_sentences_that_differ_most_are_the_lost_and_the_won(tmp_path, reference):
    result, _ = found(tmp_path, reference, aat=(0.2, [2]), gru=(0.2, [5]))
    gains = [one.gain for one in result.different]
    assert min(gains) < 0 < max(gains)
    assert len(gains) <= 2 * comparison.SHOWN
    assert all(one.first != one.other for one in result.different)


def test_losses_and_speed_come_from_the_log_and_losses_are_not_smoothed(tmp_path, reference):
    log = (
        Record("train", 50, {"wps": 900.0, "loss": 9.0}), Record("train", 100, {"wps": 1100.0}),
        Record("valid", 100, {"loss": 8.0, "nll_loss": 3.0, "ppl": 8.0}),
    )  # fmt: skip
    runs = {"aat": [system("aat", 0.1, 2, tmp_path, log)[0]], "gru": [system("gru", 0.1, 3, tmp_path)[0]]}
    one, other = compare(runs, reference, SETTING, 20, lambda path: 7).systems
    assert (one.nll, one.perplexity, one.tokens_per_second, one.curve) == (3.0, 8.0, 1000.0, [(100, 8.0)])
    assert (other.nll, other.tokens_per_second, other.parameters) == (None, None, None)


def test_a_run_of_other_length_is_refused(tmp_path, reference):
    run, _ = system("aat", 0.1, 2, tmp_path)
    short = Run("gru", run.path, run.lines[:-1], "")
    with pytest.raises(DataError, match="59 sentences"):
        compare({"aat": [run], "gru": [short]}, reference, SETTING, 20, lambda path: 7)


def test_references_come_from_the_outputs_and_must_be_the_same(tmp_path):
    def output(name, reference):
        path = tmp_path / name
        path.write_text("".join(f"T-{n}\t{reference}{n} b c d\nH-{n}\t-1\ta{n} b c d\n" for n in range(5)))
        return str(path)

    same = read_runs([output("one.out", "a"), output("two.out", "a")])
    assert [one.mean for one in compare(same, None, SETTING, 20, lambda path: 7).systems] == pytest.approx([100, 100])
    other = read_runs([output("one.out", "a"), output("three.out", "z")])
    with pytest.raises(DataError, match="different references in 5 of 5 sentences"):
        compare(other, None, SETTING, 20, lambda path: 7)


def test_the_page_holds_every_system_and_escapes_what_it_quotes(tmp_path, reference):
    result, _ = found(tmp_path, reference, aat=(0.1, [2]), gru=(0.3, [5]))
    odd = comparison.Different(3, "gru", -4.0, "<script>", "a & b", "c")
    result = comparison.Comparison(**{**vars(result), "different": [odd]})
    comparison_page.write(tmp_path / "out/page.html", result, ["aat", "gru"], [reference])
    text = (tmp_path / "out/page.html").read_text()
    assert "gru" in text
    assert "<script>" not in text
    assert "a &amp; b" in text
    assert "data_sha256" not in text


def test_parsers_are_compared_by_both_tests(tmp_path):
    gold = tmp_path / "gold.trees"
    tree = "(TOP (S (NP (NN a)) (VP (VB b) (NP (NN c)))))"
    gold.write_text(f"{tree}\n" * 30)
    worse = tmp_path / "worse.trees"
    worse.write_text(("(TOP (S (NP (NN a)) (VB b) (NN c)))\n" + f"{tree}\n") * 15)
    first, other = parsers_compared.compare_parsers({"gold": gold, "worse": worse}, gold, 100)
    assert (first.f1, first.difference) == (100.0, None)
    assert other.difference == pytest.approx(other.f1 - 100)
    assert other.bootstrap < 0.05
    assert other.shuffling < 0.05
    assert other.interval[0] <= other.f1 <= other.interval[1]
