"""Trained by fairseq's command, averaged, then loaded by every other command; perplexity against fairseq-validate's."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from fairseq import checkpoint_utils, hub_utils

import aat_plugin
from aat_plugin.bindings import averaging, perplexity
from aat_plugin.bindings.checkpoint_reading import read_checkpoint
from aat_plugin.cli import main
from aat_plugin.errors import CheckpointError, DataError

aat_plugin.register()
pytestmark = pytest.mark.fairseq

COMMON = ["--optimizer", "adam", "--lr", 3e-3, "--max-tokens", 1000, "--cpu", "--max-epoch", 3, "--num-workers", 0]
OURS = ["--arch", "aat_transformer_tiny", "--num-layers", 1, "--d-model", 16, "--d-ff", 32, "--num-heads", 2,
        "--share-all-embeddings", "true", "--task", "aat_translation", "--criterion", "aat_label_smoothing"]
STOCK = ["--arch", "transformer", "--encoder-layers", 1, "--decoder-layers", 1, "--encoder-embed-dim", 16,
         "--decoder-embed-dim", 16, "--encoder-ffn-embed-dim", 32, "--decoder-ffn-embed-dim", 32,
         "--encoder-attention-heads", 2, "--decoder-attention-heads", 2, "--share-all-embeddings",
         "--task", "translation", "--criterion", "label_smoothed_cross_entropy", "--label-smoothing", 0.1]

# fairseq's own task would leave the last of 25 sentences out.
COMMAND = ["--task", "aat_translation", "--user-dir"]


@pytest.fixture(scope="module", params=["ours", "stock"])
def averaged(request, tmp_path_factory, fairseq_command, tiny_corpus, user_dir) -> Path:
    """The average of the three checkpoints of a short training: of our model, and of fairseq's own."""
    folder = tmp_path_factory.mktemp(request.param)
    model = OURS if request.param == "ours" else STOCK
    fairseq_command("fairseq-train", tiny_corpus, "--user-dir", user_dir, *model, *COMMON, "--save-dir", folder)
    assert main(["average", "--last", "3", str(folder), "-o", str(folder / "averaged.pt")]) == 0
    return folder / "averaged.pt"


def test_each_weight_is_numpys_mean_and_the_embeddings_stay_shared(averaged):
    parts = [read_checkpoint(str(file))["model"] for file in averaging.choose_files(averaged.parent, 3)]
    found = read_checkpoint(str(averaged))["model"]
    assert list(found) == list(parts[0])
    for key, tensor in found.items():
        mean = np.mean([part[key].double().numpy() for part in parts], axis=0)
        assert torch.equal(tensor, torch.from_numpy(np.asarray(mean)).to(tensor.dtype)), key
    table_names = ("embed_tokens.weight", "output_projection.weight")
    tables = [tensor for key, tensor in found.items() if key.endswith(table_names)]
    assert len(tables) >= 2
    assert len({table.data_ptr() for table in tables}) == 1


