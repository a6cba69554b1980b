"""What only a GPU can show: its fast paths against the plain ones, and that nobody waits for the device."""

from __future__ import annotations

import copy

import pytest
import torch

from aat_plugin.architecture import Transformer, TransformerConfig, residual, unpadded
from aat_plugin.architecture.packed import PackedDecoder, PackedEncoder
from aat_plugin.architecture.precision import LayerNorm, log_normalizer
from aat_plugin.architecture.ways import Ways
from aat_plugin.training import fused_adam
from aat_plugin.training.fused_loss import FusedCrossEntropy
from aat_plugin.training.label_smoothing import SmoothedCrossEntropy
from aat_plugin.translation.beam_search import largest

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that torch can use")
PAD = 1
ALL = Ways(unpadded=True, quick_dropout=True, fused_residual=True, half_rows=True)


def model_of(**more):
    torch.manual_seed(1)
    sizes = dict(source_vocabulary=400, target_vocabulary=400, padding_idx=PAD, num_layers=3, d_model=128, d_ff=256,
                 num_heads=4, d_k=32, d_v=32, dropout=0.0, share_all_embeddings=True)  # fmt: skip
    return Transformer(TransformerConfig(**{**sizes, **more})).cuda()


def batch(seed, left, longest=40, sentences=30):
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.full((sentences, longest), PAD)
    for row in tokens:
        length = int(torch.randint(1, longest + 1, (), generator=generator))
        row[longest - length if left else 0 :][:length] = torch.randint(4, 400, (length,), generator=generator)
    return tokens.cuda()


def outcome(model, ways, rule=None, autocast=True, longest=40):
    model.go(ways)
    model.zero_grad()
    source, target = batch(1, True, longest), batch(2, False, longest)
    torch.manual_seed(7)
    with torch.autocast("cuda", dtype=torch.bfloat16, enabled=autocast):
        sums = model(source, None, target, target, loss=rule or FusedCrossEntropy())
    sums.loss.backward()
    return float(sums.loss), {name: one.grad.clone() for name, one in model.named_parameters() if one.grad is not None}


@pytest.mark.parametrize("longest", [12, 40, 100, 150])
@pytest.mark.parametrize("before", [False, True])
def test_the_fast_paths_are_as_near_to_float32_as_autocast_is(before, longest):
    """Short sentences through our own kernel for attention, long ones through flash attention."""
    model = model_of(normalize_before=before).train()
    exact, gradients = outcome(model, Ways(), SmoothedCrossEntropy(), autocast=False, longest=longest)
    _, plain = outcome(model, Ways(), SmoothedCrossEntropy(), longest=longest)
    near, rough = outcome(model, ALL, longest=longest)
    assert unpadded.can_leave_padding_out(model.encoder.config, torch.ones(1, 1).cuda(), torch.bfloat16)
    assert near == pytest.approx(exact, rel=2e-3)
    for name, expected in gradients.items():
        assert rough[name].dtype == torch.float32
        error, of_plain = ((found[name] - expected).norm() / expected.norm() for found in (rough, plain))
        assert error < max(3 * of_plain, 0.03), name


