"""The report: a number only where a run is, linked to its whole provenance; take the run away and it is not run."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from html_reader import read

from aat_plugin.results import provenance, recorded_runs, table1
from aat_plugin.results.report_page import report, table2, table3, table4
from aat_plugin.results.training_cost import Cost

CURVE = [[40, 9.0], [80, 3.0]]
SCORED = {"perplexity": 3.0, "bleu": 12.5, "signature": "s", "curve": CURVE, "seconds": 1.0}


@pytest.fixture
def folder(tmp_path):
    """One run of each kind."""
    (tmp_path / "data.txt").write_text("x")
    nothing, source = (provenance.collect(["aat <demo> & more"], data) for data in ([], [tmp_path / "data.txt"]))
    small = table1.Settings(lengths=(64, 128), widths=(4, 8), depths=(4, 8), paths=(4, 8), repeats=1)
    interval = {"mean": 7.77, "half": 0.5}
    sign = {"published": -0.9, "here": {"mean": -1.0, "half": None}, "came_back": True, "beyond_chance": False}
    rows = {"base": {"perplexity": interval, "bleu": interval, "runs": [], "updates": 10},
            "A1": {"perplexity": interval, "bleu": interval, "runs": [], "updates": 10,
                   "signs": {"bleu": sign, "perplexity": {**sign, "published": 0.37}}}}  # fmt: skip
    contents = {
        "demo": {"translation": {"bleu": 96.54, "dictionary_bleu": 15.01, "copy_bleu": 0.02, "signature": "s"}},
        "t1": {"table1": table1.measure(small)},
        "t3": {"table3": {"scale": "1/8", "budget": 10, "seeds": 1, "experiment": "demo_translation", "overrides": {},
                          "rows": rows}},
        "whatif": {"whatif": {"budget": 80, "cases": {
            "whole": {**SCORED, "bleu": 80.25}, "mask": SCORED, "norm": {"failed": "train ended", "curve": []}}}},
        "wmt": {"cells": [{"table": "table2", "row": "base", "column": "en_de", "value": 27.18, "note": "multi-bleu",
                           "cost": COST.to_json()},
                          {"table": "table2", "row": "tiny", "column": "multi30k", "value": 41.23, "note": "sacre"}]},
        "wsj": {"cells": [{"table": "table4", "row": "wsj", "column": "f1", "value": 90.87}]},
    }  # fmt: skip
    for number, (name, content) in enumerate(contents.items()):
        recorded_runs.write(tmp_path / name, {**(nothing if name == "t1" else source), "run": f"run{number}"}, content)
    return tmp_path


COST = Cost(updates=100, target_tokens=2e6, source_tokens=1.9e6, known_by="the data's", model_operations=3.3333e15,
            seconds=7200.0, devices=8, device="P100", rate=9.5e12, rate_from="the paper's sustained rate")  # fmt: skip
NUMBERS = {"demo": "96.54", "t1": "2.00, 1.00", "t3": "7.77 ± 0.50", "whatif": "12.5", "wmt": "27.18", "wsj": "90.87"}


def cells(html: str) -> list[str]:
    return [re.sub(r"\s+", " ", cell).strip() for cell in read(html).cells]


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_is_there_with_its_run_and_gone_with_it(folder, name):
    before = cells(report(recorded_runs.find(folder)))
    here = [cell for cell in before if cell.startswith(NUMBERS[name])]
    assert here
    shutil.rmtree(folder / name)
    html = report(recorded_runs.find(folder))
    after = cells(html)
    assert not [cell for cell in after if cell.startswith(NUMBERS[name])]
    assert NUMBERS[name] not in re.sub(r"<svg.*?</svg>", "", html, flags=re.S)
    assert after.count("not run") > before.count("not run")


def test_every_cell_that_a_run_changed_leads_to_it(folder):
    nothing = {cell for cell, _ in linked(report([]))}
    ours = [(cell, links) for cell, links in linked(report(recorded_runs.find(folder))) if cell not in nothing]
    numbers = [(cell, links) for cell, links in ours if re.search(r"\d", cell)]
    assert len(numbers) > 30
    unlinked = [cell for cell, links in numbers if not any(link.startswith("#run-") for link in links)]
    assert set(unlinked) == {"multi30k"}, "a name of the user's own"


def linked(html: str) -> list[tuple[str, list[str]]]:
    """The text of each cell, without the runs' own tables, and where its links lead."""
    body = html.partition('id="runs"')[0]
    found = re.findall(r"<td[^>]*>(.*?)</td>", body, flags=re.S)
    return [(re.sub(r"<[^>]*>", "", one).strip(), re.findall(r'href="([^"]*)"', one)) for one in found]