def test_generate_and_score_take_the_average(averaged, fairseq_command, tiny_corpus, user_dir, tmp_path, capsys):
    done = fairseq_command("fairseq-generate", tiny_corpus, *COMMAND, user_dir, "--path", averaged, "--cpu",
                           "--beam", 2, "--nbest", 2, "--max-tokens", 500, "--num-workers", 0)  # fmt: skip
    output = tmp_path / "gen.txt"
    output.write_text(done.stdout)
    assert main(["score", "bleu", "--hyp", str(output), "--protocol", "multi-bleu", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    # fairseq's own BLEU (of the best, in its own order) has the same parts; a missing order makes the whole 0 in both.
    parts = re.search(r"BLEU4 = ([\d.]+), ([\d.]+)/.*syslen=(\d+), reflen=(\d+)", done.stdout)
    assert parts is not None
    assert report["score"] == pytest.approx(float(parts[1]), abs=0.01)
    assert report["precisions"][0] == pytest.approx(float(parts[2]), abs=0.06)
    # fairseq counts the end symbol as a word.
    assert report["sentences"] == 25
    assert report["hypothesis_length"] in (int(parts[3]), int(parts[3]) - 25)


def test_python_loads_the_average(averaged, tiny_corpus):
    loaded = hub_utils.from_pretrained(str(averaged.parent), averaged.name, str(tiny_corpus))
    stored = read_checkpoint(str(averaged))["model"]["encoder.embed_tokens.weight"]
    assert torch.equal(loaded["models"][0].encoder.embed_tokens.weight, stored)


def test_training_goes_on_from_the_average(averaged, fairseq_command, tiny_corpus, user_dir, tmp_path):
    model = OURS if averaged.parent.name.startswith("ours") else STOCK
    done = fairseq_command("fairseq-train", tiny_corpus, "--user-dir", user_dir, *model, *COMMON,
                           "--save-dir", tmp_path, "--finetune-from-model", averaged)  # fmt: skip
    assert "done training" in done.stdout + done.stderr


def by_hand(checkpoint, data, split):
    """Perplexity one sentence at a time, without batches or padding, in float64."""
    (model,), _, task = checkpoint_utils.load_model_ensemble_and_task(
        [str(checkpoint)], arg_overrides={"data": str(data)}
    )
    model.double().eval()
    task.load_dataset(split)
    total, pieces = 0.0, 0
    for example in (task.dataset(split)[index] for index in range(len(task.dataset(split)))):
        source, target = example["source"].unsqueeze(0), example["target"]
        shifted = torch.cat([target.new_tensor([task.target_dictionary.eos()]), target[:-1]]).unsqueeze(0)
        with torch.no_grad():
            logits = model(source, torch.tensor([source.size(1)]), shifted)[0][0]
        total += torch.nn.functional.cross_entropy(logits, target, reduction="sum").item()
        pieces += len(target)
    return math.exp(total / pieces), pieces


def test_perplexity_is_exp_of_the_mean_nll_of_a_piece_with_the_end_symbol(averaged, tiny_corpus):
    expected, pieces = by_hand(averaged, tiny_corpus, "test")
    for max_tokens in (1, 200):
        found = perplexity.perplexity(averaged, tiny_corpus, "test", max_tokens, cpu=True)
        assert found.perplexity == pytest.approx(expected, rel=1e-5)
        assert (found.pieces, found.sentences) == (pieces, 25)


def test_perplexity_is_two_to_the_nll_loss_of_validate(averaged, fairseq_command, tiny_corpus, user_dir, capsys):
    done = fairseq_command("fairseq-validate", tiny_corpus, *COMMAND, user_dir, "--path", averaged, "--cpu",
                           "--max-tokens", 500, "--num-workers", 0)  # fmt: skip
    printed = re.search(r"nll_loss ([\d.]+)", done.stdout + done.stderr)
    assert printed is not None
    assert main(["score", "ppl", str(averaged), "--data", str(tiny_corpus), "--cpu", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["bits"] == pytest.approx(float(printed[1]), abs=6e-4)
    assert report["score"] == pytest.approx(2 ** float(printed[1]), rel=1e-3)


def test_perplexity_of_the_references_that_generate_scored_is_the_same(
    averaged, fairseq_command, tiny_corpus, user_dir, tmp_path, capsys
):
    done = fairseq_command("fairseq-generate", tiny_corpus, *COMMAND, user_dir, "--path", averaged, "--cpu",
                           "--score-reference", "--max-tokens", 500, "--num-workers", 0)  # fmt: skip
    output = tmp_path / "scored.txt"
    output.write_text(done.stdout)
    assert main(["score", "ppl", "--generated", str(output), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    found = perplexity.perplexity(averaged, tiny_corpus, "test", 500, cpu=True)
    assert report["score"] == pytest.approx(found.perplexity, rel=1e-4)
    assert report["pieces"] == found.pieces


def test_data_that_do_not_fit_are_one_line(averaged, tiny_corpus, tmp_path):
    def refused(error, message, checkpoint=averaged, data=tiny_corpus, split="valid"):
        with pytest.raises(error, match=message) as caught:
            perplexity.perplexity(checkpoint, data, split, 500, cpu=True)
        assert "\n" not in str(caught.value)

    other = tmp_path / "other"
    other.mkdir()
    for path in tiny_corpus.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    for side in ("src", "tgt"):
        dictionary = other / f"dict.{side}.txt"
        dictionary.write_text("".join(dictionary.read_text().splitlines(keepends=True)[:-3]))
    truncated = tmp_path / "truncated.pt"
    truncated.write_bytes(averaged.read_bytes()[:-500])
    empty = tmp_path / "empty"
    empty.mkdir()
    refused(CheckpointError, "does not fit the dictionaries", data=other)
    refused(CheckpointError, r"truncated.pt is truncated", checkpoint=truncated)
    refused(CheckpointError, r"no.pt does not exist", checkpoint=tmp_path / "no.pt")
    refused(DataError, "valud", split="valud")
    refused(DataError, "has no dict", data=empty)
