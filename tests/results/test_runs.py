"""What counts as a run, how it was decoded, and that other test data is refused by name."""

from __future__ import annotations

import pytest

from aat_plugin.errors import ConfigError, DataError
from aat_plugin.results.runs import check_same_test, decoding, read_run, read_runs

OUTPUT = [
    "2026-01-01 | INFO | fairseq_cli.generate | {'task': {'_name': 'aat_translation', 'data': 'd'}, "
    "'generation': {'_name': None, 'beam': 4, 'nbest': 1, 'max_len_a': 1.0, 'max_len_b': 50, 'lenpen': 0.6, "
    "'sampling': False, 'no_repeat_ngram_size': 0}}",
    "S-0\tein hund", "T-0\ta dog", "H-0\t-0.5\ta dog", "D-0\t-0.5\ta dog", "P-0\t-0.1 -0.2 -0.1",
    "Generate test with beam=4: BLEU4 = 100.00",
]  # fmt: skip
LOG = ["2026-01-01 | INFO | train_inner | {\"epoch\": 1, \"wps\": \"1000\", \"num_updates\": \"50\"}"]


def write(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_the_output_says_how_it_was_decoded():
    assert decoding(OUTPUT) == "beam 4, lenpen 0.6, max_len_a 1.0, max_len_b 50, search ours"
    assert decoding([OUTPUT[0].replace("aat_translation", "translation")]).endswith("search stock")
    assert decoding(OUTPUT[1:]) == "beam 4"
    assert decoding(["a dog"]) == ""


def test_a_folder_is_its_one_output_its_log_and_its_checkpoint(tmp_path):
    write(tmp_path / "gru/logs/generate.log", OUTPUT)
    gpu = "rank   0: capabilities =  9.0  ; total memory = 79.109 GB ; name = X"
    write(tmp_path / "gru/logs/train.log", [gpu, *LOG])
    write(tmp_path / "gru/checkpoint_last.pt", [])
    write(tmp_path / "gru/averaged.pt", [])
    run = read_run(str(tmp_path / "gru"))
    assert (run.name, run.path.name, run.checkpoint.name) == ("gru", "generate.log", "averaged.pt")
    assert run.log[0].values["wps"] == 1000
    assert run.gpu_gb == 79.109
    write(tmp_path / "gru/other.out", OUTPUT)
    with pytest.raises(DataError, match="must hold one output"):
        read_run(str(tmp_path / "gru"))


def test_runs_of_one_name_are_its_seeds(tmp_path):
    one, two, other = (write(tmp_path / name, OUTPUT) for name in ("1.out", "2.out", "x=3.out"))
    found = read_runs([f"aat={one}", str(other), f"aat={two}"])
    assert {name: len(seeds) for name, seeds in found.items()} == {"aat": 2, "x=3": 1}
    with pytest.raises(ConfigError, match="named twice as 'aat'"):
        read_runs([f"aat={one}", f"aat={one}"])
    with pytest.raises(ConfigError, match="nothing to compare"):
        read_runs([str(one)])
    with pytest.raises(DataError, match="does not exist"):
        read_runs([str(one), "gru=/nowhere.out"])


def test_other_test_data_is_refused_and_the_difference_named():
    check_same_test(["a", "b"], ["a", "b"], ("one", "two"))
    with pytest.raises(DataError, match="one was tested on 2 sentences and two on 1"):
        check_same_test(["a", "b"], ["a"], ("one", "two"))
    with pytest.raises(DataError, match="different references in 1 of 2 sentences, first in number 2"):
        check_same_test(["a", "b"], ["a", "c"], ("one", "two"))
