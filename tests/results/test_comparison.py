"""Systems side by side: each figure is what the scorer, the log or the checkpoint says on its own."""

from __future__ import annotations

import dataclasses
import random
import statistics

import pytest

from aat_plugin.errors import ConfigError, DataError
from aat_plugin.results import comparison, comparison_page, comparison_table, groups, parsers_compared
from aat_plugin.results.comparison import LENGTHS, compare
from aat_plugin.results.runs import Run, read_runs
from aat_plugin.results.training_log import Record
from aat_plugin.translation import bleu, significance
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
    return compare(runs, reference, SETTING, 100, lambda path: (7, 2e6)), runs


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


def test_seeds_are_mean_and_deviation_and_groups_are_tested_as_groups(tmp_path, reference):
    result, runs = found(tmp_path, reference, aat=(0.1, [2, 3, 4]), gru=(0.2, [5, 6]), lstm=(0.1, [7]))
    aat, gru, lstm = result.systems
    assert aat.mean == pytest.approx(statistics.fmean(aat.scores))
    assert aat.deviation == pytest.approx(statistics.stdev(aat.scores))
    assert gru.difference == pytest.approx(gru.mean - aat.mean)
    references = reference.read_text().splitlines()
    seeds = [[significance.counts(run.lines, references, SETTING) for run in runs[name]] for name in ("gru", "aat")]
    assert aat.mean == pytest.approx(statistics.fmean(
        significance.score_of_counts(SETTING)(one.sum(axis=0)) for one in seeds[1]
    ))  # fmt: skip
    test = groups.compare(*seeds, significance.score_of_counts(SETTING), 100)
    assert (gru.p_value, gru.p_sentences, gru.p_seeds) == (test.p_value, test.by_sentences, test.by_seeds)
    assert gru.verdict == "worse"
    assert lstm.p_seeds is not None, "the others' seeds say how seeds vary"
    assert comparison_table.quality(result.systems)[1][0][0] == "aat (3 seeds)"
    assert "by seeds" in comparison_table.verdicts(result.systems)[0]
    assert "Student's t" in comparison_table.how_tested(result.systems, 100)


def test_what_nobody_measured_has_no_column_and_another_search_is_said(tmp_path, reference):
    result, runs = found(tmp_path, reference, aat=(0.1, [2]), gru=(0.3, [5]))
    columns, rows = comparison_table.quality(result.systems)
    assert columns == ["system", "BLEU", "difference", "p"]
    assert [row[0] for row in rows] == ["aat", "gru"]
    assert comparison_table.cost(result.systems) == (["system"], [["aat"], ["gru"]])
    assert comparison_table.decodings(result.systems) == ["All were decoded with beam 4."]
    other = dataclasses.replace(runs["gru"][0], decoding="beam 5")
    result = compare({"aat": runs["aat"], "gru": [other]}, reference, SETTING, 20, lambda path: (7, 2e6))
    assert comparison_table.decodings(result.systems) == []
    columns, rows = comparison_table.quality(result.systems)
    assert [columns[-1], rows[0][-1], rows[1][-1]] == ["decoding", "beam 4", "beam 5"]
    partly = [dataclasses.replace(one, decoding=f"{one.decoding}, lenpen 0.6, search ours") for one in result.systems]
    assert comparison_table.decodings(partly) == ["All were decoded with lenpen 0.6, search ours."]
    assert comparison_table.quality(partly)[1][1][-1] == "beam 5"


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
            assert one.by_length[number] == (None if expected is None else pytest.approx(expected))


def test_the_sentences_that_differ_most_are_the_lost_and_the_won(tmp_path, reference):
    result, _ = found(tmp_path, reference, aat=(0.2, [2]), gru=(0.2, [5]))
    gains = [one.gain for one in result.different]
    assert min(gains) < 0 < max(gains)
    assert len(gains) <= 2 * comparison.SHOWN
    assert all(one.first != one.other for one in result.different)


def test_costs_come_from_log_and_checkpoint_and_losses_are_not_smoothed(tmp_path, reference):
    log = (
        Record("train", 50, {"wps": 900.0, "loss": 9.0, "wpb": 100.0, "peak_gb": 1.5}),
        Record("train", 100, {"wps": 1100.0, "wpb": 200.0, "peak_gb": 1.7}),
        Record("valid", 100, {"loss": 8.0, "nll_loss": 3.0, "ppl": 8.0}),
    )  # fmt: skip
    logged = dataclasses.replace(system("aat", 0.1, 2, tmp_path, log)[0], checkpoint=tmp_path / "averaged.pt")
    runs = {"aat": [logged], "gru": [system("gru", 0.1, 3, tmp_path)[0]]}
    one, other = compare(runs, reference, SETTING, 20, lambda path: (7, 2e6)).systems
    assert (one.nll, one.perplexity, one.tokens_per_second, one.curve) == (3.0, 8.0, 1000.0, [(100, 8.0)])
    assert (one.parameters, one.peak_gb, one.updates, one.flops_per_token) == (7, 1.7, 100, 2e6)
    assert one.flops == 2e6 * (50 * 100 + 50 * 200)
    assert (other.nll, other.tokens_per_second, other.parameters, other.peak_gb, other.flops) == (None,) * 5
    columns, rows = comparison_table.cost([one, other])
    assert columns == ["system", "parameters", "updates", "tokens/s", "peak GiB", "MFLOP/token", "FLOP, training"]
    assert rows == [["aat", "7", "100", "1,000", "1.70", "2.0", "3.0e+10"], ["gru", *["not run"] * 6]]


