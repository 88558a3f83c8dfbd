"""What training minimises. Faces are (batch, steps, look-aheads, 52), in time order along `steps`."""

import torch

from fmg_rt import spec

from .config import Loss


def _pair(name: str) -> list[int]:
    return [spec.INDEX[f"{name}Left"], spec.INDEX[f"{name}Right"]]


def _aperture_weights() -> torch.Tensor:
    """The linear part of the aperture, (52,): left and right averaged."""
    weights = torch.zeros(spec.N_COEFFICIENTS)
    for name, weight in (("jawOpen", 1.0), ("mouthClose", -1.0), ("mouthFunnel", 0.2),
                         ("mouthRollLower", -0.2), ("mouthRollUpper", -0.2)):  # fmt: skip
        weights[spec.INDEX[name]] = weight
    for name, weight in (("mouthLowerDown", 0.4), ("mouthUpperUp", 0.3), ("mouthPress", -0.2)):
        weights[_pair(name)] = weight / 2
    return weights


APERTURE = _aperture_weights()
CLOSED = 0.02
"""Aperture below which the lips touch."""
_LEAK = 0.05
"""Slope outside [0, 1]: a coefficient that is clipped must still learn to come back."""


def clip(face: torch.Tensor) -> torch.Tensor:
    """The face as the runtime gives it, with a small slope left outside [0, 1]."""
    inside = face.clamp(0.0, 1.0)
    return inside + _LEAK * (face - inside)


def face_loss(face: torch.Tensor, target: torch.Tensor, known: torch.Tensor, measured: torch.Tensor,
              coefficient_weights: torch.Tensor, weights: Loss) -> dict[str, torch.Tensor]:  # fmt: skip
    """The parts of the loss, each a scalar, already weighted.

    face, target : (B, steps, L, 52); face before clipping. known : (B, steps, 1, 52) of 0/1, coefficients to learn.
    measured : (B, steps, 1) of 0/1, whether the target's lips were measured on a face.
    coefficient_weights : (52,), evens out coefficients that move much and little.

    * ``face``: squared error, weighted by 1 + dynamic_range (2 |target - 0.5|)² (Ichikawa and Tokuhisa 2026).
    * ``velocity``: squared error of the change from step to step.
    * ``aperture``: squared error of the lip opening, more where it was measured, more where the lips touch.
    """
    face = clip(face)
    error = (face - target) * known
    extremes = 1.0 + weights.dynamic_range * (2.0 * (target - 0.5).abs()).square()
    parts = {"face": (error.square() * extremes * coefficient_weights).mean()}
    parts["velocity"] = weights.velocity * ((error[:, 1:] - error[:, :-1]).square() * coefficient_weights).mean()

    linear = APERTURE.to(face)
    opening, wanted = face @ linear, target @ linear
    wanted = wanted.clamp(min=0.0)
    touching = wanted < CLOSED
    # Below zero the lips are closed all the same: only an opening that should not be there counts.
    gap = torch.where(touching, opening.clamp(min=0.0), opening - wanted)
    emphasis = 1.0 + weights.closure * touching * (1.0 - measured) + weights.measured_aperture * measured
    emphasis = emphasis * known[..., spec.INDEX["jawOpen"]]
    parts["aperture"] = weights.aperture * (gap.square() * emphasis).mean()
    return parts
