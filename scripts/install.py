"""Makes the virtual environment of `make install`: says what it downloads, installs exact versions, leaves a stamp.

Run by the Makefile with a Python 3.11 or 3.12 and only its standard library:

    python3.11 scripts/install.py --venv .venv --device cpu
    python3.11 scripts/install.py --venv .venv-fairseq-fixed --device cpu --fairseq source   # needs a C++ compiler

Why several steps: torch first, because the device decides its build; then fairseq by hash; then everything else at the
versions of constraints.txt. The index is whatever pip is set to use; --torch-index names another for torch alone.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "constraints.txt"
FAIRSEQ = ROOT / "requirements-fairseq.txt"
BUILD_TOOLS = ("setuptools", "wheel", "cython", "numpy")
INDEX_HINT = "make install DEVICE={device} TORCH_INDEX=URL, with the URL that PyTorch's install page shows for {build}"


def main() -> int:
    """Install, and return the exit status."""
    options = arguments()
    started = time.monotonic()
    venv = Path(options.venv).resolve()
    python = prepared(venv)
    forget(venv, python, options.device)
    announce(python, options)
    step("torch and what builds need")
    if options.torch_index:
        pip(python, "--no-deps", "--index-url", options.torch_index, pin("torch"))
        pip(python, "--extra-index-url", options.torch_index, *map(pin, ("torch", *BUILD_TOOLS)))
    else:
        pip(python, *map(pin, ("torch", *BUILD_TOOLS)))
    if options.fairseq == "source":
        install_from_source(python)
    else:
        step("fairseq, by hash")
        pip(python, "--no-deps", "--require-hashes", "--no-build-isolation", "-r", str(FAIRSEQ))
        step("aat_plugin and everything else")
        pip(python, "--no-build-isolation", "-e", f"{ROOT}[dev]")
    check_device(python, options)
    (venv / f".installed-{options.device}").write_text("written by scripts/install.py\n", encoding="utf-8")
    seconds = time.monotonic() - started
    print(f"aat: installed into {venv.name}/ in {seconds:.0f} s; `{venv.name}/bin/aat doctor` checks it")
    return 0


def arguments() -> argparse.Namespace:
    """The command line; `torch_index` may be empty."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venv", default=".venv")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--torch-index", default="", help="index that holds the wished build of torch")
    parser.add_argument("--fairseq", default="binary", choices=("binary", "source"))
    return parser.parse_args()


