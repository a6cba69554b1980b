"""The demo's second half: its commands, and the share of test trees whose shape was trained on."""

from __future__ import annotations

import pytest

from aat_plugin.cli import paths
from aat_plugin.demo import corpus, parsing
from aat_plugin.parsing.cleaning import clean
from aat_plugin.parsing.linearise import for_trees
from aat_plugin.parsing.trees import read_line


@pytest.fixture(scope="module")
def made():
    return {name: [example.tree for example in examples]
            for name, examples in corpus.split(1, {"train": 1500, "valid": 10, "test": 100}).items()}  # fmt: skip


def test_a_shape_is_a_tree_without_words_and_tags():
    assert parsing.shape("(S (NP (DT a) (NN dog)) (VP (VBZ barks)) (. .))") == "(S (NP XX XX) (VP XX) XX)"


def test_the_share_is_that_of_trees_said_without_tags(made):
    """Restated with the linearisation that says no tag."""
    said = for_trees("vinyals", [])
    shapes = {name: [tuple(said.symbols(clean(read_line(tree)))) for tree in made[name]] for name in ("train", "test")}
    expected = 100 * sum(one in set(shapes["train"]) for one in shapes["test"]) / 100
    assert parsing.shapes_seen(made["train"], made["test"]) == pytest.approx(expected)
    assert parsing.shapes_seen(made["train"], made["train"]) == 100


def test_no_test_sentences_tags_were_trained_on(made):
    said = for_trees("tags", [])
    tags = {name: {tuple(clean(read_line(tree)).tags()) for tree in made[name]} for name in ("train", "test")}
    assert not tags["train"] & tags["test"]
    assert said.says_tags


def test_the_tree_that_is_drawn_is_chosen_by_its_length_alone(tmp_path):
    places = parsing.ParsingPlaces(tmp_path, tmp_path)
    (tmp_path / "parsed").mkdir()
    gold = [f"(S {' '.join(f'(NN w{number})' for number in range(size))})" for size in (3, 30, 10, 9)]
    (tmp_path / "test.trees").write_text("\n".join(gold) + "\n")
    places.trees("free").write_text("\n".join(tree.replace("S", "X", 1) for tree in gold) + "\n")
    assert parsing.drawn(places) == (gold[2].replace("S", "X", 1), gold[2])


def test_the_commands_are_the_papers_search_and_trees_of_the_same_words(tmp_path):
    places = parsing.ParsingPlaces(tmp_path, tmp_path / "text")
    free = parsing.parse_command(places, "free")
    assert not {"--beam", "--lenpen", "--max-extra"} & set(free)  # the paper's stand in
    assert "--constrained" in parsing.parse_command(places, "constrained")
    assert parsing.parse_command(places, "flat")[:4] == ["aat", "parse", "--floor", "flat"]
    assert parsing.train_command(places, paths.conf_dir(), ["common.seed=7"])[-1] == "common.seed=7"
    assert str(tmp_path / "text" / "test.trees") in parsing.score_command(places, "flat")
