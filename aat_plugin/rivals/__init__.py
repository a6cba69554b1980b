"""The systems that the paper names beside its own, in plain PyTorch: Section 1, Section 2 and Table 2.

`gru` (Bahdanau et al. 2015), `bytenet` (Kalchbrenner et al. 2016), `extended_neural_gpu` (Kaiser & Bengio 2016) and
`memory_network` (Sukhbaatar et al. 2015). All speak the interface of `parts`; fairseq's own `lstm` and `fconv` are
reached through bindings. Each module says which form of its system it is, and where it had to choose.
"""

from aat_plugin.rivals.bytenet import ByteNetConfig, bytenet
from aat_plugin.rivals.extended_neural_gpu import ExtendedNeuralGpuConfig, extended_neural_gpu
from aat_plugin.rivals.gru import GruConfig, gru
from aat_plugin.rivals.memory_network import MemoryNetworkConfig, memory_network
from aat_plugin.rivals.parts import Decoded, Rival, RivalConfig, RivalDecoder, RivalEncoder, Source, State

__all__ = [
    "ByteNetConfig", "Decoded", "ExtendedNeuralGpuConfig", "GruConfig", "MemoryNetworkConfig", "Rival", "RivalConfig",
    "RivalDecoder", "RivalEncoder", "Source", "State", "bytenet", "extended_neural_gpu", "gru", "memory_network",
]  # fmt: skip
