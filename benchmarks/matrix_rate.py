"""The processor's rate of matrix products, in a process of its own: the roof that a training step is held against.

    python benchmarks/matrix_rate.py [--rows 1024] [--inner 512] [--columns 2048]

Prints one line of JSON: floating-point operations a second in float32 and in bfloat16, medians of several products, by
the wall's clock and (`…_processor`) by the processor's.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import torch


def rate(rows: int, inner: int, columns: int, dtype: torch.dtype, repeats: int) -> tuple[float, float]:
    """2 · rows · inner · columns operations over the median time of one product: the wall's, the processor's."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    left, right = torch.randn(rows, inner, device=device), torch.randn(columns, inner, device=device)
    left, right = left.to(dtype), right.to(dtype)
    seconds, on_processor = [], []
    for _ in range(repeats + 2):
        started, begun = time.perf_counter(), time.process_time()
        torch.nn.functional.linear(left, right)
        if device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
        on_processor.append(time.process_time() - begun)
    operations = 2.0 * rows * inner * columns
    return operations / statistics.median(seconds[2:]), operations / statistics.median(on_processor[2:])


def main() -> None:
    """Parse the words, multiply, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("rows", 1024), ("inner", 512), ("columns", 2048), ("repeats", 30)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    shape = given.rows, given.inner, given.columns
    found: dict[str, float] = {"threads": torch.get_num_threads()}
    for name, dtype in (("float32", torch.float32), ("bf16", torch.bfloat16)):
        found[name], found[f"{name}_processor"] = rate(*shape, dtype, given.repeats)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