def test_seeds_logs_are_averaged_and_a_gpus_peak_is_what_was_not_free(tmp_path, reference):
    logs = [(Record("train", 50, {"wps": 100.0 * seed, "gb_free": 60.0 + seed, "peak_gb": 9.0}),
             Record("valid", 50, {"nll_loss": 4.0 + seed}), Record("valid", 50 + seed, {"nll_loss": 1.0 + seed}))
            for seed in (1, 2)]  # fmt: skip
    seeds = [dataclasses.replace(system("aat", 0.1, n, tmp_path, log)[0], gpu_gb=79.0) for n, log in enumerate(logs)]
    one = compare({"aat": seeds, "gru": [system("gru", 0.1, 5, tmp_path)[0]]}, reference, SETTING, 20, None).systems[0]
    assert (one.nll, one.tokens_per_second, one.peak_gb) == (2.5, 150.0, 18.0)
    assert one.curve == [(50, 2**5.5)], "where both validated"


def test_a_run_of_other_length_is_refused(tmp_path, reference):
    run, _ = system("aat", 0.1, 2, tmp_path)
    short = Run("gru", run.path, run.lines[:-1], "")
    with pytest.raises(DataError, match="59 sentences"):
        compare({"aat": [run], "gru": [short]}, reference, SETTING, 20, lambda path: (7, 2e6))


def test_references_come_from_the_outputs_and_must_be_the_same(tmp_path):
    def output(name, reference):
        path = tmp_path / name
        path.write_text("".join(f"T-{n}\t{reference}{n} b c d\nH-{n}\t-1\ta{n} b c d\n" for n in range(5)))
        return str(path)

    same = read_runs([output("one.out", "a"), output("two.out", "a")])
    scored = compare(same, None, SETTING, 20, lambda path: (7, 2e6)).systems
    assert [one.mean for one in scored] == pytest.approx([100, 100])
    other = read_runs([output("one.out", "a"), output("three.out", "z")])
    with pytest.raises(DataError, match="different references in 5 of 5 sentences"):
        compare(other, None, SETTING, 20, lambda path: (7, 2e6))


def test_references_of_other_sentences_are_refused_and_another_preparation_is_not(tmp_path):
    path = tmp_path / "one.out"
    path.write_text("".join(f"T-{n}\tIt &apos;s nr. {n} !\nH-{n}\t-1\tIt &apos;s nr. {n} .\n" for n in range(5)))
    reference = tmp_path / "ref.en"
    reference.write_text("".join(f"it's nr. {n}!\n" for n in range(5)))
    runs = read_runs([f"a={path}", f"b={path}"])
    assert compare(runs, reference, SETTING, 20, None).sentences == 5
    reference.write_text("".join(f"it's nr. {n + 1}!\n" for n in range(5)))
    with pytest.raises(DataError, match=r"tested on other sentences .* 5 of 5 references differ, first number 1"):
        compare(runs, reference, SETTING, 20, None)


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
    first, other = parsers_compared.compare_parsers({"gold": [gold], "worse": [worse]}, gold, 100)
    assert (first.f1, first.difference) == (100.0, None)
    assert other.difference == pytest.approx(other.f1 - 100)
    assert other.bootstrap < 0.05
    assert other.shuffling < 0.05
    assert other.interval[0] <= other.f1 <= other.interval[1]
    assert parsers_compared.table([first, other])[0] == list(parsers_compared.COLUMNS[:-1])


def test_seeds_of_a_parser_are_a_group(tmp_path):
    generator, gold = random.Random(4), tmp_path / "gold.trees"
    tree, flat = "(TOP (S (NP (NN a)) (VP (VB b) (NP (NN c)))))", "(TOP (S (NP (NN a)) (VB b) (NN c)))"
    gold.write_text(f"{tree}\n" * 60)

    def seed(name, rate):
        path = tmp_path / name
        path.write_text("".join(f"{flat if generator.random() < rate else tree}\n" for _ in range(60)))
        return path

    files = {"good": [seed("1", 0.1), seed("2", 0.12)], "bad": [seed("3", 0.6), seed("4", 0.65)]}
    good, bad = parsers_compared.compare_parsers(files, gold, 100)
    assert bad.f1 == pytest.approx(statistics.fmean(bad.scores))
    assert bad.deviation == pytest.approx(statistics.stdev(bad.scores))
    assert bad.difference == pytest.approx(bad.f1 - good.f1)
    assert bad.bootstrap < 0.05 > bad.seeds
    assert bad.shuffling is None
    assert parsers_compared.table([good, bad])[1][1][0] == "bad (2 seeds)"
    with pytest.raises(ConfigError, match="named twice as 'good'"):
        parsers_compared.compare_parsers({"good": [gold, gold]}, gold, 10)
