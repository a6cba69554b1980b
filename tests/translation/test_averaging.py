"""The mean of state dicts: NumPy's in float64, whatever the stored precision, with ties kept and mismatches named."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from aat_plugin.errors import CheckpointError
from aat_plugin.translation.averaging import RunningMean

DTYPES = {"float16": torch.float16, "float32": torch.float32, "float64": torch.float64, "bfloat16": torch.bfloat16}


def mean_of(states):
    mean = RunningMean()
    for number, state in enumerate(states, start=1):
        mean.add(f"c{number}.pt", state)
    return mean.mean()


def numpy_mean(tensors):
    """The oracle: sum in float64, divide once, round once to the stored precision."""
    total = np.zeros(tensors[0].shape)
    for tensor in tensors:
        total = total + tensor.double().numpy()
    return torch.from_numpy(np.asarray(total / len(tensors))).to(tensors[0].dtype)


@given(
    st.sampled_from(sorted(DTYPES)), st.integers(1, 6), st.lists(st.integers(0, 3), max_size=3), st.integers(0, 2**31),
)
def test_the_mean_is_numpys_in_float64_to_the_last_bit(dtype, count, shape, seed):
    generator = torch.Generator().manual_seed(seed)
    tensors = [(torch.randn(shape, generator=generator) * 100).to(DTYPES[dtype]) for _ in range(count)]
    found = mean_of([{"w": tensor} for tensor in tensors])["w"]
    assert found.dtype == DTYPES[dtype]
    assert torch.equal(found, numpy_mean(tensors))


def test_half_precision_neither_overflows_nor_loses_small_steps():
    large = torch.full((3,), 60_000.0, dtype=torch.float16)
    assert torch.equal(mean_of([{"w": large}] * 7)["w"], large)
    # In float16, 2048 + 1 is 2048: a sum in the stored precision would end at 2048 / 3.
    states = [{"w": torch.tensor([value], dtype=torch.float16)} for value in (2048.0, 1.0, 1.0)]
    assert mean_of(states)["w"].item() == torch.tensor(2050 / 3, dtype=torch.float16).item()


def tied(seed, transposed=False):
    table = torch.randn(5, 5, generator=torch.Generator().manual_seed(seed))
    return {"encoder.embed": table, "decoder.embed": table, "decoder.out": table.t() if transposed else table}


def test_tied_weights_stay_one_tensor():
    found = mean_of([tied(1), tied(2)])
    assert found["encoder.embed"] is found["decoder.embed"] is found["decoder.out"]
    assert torch.equal(found["decoder.out"], numpy_mean([tied(1)["decoder.out"], tied(2)["decoder.out"]]))


def test_another_view_of_the_same_memory_is_averaged_as_what_it_shows():
    found = mean_of([tied(1, transposed=True), tied(2, transposed=True)])
    assert torch.equal(found["decoder.out"], found["decoder.embed"].t())
    whole = torch.arange(6.0)
    halves = mean_of([{"a": whole[:3], "b": whole[3:]}, {"a": whole[:3] + 2, "b": whole[3:].clone()}])
    assert halves["a"].tolist() == [1, 2, 3]
    assert halves["b"].tolist() == [3, 4, 5]


def test_empty_tensors_are_not_taken_for_tied():
    found = mean_of([{"a": torch.zeros(0), "b": torch.zeros(0, 3)}] * 2)
    assert (found["a"].shape, found["b"].shape) == ((0,), (0, 3))


def test_what_is_no_float_comes_from_the_last():
    states = [{"w": torch.ones(1), "steps": torch.tensor([n]), "mask": torch.tensor([n > 1]), "v": n} for n in (1, 3)]
    found = mean_of(states)
    assert (found["steps"].item(), found["mask"].item(), found["v"]) == (3, True, 3)
    states[-1]["steps"].zero_()
    assert found["steps"].item() == 3  # a copy: the file that it was mapped from may go


def test_nothing_that_was_added_is_changed_and_order_stays():
    states = [{"b": torch.ones(2), "a": torch.zeros(2)}, {"a": torch.ones(2), "b": torch.ones(2)}]
    found = mean_of(states)
    assert list(found) == ["b", "a"]
    assert states[0]["a"].tolist() == [0, 0]


def test_the_mean_of_one_is_that_one():
    state = tied(7)
    assert all(torch.equal(found, state[key]) for key, found in mean_of([state]).items())


def test_the_mean_of_none_is_an_error():
    with pytest.raises(ValueError, match="no state dicts"):
        RunningMean().mean()


@pytest.mark.parametrize(("other", "message"), [
    ({"a": torch.ones(2)}, r"c2.pt lacks b, compared with c1.pt"),
    ({"a": torch.ones(2), "b": torch.ones(2), "c": torch.ones(1)}, r"c2.pt has c besides"),
    ({"a": torch.ones(2), "x": torch.ones(2)}, r"c2.pt lacks b and has x besides"),
    ({"a": torch.ones(2), **{f"x{n}": torch.ones(1) for n in range(9)}}, r"has x0, x1, x2 and 6 more besides"),
    ({"a": torch.ones(2), "b": torch.ones(3)}, r"c2.pt has b as float32 of shape \(3,\).*c1.pt has it as .* \(2,\)"),
    ({"a": torch.ones(2), "b": torch.ones(2).half()}, r"c2.pt has b as float16"),
    ({"a": torch.ones(2), "b": torch.ones(2).int()}, r"c2.pt has b as no floating-point weight"),
    ({"a": torch.ones(2), "b": torch.tensor([1, torch.nan])}, r"c2.pt has NaN in b: its training diverged"),
])
def test_another_models_state_is_refused_by_name(other, message):
    mean = RunningMean()
    mean.add("c1.pt", {"a": torch.ones(2), "b": torch.ones(2)})
    with pytest.raises(CheckpointError, match=message):
        mean.add("c2.pt", other)


def test_a_tie_that_only_one_has_is_refused():
    loose = {key: tensor.clone() for key, tensor in tied(2).items()}
    with pytest.raises(CheckpointError, match=r"decoder.embed as .* in the memory of decoder.embed.*of encoder.embed"):
        mean_of([tied(1), loose])
