"""The quick recurrence of training against PyTorch's own GRU, values and gradients."""

import pytest

torch = pytest.importorskip("torch")


@pytest.fixture
def case():
    """(layers, input, weights of a loss), float32, with values that bfloat16 holds exactly."""
    torch.manual_seed(2)
    gru = torch.nn.GRU(24, 40, num_layers=2, batch_first=True)
    with torch.no_grad():
        for value in gru.parameters():
            value.copy_((2 * value).bfloat16())
    return gru, torch.randn(6, 50, 24).bfloat16().float().requires_grad_(), torch.randn(6, 50, 40)


def _gradients(gru, x, states, weights):
    for tensor in (x, *gru.parameters()):
        tensor.grad = None
    (states.float() * weights).sum().backward()
    return [tensor.grad.clone() for tensor in (x, *gru.parameters())]


@pytest.mark.parametrize(
    ("narrow", "of_states", "of_gradients"),
    [
        (True, 0.03, 0.02),  # 2^-8 in every step, three products deep
        (False, 2e-6, 2e-6),
    ],
)
def test_equals_torch(case, narrow, of_states, of_gradients):
    from fmg_train.models import recurrence

    gru, x, weights = case
    expected, _ = gru(x)
    wanted = _gradients(gru, x, expected, weights)
    with torch.autocast("cpu", torch.bfloat16, enabled=narrow):
        states = recurrence.run(gru, x)
    assert states.dtype == (torch.bfloat16 if narrow else torch.float32)
    assert states.shape == expected.shape and expected.std() > 0.2
    assert (states.float() - expected).abs().max() < of_states
    for found, true in zip(_gradients(gru, x, states, weights), wanted, strict=True):
        assert found.dtype == torch.float32
        assert (found - true).norm() < of_gradients * true.norm()


def test_training_takes_it_and_validation_does_not(monkeypatch):
    from fmg_train.models import gru, recurrence

    net = gru.GRUNet({"n_stack": 2, "d_input": 16, "d_model": 24, "d_head": 16, "n_lookaheads": 2})
    mel, calls, original = torch.randn(3, 20, 80), [], recurrence.run
    monkeypatch.setattr(recurrence, "run", lambda *arguments: calls.append(1) or original(*arguments))
    exact = net.eval()(mel)
    assert not calls
    quick = net.train()(mel)
    assert calls and quick.shape == exact.shape == (3, 10, 2, 52)
    assert (quick - exact).abs().max() < 1e-5
    with torch.autocast("cpu", torch.bfloat16):
        rough = net(mel)
    assert len(calls) == 2 and (rough.float() - exact).abs().max() < 0.02
