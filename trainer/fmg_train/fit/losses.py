"""The loss. Faces are (batch, steps, look-aheads, 52), in time order along `steps`."""

import torch
from torch import nn

from fmg_rt import arkit

from ..config import Loss

APERTURE = torch.tensor([arkit.APERTURE.get(name, 0.0) for name in arkit.ARKIT_NAMES])
"""The linear part of the aperture, (52,)."""
CLOSED = 0.02
"""Aperture below which the lips touch."""
OPEN = 0.1
"""Aperture above which the mouth is open."""
_ABSOLUTE = 0.1
"""Weight of the absolute error beside the squared one: an unpredictable coefficient stays at rest instead of near its mean."""
_AROUND = 8
"""Steps before and after in which the mouth is open when lips touch for a moment: 160 ms at the usual step."""


class _Clip(torch.autograd.Function):
    """Clipped to [0, 1]; from outside the gradient passes only when it leads back, so that no coefficient gets stuck.

    A small slope outside instead, as leaky units have, is no way: the network pays with what nobody sees, such as a
    mouthClose of -1.6, for an opening that the runtime's clipped face does not have.
    """

    @staticmethod
    def forward(ctx, face: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(face)
        return face.clamp(0.0, 1.0)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> torch.Tensor:
        (face,) = ctx.saved_tensors
        # Negative where a step down the gradient leads further out.
        outwards = (face - face.clamp(0.0, 1.0)).mul_(gradient) < 0.0
        return gradient.masked_fill(outwards, 0.0)


def clip(face: torch.Tensor) -> torch.Tensor:
    """The face as the runtime clips it."""
    return _Clip.apply(face)


def _most(opening: torch.Tensor, reach: int) -> torch.Tensor:
    """The largest of (B, steps, L) within `reach` steps."""
    return nn.functional.max_pool1d(opening.transpose(1, 2), 2 * reach + 1, 1, reach).transpose(1, 2)


class _Errors(torch.autograd.Function):
    """(face, velocity), the errors of the coefficients and of their changes, as in `face_loss`.

    The gradient is written out: what autograd records makes many more passes over the faces and doubles the time of the whole
    loss (64 sequences of 3 s on one core: 157 instead of 81 ms).
    """

    @staticmethod
    def forward(
        ctx,
        face: torch.Tensor,
        target: torch.Tensor,
        known: torch.Tensor,
        coefficient_weights: torch.Tensor,
        dynamic_range: float,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        error = (face - target).mul_(known)
        change = error[:, 1:] - error[:, :-1]
        weighted, change_weighted = error * coefficient_weights, change * coefficient_weights
        squared = weighted
        if dynamic_range:
            squared = (target - 0.5).abs_().mul_(2.0).square_().mul_(dynamic_range).add_(1.0).mul_(weighted)
        ctx.save_for_backward(squared, weighted, change_weighted, known, coefficient_weights)
        absolute = torch.linalg.vector_norm(weighted, ord=1)
        return (
            (_inner(squared, error) + _ABSOLUTE * absolute) / error.numel(),
            _inner(change_weighted, change) / change.numel(),
        )

    @staticmethod
    def backward(ctx, of_face: torch.Tensor, of_velocity: torch.Tensor):
        squared, weighted, change_weighted, known, coefficient_weights = ctx.saved_tensors
        gradient = weighted.sign().mul_(coefficient_weights * (_ABSOLUTE * of_face / weighted.numel()))
        gradient.add_(squared.mul(2.0 * of_face / squared.numel()))
        change = change_weighted.mul(2.0 * of_velocity / change_weighted.numel())
        gradient[:, 1:] += change
        gradient[:, :-1] -= change
        return gradient.mul_(known), None, None, None, None


def _inner(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """The sum of the products."""
    return torch.dot(one.reshape(-1), other.reshape(-1))


def speech_loss(logit: torch.Tensor, spoken: torch.Tensor, weights: Loss) -> torch.Tensor:
    """Weighted cross entropy of speech presence; both (B, steps, L), spoken 1, 0, or -1 where it is not known."""
    known = spoken >= 0
    errors = nn.functional.binary_cross_entropy_with_logits(logit, spoken.clamp(min=0.0), reduction="none")
    return weights.speech * (errors * known).sum() / known.sum().clamp(min=1)


def face_loss(
    face: torch.Tensor,
    target: torch.Tensor,
    known: torch.Tensor,
    measured: torch.Tensor,
    coefficient_weights: torch.Tensor,
    weights: Loss,
) -> dict[str, torch.Tensor]:
    """The parts of the loss, each a scalar, already weighted.

    face, target : (B, steps, L, 52); face before clipping. known : (B, steps, 1, 52) of 0/1, coefficients to learn.
    measured : (B, steps, 1) of 0/1, whether the target's lips were measured on a face.
    coefficient_weights : (52,), evens out coefficients that move much and little.

    * ``face``: squared error, weighted by 1 + dynamic_range (2 |target - 0.5|)² (Ichikawa and Tokuhisa 2026), and a little of
      the absolute one.
    * ``velocity``: squared error of the change from step to step.
    * ``aperture``: squared error of the lip opening, more where it was measured; and squared opening where the lips touch for
      a moment, the least within a step of it. What is within a step costs nothing more, or it would pay to close early and
      to open late; nor does a closed mouth in silence, or the network would keep it shut while in doubt. Picture and sound
      of measured lips are some 20 ms apart: much weight on their closures costs what they are measured for.
    """
    face = clip(face)
    errors = _Errors.apply(face, target, known, coefficient_weights, weights.dynamic_range)
    parts = {"face": errors[0], "velocity": weights.velocity * errors[1]}

    linear = APERTURE.to(face)
    opening, wanted = face @ linear, target @ linear
    wanted = wanted.clamp(min=0.0)
    touching = wanted < CLOSED
    # Below zero the lips are closed all the same: only an opening that should not be there counts.
    gap = torch.where(touching, opening.clamp(min=0.0), opening - wanted)
    momentary = touching & (_most(wanted, _AROUND) > OPEN)
    least = -_most(-opening, 1)
    squares = gap.square() * (1.0 + weights.measured_aperture * measured)
    closure = torch.where(measured > 0.0, weights.measured_closure, weights.closure)
    squares = squares + closure * momentary * least.clamp(min=0.0).square()
    parts["aperture"] = weights.aperture * (squares * known[..., arkit.INDEX["jawOpen"]]).mean()
    return parts
