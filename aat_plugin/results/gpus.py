"""GPUs by name: what they can compute and hold, from their makers' data sheets, dense and without sparsity."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Gpu:
    """A GPU.

    Attributes:
        name: as people say it.
        float32: peak, in 10^12 operations a second, on its ordinary units.
        half: peak of float16 or bfloat16 on its fastest units.
        memory: in GiB, of the common model.
    """

    name: str
    float32: float
    half: float
    memory: int

    def peak(self, precision: str) -> float:
        """Operations a second in `precision` as `precision=` names it."""
        return 1e12 * (self.float32 if precision == "float32" else self.half)


GPUS: tuple[Gpu, ...] = (
    Gpu("P100", 10.6, 21.2, 16),
    Gpu("V100", 15.7, 125, 32),
    Gpu("A100", 19.5, 312, 80),
    Gpu("L4", 30.3, 121, 24),
    Gpu("H100", 66.9, 989, 80),
)
"""The paper's own first. It reckons with 9.5 sustained for the P100 (Table 2's footnote)."""
