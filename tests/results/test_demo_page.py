"""The demo's page: figures as they were found, the tree as it was said, each translation below its source."""

from __future__ import annotations

from aat_plugin.demo.run import Outcome, Places
from aat_plugin.results import demo_page, provenance, recorded_runs
from aat_plugin.results.report_page import table2, table4
from aat_plugin.results.training_cost import Cost

GOLD = "(S (NP (DT the) (NN dog)) (VP (VBZ barks)) (. .))"
FOUND = {
    "f1": 98.521, "malformed_rate": 3.6, "sentences_per_second": 7.1, "constrained_f1": 99.5,
    "constrained_malformed_rate": 0.0, "constrained_sentences_per_second": 7.4, "flat_f1": 13.95,
    "right_branching_f1": 21.59, "shapes_seen": 10.3, "linearisation": "tags", "sentences": 1000,
}  # fmt: skip
SOURCE = {"run": "x", "date": "today", "plugin": {"version": "0", "commit": "c"}, "versions": {}, "threads": "1",
          "hardware": {"processor": "p", "cores": 1}, "data_sha256": "0" * 64}  # fmt: skip


def test_f1_stands_beside_the_share_of_repaired_outputs_and_the_floors():
    section = demo_page._parsing(FOUND, SOURCE)
    assert [tuple(row[1:]) for row in section.table.rows] == [
        ("98.52", "3.6 %"), ("99.50", "0.0 %"), ("21.59", "–"), ("13.95", "–")]
    assert "10.3 % of their trees have a shape" in section.text[0]
    assert "run x" in section.note


def test_the_tree_is_the_models_and_the_text_says_whether_its_brackets_are_golds():
    same = demo_page._tree(f"(TOP {GOLD.replace('DT', 'XX')})", GOLD)
    assert same.text[0].endswith("its brackets are the gold tree's.")
    assert same.picture.count("<text") == 11
    assert ">XX<" in same.picture
    other = demo_page._tree("(TOP (S (NP (DT the)) (VP (NN dog) (VBZ barks)) (. .)))", GOLD)
    assert other.text[0].endswith("its brackets are not all the gold tree's.")


def test_samples_stand_one_below_the_other():
    table = demo_page._samples([("a", "b", "c", "d"), ("e", "f", "g", "h")]).table
    assert [row[1] for row in table.rows] == list("abcdefgh")
    assert table.rows[3][0] == table.rows[7][0] == "Transformer"


def test_both_scores_stand_below_their_tables_with_the_trainings_cost(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(demo_page, "cost_of", lambda *given: asked.append(given) or COST)
    translation = {"bleu": 96.5, "signature": "s"}
    outcome = Outcome(Places(tmp_path), translation, [], FOUND, ("", ""), [], {})
    source = provenance.collect(["aat demo"], [], threads="1")
    recorded_runs.write(tmp_path, source, {"cells": demo_page.cells(outcome)})
    assert asked == [(tmp_path / "checkpoints" / "checkpoint_last.pt", None, 1)]
    runs = recorded_runs.find(tmp_path)
    for table, value in ((table2, "96.50"), (table4, "98.52")):
        row = next(row for section in table(runs) for row in section.table.rows
                   if row[:2] == ["demo", "made-up grammar"] and "Other" in section.title)  # fmt: skip
        assert (row[2].text, row[2].run) == (value, source["run"])
    assert any("5.47e+17" in str(row) for section in table2(runs) for row in section.table.rows)


COST = Cost(updates=100, target_tokens=2e6, source_tokens=1.9e6, known_by="the data's", model_operations=3e15,
            seconds=7200.0, devices=8, device="P100", rate=9.5e12, rate_from="the paper's sustained rate")  # fmt: skip