def test_every_link_to_a_run_leads_to_its_commands_commit_versions_machine_and_data(folder):
    found = recorded_runs.find(folder)
    html = report(found)
    tags = read(html).tags
    anchors = {attributes.get("id") for _, attributes in tags}
    links = {attributes["href"] for tag, attributes in tags if tag == "a" and attributes["href"].startswith("#run-")}
    assert {f"#run-{run.name}" for run in found} == links
    assert {link.removeprefix("#") for link in links} <= anchors
    for run in found:
        section = html[html.index(f'id="run-{run.name}"'):].partition("</section>")[0]
        source = run.provenance
        data = source["data_sha256"] if run.folder.name != "t1" else ">none<"
        for value in (source["plugin"]["commit"], data, source["hardware"]["processor"],
                      f"torch {source['versions']['torch']}", "aat &lt;demo&gt; &amp; more"):  # fmt: skip
            assert value in section


def test_with_no_run_at_all_every_cell_of_ours_says_so_and_published_ones_stay():
    found = cells(report([]))
    assert found.count("not run") >= 4 + 5 * 6 + 20 * 2 + 2 + 3 + 9 * 3
    for published in ("28.4", "41.8", "92.7", "4.33", "26.4", "213", "63.0", "9.6e+18"):
        assert published in found


def test_the_page_is_whole_in_itself(folder):
    html = report(recorded_runs.find(folder))
    assert not re.search(r'(?:src|href)="(?!#|data:)', html)
    assert not re.search(r"url\((?!#)", html)
    assert html.count('role="img"') == html.count("<svg")
    assert "default-src 'none'" in html


def test_rows_of_other_data_stand_apart_with_their_scoring(folder):
    sections = table2(recorded_runs.find(folder))
    assert [section.title for section in sections].count("Training cost of runs here") == 1
    others = sections[-1]
    assert others.title == "Other translation runs"
    assert [row[:2] for row in others.table.rows] == [["tiny", "multi30k"]]
    assert others.table.rows[0][3] == "sacre"
    assert len(table4(recorded_runs.find(folder))) == 1


def test_signs_are_told_row_by_row(folder):
    *_, trained = table3(recorded_runs.find(folder))
    assert any(line.startswith("A1: BLEU -1.00 (published -0.90): its sign came back") for line in trained.text)
    assert [row for row in trained.table.rows if row[0] == "C1"] == [["C1", "not run", "not run", "", ""]]


def test_signs_against_a_base_that_has_not_learned_are_called_nothing(folder):
    assert not any("hardly begun" in line for line in table3(recorded_runs.find(folder))[-1].text)
    (file,) = folder.glob("t3/*.json")
    content = json.loads(file.read_text())
    content["table3"]["rows"]["base"]["bleu"] = {"mean": 0.08, "half": None}
    file.write_text(json.dumps(content))
    trained = table3(recorded_runs.find(folder))[-1]
    assert any("hardly begun to learn (0.08 BLEU)" in line for line in trained.text)


def test_the_machine_behind_a_cost_is_named_below_its_table(folder):
    costs = next(one for one in table2(recorded_runs.find(folder)) if one.title == "Training cost of runs here")
    assert all(len(row) == len(costs.table.head) for row in costs.table.rows)
    assert COST.device in costs.note
    assert "recorded without a checkpoint" in costs.note  # the other run's
