"""`aat export ctranslate2`: a folder for CTranslate2, float32 or quantized."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat export ctranslate2 checkpoints/averaged.pt -o serving/ --quantization int8")
def ctranslate2(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint of the plugin's Transformer.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder to make.")],
    quantization: Annotated[
        str, typer.Option(metavar="KIND", help="float32, bfloat16, float16, int16, int8, int8_float32 …")
    ] = "float32",
    int8_bits: Annotated[
        int, typer.Option(metavar="8|7", help="Of int8 weights; 7 for processors without VNNI, whose sums overflow.")
    ] = 8,
    data: Annotated[
        Path | None, typer.Option(help="The data-bin with dict.*.txt; default the one that was trained on.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Write a folder that CTranslate2 translates from."""
    from aat_plugin.export.optional import need_ctranslate2

    need_ctranslate2()
    from aat_plugin.export.ctranslate2_folder import export_ctranslate2

    done = export_ctranslate2(checkpoint, out, quantization, data, int8_bits=int8_bits)
    if as_json:
        shown = {"output": str(done.output), "quantization": done.quantization, "bytes": done.bytes}
        print(json.dumps(shown, indent=2))
        return
    print(f"{done.output}: {done.quantization}, {done.bytes / 1e6:.1f} MB")
    print(f"Next: aat export compare {checkpoint} --data DATA shows what quantization costs")
