"""Devices, the precisions they are quick at, and the thread counts that decide both speed and bit-equal repeats."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from aat_plugin.cli.diagnosis.findings import Finding

TOPIC = "Machine"
# Flags of /proc/cpuinfo that matter for matrix products, with what they are for.
CPU_FLAGS = {"avx2": "AVX2", "avx512f": "AVX-512", "avx512_bf16": "AVX-512 bf16", "amx_bf16": "AMX bf16"}


def findings() -> list[Finding]:
    """The accelerator, the processor, precision, threads, free disk."""
    import torch

    cuda = torch.cuda.is_available()
    return [_device(cuda), _processor(), _precision(cuda), _training(cuda), _threads(), _disk()]


def _device(cuda: bool) -> Finding:
    import torch

    if cuda:
        names = ", ".join(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
        return Finding(TOPIC, "device", f"CUDA {torch.version.cuda}: {names}")
    if torch.version.cuda:
        mend = "no driver or no card: fairseq then needs --cpu; nvidia-smi says more"
        return Finding(TOPIC, "device", f"torch is built for CUDA {torch.version.cuda}, no card is seen", "note", mend)
    return Finding(TOPIC, "device", "CPU (torch without CUDA): fairseq needs --cpu, Hydra hardware=cpu")


def cpu_features() -> list[str]:
    """Which of CPU_FLAGS this processor has; empty where the system does not say (not Linux)."""
    file = Path("/proc/cpuinfo")
    if not file.is_file():
        return []
    line = next((line for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("flags")), "")
    flags = set(line.split())
    return [name for flag, name in CPU_FLAGS.items() if flag in flags]


def _processor() -> Finding:
    return Finding(TOPIC, "processor", f"{os.cpu_count()} cores; {', '.join(cpu_features()) or 'no AVX seen'}")


def _precision(cuda: bool) -> Finding:
    """What 16-bit training would do here."""
    import torch

    if cuda:
        bf16 = "bf16 and fp16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16, no bf16"
        return Finding(TOPIC, "precision", bf16)
    from aat_plugin.bindings.precision import quick_bf16

    quick = [name for name in cpu_features() if "bf16" in name]
    if quick_bf16(torch.device("cpu")):
        return Finding(TOPIC, "precision", f"float32; bf16 in hardware ({', '.join(quick)})")
    mend = "precision=bf16 takes float32 here; --fp16 fails without CUDA"
    what = "bf16 in hardware, but no quicker (AVX-512 without AMX)" if quick else "bf16 only emulated, hence slower"
    return Finding(TOPIC, "precision", f"float32; {what}", "note", mend)


def _training(cuda: bool) -> Finding:
    """Which of the quick ways of training exist here (benchmarks/README.md)."""
    import torch

    from aat_plugin.architecture.precision import has_kernels
    from aat_plugin.training.memory import has_settings

    if cuda and not has_kernels():
        mend = "install triton, which torch for CUDA brings on Linux"
        plain = "fused loss and Adam; without Triton the plain path for the rest"
        return Finding(TOPIC, "training", plain, "note", mend)
    if cuda:
        return Finding(TOPIC, "training", "fused loss and Adam; with precision=bf16 attention and residuals as kernels")
    found = {"fused Adam": hasattr(torch, "_fused_adamw_"), "memory kept": has_settings()}
    missing = [name for name, there in found.items() if not there]
    ways = ["fused loss", "unpadded", "quick dropout", *(name for name, there in found.items() if there)]
    if missing:
        return Finding(TOPIC, "training", f"{', '.join(ways)}; the plain path for {', '.join(missing)}", "note")
    return Finding(TOPIC, "training", ", ".join(ways))


def _threads() -> Finding:
    """Sums depend on the thread count, so bit-equal repeats need it fixed."""
    import torch

    asked = os.environ.get("OMP_NUM_THREADS")
    value = f"{torch.get_num_threads()} (OMP_NUM_THREADS={asked if asked else 'unset'})"
    return Finding(TOPIC, "threads", value if asked else f"{value}; set it where two runs must agree bit for bit")


def _disk() -> Finding:
    """Checkpoints need room: each is three times the parameters in float32."""
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    if free < 1:
        return Finding(TOPIC, "free disk here", f"{free:.1f} GiB", "note", "room for few checkpoints; use --save-dir")
    return Finding(TOPIC, "free disk here", f"{free:.0f} GiB")
