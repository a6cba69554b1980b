"""Which positions an output depends on: the squares, written down cell by cell."""

from __future__ import annotations

from aat_plugin.results.figures.dependence import SOURCE, TARGET, layers, whole_model

PLACES = range(len(SOURCE))


def test_each_layers_square():
    found = {name: square.tolist() for name, square in layers().items()}
    before = [[column <= row for column in PLACES] for row in PLACES]
    assert found == {
        "feed-forward": [[column == row for column in PLACES] for row in PLACES],
        "self-attention": [[True for _ in PLACES] for _ in PLACES],
        "masked self-attention": before,
        "recurrence": before,
    }


def test_the_models_square_has_the_three_families_blocks():
    source, target = len(SOURCE), len(TARGET)
    square = whole_model()
    assert square[:source, :source].all()  # BERT: everything sees everything
    assert not square[:source, source:].any()
    assert square[source:, :source].all()  # T5: the decoder sees the whole source
    triangle = [[column <= row for column in range(target)] for row in range(target)]
    assert square[source:, source:].tolist() == triangle  # GPT: what came before