def prepared(venv: Path) -> Path:
    """The environment's Python; made (or made anew, where it does not run or is of another version) if need be."""
    python = venv / "bin" / "python"
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    asked = [str(python), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    if python.exists():
        found = subprocess.run(asked, capture_output=True, text=True, check=False)
        if found.stdout.strip() == version:
            return python
        print(f"aat: {venv.name}/ is not of Python {version}: making it anew")
        shutil.rmtree(venv)
    step(f"{venv.name}/ with Python {version}")
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    return python


def forget(venv: Path, python: Path, device: str) -> None:
    """Take away the stamps, and a torch that was installed for another device (pip would keep it: same version)."""
    for stamp in venv.glob(".installed-*"):
        stamp.unlink()
        if stamp.name != f".installed-{device}":
            subprocess.run([str(python), "-m", "pip", "uninstall", "--quiet", "--yes", "torch"], check=True)


def announce(python: Path, options: argparse.Namespace) -> None:
    """Say which torch pip would bring and about how much comes down; stop where it is not the device's build."""
    command = [str(python), "-m", "pip", "install", "--dry-run", "--quiet", "--report", "-", pin("torch")]
    command += ["--constraint", str(CONSTRAINTS)]
    if options.torch_index:
        command += ["--no-deps", "--index-url", options.torch_index]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        sys.exit(f"aat: pip finds no {pin('torch')}: {last_line(run.stderr)}; see: {hint(options.device)}")
    found = [item["metadata"] for item in json.loads(run.stdout)["install"]]
    torch = [item["version"] for item in found if item["name"] == "torch"]
    nvidia = [item["name"] for item in found if item["name"].startswith("nvidia-")]
    if not torch:
        print("aat: torch is there already; downloading only what is missing")
    elif options.device == "cuda" and torch[0].endswith("+cpu"):
        sys.exit(f"aat: DEVICE=cuda, but pip's index offers torch {torch[0]}; name one with CUDA: {hint('cuda')}")
    elif nvidia:
        print(f"aat: downloading torch {torch[0]} with {len(nvidia)} CUDA packages (about 3 GB), and 150 MB of others")
        if options.device == "cpu":
            print(f"aat: that build runs on a CPU too; for the small one (about 200 MB): {hint('cpu')}")
    else:
        print(f"aat: downloading torch {torch[0]} (about 200 MB) and about 150 MB of other packages")


def install_from_source(python: Path) -> None:
    """fairseq-fixed compiled here, the rest exactly as pinned, and the plugin without its requirement of ve-fairseq."""
    if not (shutil.which("g++") or shutil.which("c++")):
        sys.exit("aat: building fairseq-fixed needs a C++ compiler: install g++ (or clang) and the Python headers")
    with tempfile.TemporaryDirectory() as folder:
        everything = Path(folder) / "everything.txt"
        skipped = ("ve-fairseq==", "fairseq-fixed==", "torch==")
        pins = [line for line in pins_of(CONSTRAINTS) if not line.lower().startswith(skipped)]
        everything.write_text("\n".join(pins) + "\n", encoding="utf-8")
        step("everything else")
        pip(python, "--no-deps", "--no-build-isolation", "-r", str(everything))
        source = Path(folder) / "fairseq.txt"
        source.write_text(source_requirement(), encoding="utf-8")
        step("fairseq-fixed, by hash, compiled here (some minutes)")
        pip(python, "--no-deps", "--require-hashes", "--no-build-isolation", "-r", str(source))
    step("aat_plugin")
    pip(python, "--no-deps", "--no-build-isolation", "-e", str(ROOT))


def source_requirement() -> str:
    """The line of requirements-fairseq.txt for fairseq-fixed with its hash and without its platform marker."""
    text = FAIRSEQ.read_text(encoding="utf-8").replace("\\\n", " ")
    line = next(line for line in text.splitlines() if line.startswith("fairseq-fixed=="))
    requirement, _, marked = line.partition(";")
    return f"{requirement.strip()} {marked[marked.index('--hash') :].strip()}\n"


def check_device(python: Path, options: argparse.Namespace) -> None:
    """Stop where DEVICE=cuda ended in a build without CUDA (an index may offer another than the dry run did)."""
    if options.device == "cuda":
        built = [str(python), "-c", "import sys, torch; sys.exit(torch.version.cuda is None)"]
        if subprocess.run(built, check=False).returncode != 0:
            sys.exit(f"aat: DEVICE=cuda, but the installed torch has no CUDA; name an index: {hint('cuda')}")


def pip(python: Path, *asked: str) -> None:
    """`pip install` under the constraints; quiet but for a terminal, where its progress bars are wanted."""
    quiet = [] if sys.stdout.isatty() else ["--quiet"]
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    constraint = [] if "--require-hashes" in asked else ["--constraint", str(CONSTRAINTS)]
    command = [str(python), "-m", "pip", "install", *quiet, *constraint, *asked]
    if subprocess.run(command, env=environment, check=False).returncode != 0:
        sys.exit(f"aat: the step failed; pip's reason stands above. The command was: {' '.join(command)}")


def pins_of(file: Path) -> list[str]:
    """The `name==version` lines."""
    return [line for line in file.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]


def pin(name: str) -> str:
    """`name==version` as constraints.txt has it."""
    return next(line for line in pins_of(CONSTRAINTS) if line.lower().startswith(f"{name}=="))


def hint(device: str) -> str:
    """How to name an index."""
    return INDEX_HINT.format(device=device, build="the CPU" if device == "cpu" else "your CUDA version")


def last_line(text: str) -> str:
    """The last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"


def step(what: str) -> None:
    """A line of progress."""
    print(f"aat: … {what}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
