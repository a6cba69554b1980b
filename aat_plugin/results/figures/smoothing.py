"""Section 5.4 as a picture: what label smoothing asks of the model, in its three forms, out of the loss itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aat_plugin.conventions import CHOICES
from aat_plugin.results.charts import Picture, colour

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PADDING, TRUE = 1, 4
"""Of the classes drawn: the padding's, and the true one."""


def targets(mass: str, epsilon: float, classes: int) -> list[float]:
    """The distribution that the loss pulls the model to, (classes,).

    The loss is the cross entropy of softmax(logits) with it, so its gradient is softmax(logits) less the distribution.

    Args:
        mass: "all", "others" or "others_but_pad".
        epsilon: ε_ls.
        classes: V.
    """
    import torch

    from aat_plugin.training.label_smoothing import SmoothedCrossEntropy

    rule = SmoothedCrossEntropy(epsilon, mass, padding_idx=PADDING)
    logits = torch.zeros(1, 1, classes, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(rule.from_logits(logits, torch.tensor([[TRUE]])).loss, logits)
    pulled: list[float] = (logits.softmax(-1) - gradient).flatten().tolist()
    return pulled


def smoothing(epsilon: float = 0.1, classes: int = 8) -> Picture:
    """Bars: the mass on each class, for each form.

    Raises:
        ConfigError: ε is not in [0, 1).
    """
    forms = {mass: targets(mass, epsilon, classes) for mass in CHOICES["smoothing_mass"]}

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        width = 0.8 / len(forms)
        for index, (mass, masses) in enumerate(forms.items()):
            places = [one + (index - (len(forms) - 1) / 2) * width for one in range(classes)]
            axes.bar(places, masses, width, color=colour(index), label=f"{mass}: {masses[TRUE]:.4f} on the true class")
        names = {PADDING: "padding", TRUE: "true class"}
        axes.set(xticks=range(classes), xticklabels=[names.get(one, f"{one}") for one in range(classes)],
                 ylabel="probability (log scale)", yscale="log", ylim=(epsilon / classes / 4 if epsilon else 1e-3, 1.5),
                 xlabel=f"class, of V = {classes}")  # fmt: skip
        figure.legend(frameon=False, loc="outside upper center", fontsize="small", ncols=1)

    kept = "; ".join(f"under {mass} {masses[TRUE]:.4f} stays on the true class" for mass, masses in forms.items())
    return Picture(draw, f"Label smoothing with epsilon {epsilon}: {kept}, and the rest is spread over the others.")