def test_the_fused_loss_is_the_plain_one_in_float32():
    model = model_of().train()
    exact, expected = outcome(model, Ways(), SmoothedCrossEntropy(), autocast=False)
    found, gradients = outcome(model, Ways(), FusedCrossEntropy(report_accuracy=True, chunk=100), autocast=False)
    assert found == pytest.approx(exact, rel=1e-5)
    for name in expected:
        torch.testing.assert_close(gradients[name], expected[name], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_fused_residual_is_the_formula_with_its_own_mask(dtype):
    x, inner = (torch.randn(50, 7, 512, device="cuda", dtype=dtype, requires_grad=True) for _ in range(2))
    norm = LayerNorm(512, 1e-5).cuda()
    torch.nn.init.normal_(norm.weight)
    assert residual.can_fuse(x, 0.3, ALL)
    found = residual.normalised_sum(x, inner, norm, 0.3)
    gradient = torch.randn_like(found)
    found.backward(gradient)
    kept = inner.grad.ne(0)
    assert kept.float().mean().item() == pytest.approx(0.7, abs=0.01)
    exact = [one.detach().double().requires_grad_() for one in (x, inner, norm.weight, norm.bias)]
    summed = exact[0] + exact[1] * kept / 0.7
    expected = torch.nn.functional.layer_norm(summed, (512,), exact[2], exact[3], 1e-5)
    expected.backward(gradient.double())
    limit = 1e-5 if dtype is torch.float32 else 1e-2
    for one, other in zip((x.grad, inner.grad, norm.weight.grad, norm.bias.grad), exact, strict=True):
        assert (one - other.grad).norm() / other.grad.norm() < limit
    assert (found - expected).norm() / expected.norm() < limit


def test_with_dropout_the_seed_decides():
    model = model_of(dropout=0.3).train()
    one, first = outcome(model, ALL)
    two, second = outcome(model, ALL)
    assert one == two
    # (The table's rows are summed by atomic additions, in an order of their own.)
    assert all(first[name].equal(second[name]) for name in first if "embed" not in name and "projection" not in name)


def test_fused_adam_is_fairseqs():
    from fairseq.optim.adam import Adam

    torch.manual_seed(1)
    plain = torch.nn.Linear(30, 40).cuda()
    fused = copy.deepcopy(plain)
    rule = dict(lr=1e-2, betas=(0.9, 0.98), eps=1e-9)
    optimizers = [Adam(one.parameters(), **rule) for one in (plain, fused)]
    for number in range(5):
        for model in (plain, fused):
            torch.manual_seed(number)
            for parameter in model.parameters():
                parameter.grad = torch.randn(parameter.shape).cuda()
        assert fused_adam.can_step(optimizers[1])
        optimizers[0].step()
        fused_adam.step(optimizers[1])
    torch.testing.assert_close(fused.weight, plain.weight, rtol=1e-5, atol=1e-7)


def test_no_micro_batch_waits_for_the_device():
    """torch says of every operation that makes the host wait."""
    model = model_of(dropout=0.1).train()
    outcome(model, ALL)
    model.go(ALL)
    source, target = batch(1, True), batch(2, False)
    torch.cuda.set_sync_debug_mode("error")
    try:
        with torch.autocast("cuda", dtype=torch.bfloat16):
            sums = model(source, None, target, target, loss=FusedCrossEntropy())
        sums.loss.backward()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert torch.isfinite(sums.loss)


def test_peak_bytes_are_below_those_of_the_logits():
    """Logits and log-probabilities of all tokens would be 2 · tokens · V numbers of four bytes."""
    model = model_of(source_vocabulary=30_000, target_vocabulary=30_000, num_layers=1).train()
    outcome(model, ALL)
    tokens = batch(2, False).numel()

    def peak(ways, rule):
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        outcome(model, ways, rule)
        return torch.cuda.max_memory_allocated() - before

    plain, quick = peak(Ways(), SmoothedCrossEntropy()), peak(ALL, FusedCrossEntropy(chunk=128))
    assert plain - quick > 2 * tokens * 30_000 * 4


@pytest.mark.parametrize(("precision", "error"), [("float32", 1e-4), ("bf16", 0.05)])
def test_a_step_of_decoding_is_the_whole_models(precision, error):
    model = model_of().eval()
    source, target = batch(1, True, 20), batch(2, False, 9).clamp_(min=4)
    with torch.no_grad():
        expected, _ = model(source, None, target)
        encoder, decoder = PackedEncoder(model.encoder, precision), PackedDecoder(model.decoder, precision)
        cache = decoder.begin(encoder.encode(source))
        rows = torch.arange(len(source), device="cuda")
        for place in range(target.size(1)):
            features, _ = decoder.step(target[:, place], cache)
            found = decoder.logits(features).float()
            assert (found - expected[:, place]).norm() / expected[:, place].norm() < error
            cache.reorder(rows, None)


def test_a_search_on_the_device_finds_what_it_finds_on_a_processor():
    scores = torch.randn(5, 4, 9001).bfloat16()
    scores[0, 1] = float("-inf")
    scores[1, 2, 7] = float("nan")
    offset = torch.randn(5, 4)
    expected = largest(scores, offset, 8).value
    found = largest(scores.cuda(), offset.cuda(), 8)
    assert found.value.cpu().equal(expected)
    place = (found.row * 9001 + found.token).cpu()
    assert (scores.float() + offset.unsqueeze(2)).flatten(1).gather(1, place).equal(expected)


def test_the_normaliser_of_half_precision_logits_is_that_of_the_widened():
    logits = (torch.randn(70, 5003, device="cuda") * 10).bfloat16()
    logits[3, :5000] = float("-inf")
    torch.testing.assert_close(log_normalizer(logits), logits.double().logsumexp(1).float())
