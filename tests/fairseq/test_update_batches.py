"""`--tokens-per-update` with fairseq's other options for data: cut sources, data in shards, a limit of a pack."""

from __future__ import annotations

import json
import random
import re
from collections import Counter

import pytest
import torch
from fairseq import options, tasks
from fairseq.dataclass.utils import convert_namespace_to_omegaconf

import aat_plugin
from aat_plugin.bindings.checkpoint_reading import read_checkpoint

aat_plugin.register()
pytestmark = pytest.mark.fairseq
LONGEST = 5
MODEL = dict(arch="aat_transformer_tiny", num_layers=1, d_model=16, d_ff=16, num_heads=2, dropout=0.3)
OURS = dict(task="aat_translation", criterion="aat_label_smoothing", optimizer="adam", adam_betas="(0.9, 0.98)",
            adam_eps="1e-9", lr_scheduler="aat_noam", warmup_updates=10, seed=7, source_lang="src", target_lang="tgt",
            tokens_per_update=60, length_groups=2, update_freq=2, max_tokens=200)  # fmt: skip


def flags(**given):
    words = []
    for key, value in given.items():
        words += [f"--{key.replace('_', '-')}"] + ([] if value is True else [str(value)])
    return words


@pytest.fixture(scope="module")
def train(tmp_path_factory, fairseq_command, user_dir):
    """`train(data, folder, …)` -> what it printed."""

    def run(data, folder, check=True, **more):
        words = flags(user_dir=user_dir, num_workers=0, log_format="json", log_interval=1, disable_validation=True,
                      **{**OURS, **MODEL, **more}, save_dir=folder)  # fmt: skip
        return fairseq_command("fairseq-train", data, "--cpu", *words, check=check)

    return run


def lengths(text, split="train"):
    """Of each side, end symbols included."""
    return [[len(line.split()) + 1 for line in (text / f"{split}.{side}").read_text().splitlines()]
            for side in ("src", "tgt")]  # fmt: skip


def test_sources_that_are_cut_count_by_what_is_left_of_them(tiny_text, tiny_corpus):
    """Restated from the text: an update is planned by the tokens that the model is given, which stock miscounts."""
    words = flags(**OURS, **MODEL, truncate_source=True, max_source_positions=LONGEST)
    parser = options.get_training_parser()
    cfg = convert_namespace_to_omegaconf(options.parse_args_and_arch(parser, [str(tiny_corpus), *words]))
    task = tasks.setup_task(cfg.task)
    task.load_dataset("train")
    iterator = task.get_batch_iterator(task.datasets["train"], max_positions=(LONGEST, 1024), grouped_shuffling=False)
    source, target = lengths(tiny_text)
    source = [min(length, LONGEST) for length in source]
    plan = iterator.plan(1, True)
    assert plan.updates == -(-max(sum(source), sum(target)) // OURS["tokens_per_update"])
    samples, seen = list(iterator.next_epoch_itr()), []
    for number in range(plan.updates):
        sentences = plan.update(number).tolist()
        packs = [one for one in samples[2 * number : 2 * number + 2] if one]
        real = sum(int(one["net_input"]["src_tokens"].ne(task.source_dictionary.pad()).sum()) for one in packs)
        assert real == sum(source[index] for index in sentences)
        assert sorted(index for one in packs for index in one["id"].tolist()) == sorted(sentences)
        seen += sentences
    assert Counter(seen) == Counter(range(len(source)))


def test_a_pack_over_max_tokens_is_cut_anew_or_refused_in_one_line(tiny_text, tiny_corpus, train, tmp_path):
    """Four lengths in three packs: one of them holds short and long sentences, unless it is limited."""
    cut = dict(length_groups=4, update_freq=3, max_epoch=1)
    done = train(tiny_corpus, tmp_path / "fits", max_tokens=32, **cut)
    largest = int(re.findall(r"largest pack (\d+) tokens", done.stdout + done.stderr)[0])
    assert max(map(max, lengths(tiny_text))) <= largest <= 32
    free = train(tiny_corpus, tmp_path / "free", max_tokens=200, **cut)
    assert int(re.findall(r"largest pack (\d+) tokens", free.stdout + free.stderr)[0]) > 32, "else nothing was limited"
    refused = train(tiny_corpus, tmp_path / "refused", check=False, max_tokens=20, **cut)
    assert refused.returncode == 1
    assert "and max_tokens is 20: try max_tokens" in refused.stderr.strip().splitlines()[-1]
    assert "Traceback" not in refused.stdout + refused.stderr


@pytest.fixture(scope="module")
def shards(tmp_path_factory, tiny_text, tiny_corpus, fairseq_command):
    """The tiny corpus and another with the same dictionary, as `data1:data2`; how many updates an epoch of each has."""
    text, generator = tmp_path_factory.mktemp("second"), random.Random(9)
    words = sorted(set((tiny_text / "train.src").read_text().split()))
    sentences = [generator.choices(words, k=generator.randint(2, 9)) for _ in range(200)]
    for side, lines in (("src", sentences), ("tgt", [one[::-1] for one in sentences])):
        (text / f"train.{side}").write_text("".join(f"{' '.join(line)}\n" for line in lines))
    fairseq_command("fairseq-preprocess", "-s", "src", "-t", "tgt", "--trainpref", text / "train", "--destdir",
                    text / "bin", "--joined-dictionary", "--srcdict", tiny_corpus / "dict.src.txt")  # fmt: skip
    updates = [-(-max(map(sum, lengths(one))) // OURS["tokens_per_update"]) for one in (tiny_text, text)]
    return f"{tiny_corpus}:{text / 'bin'}", updates


@pytest.mark.slow
def test_data_in_shards_give_each_epoch_its_own_and_a_run_goes_on_in_the_middle_of_the_second(shards, train, tmp_path):
    data, (first, second) = shards
    whole = train(data, tmp_path / "whole", max_epoch=3)
    said = re.findall(r"epoch (\d): (\d+) updates of", whole.stdout + whole.stderr)
    assert [(int(epoch), int(updates)) for epoch, updates in said] == [(1, first), (2, second), (3, first)]
    stop = first + second // 2
    before = train(data, tmp_path / "parts", max_epoch=3, max_update=stop)
    after = train(data, tmp_path / "parts", max_epoch=3)
    assert losses(whole) == losses(before) | losses(after)
    assert sorted(map(int, losses(after))) == list(range(stop + 1, 2 * first + second + 1))
    one, other = (read_checkpoint(str(tmp_path / name / "checkpoint_last.pt"))["model"] for name in ("whole", "parts"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def losses(done):
    """Update → its loss, as fairseq's log rounds it."""
    lines = [json.loads(line[line.index("{") :]) for line in (done.stdout + done.stderr).splitlines()
             if "| train_inner |" in line]  # fmt: skip
    return {line["num_updates"]: line["loss"] for line in lines}
