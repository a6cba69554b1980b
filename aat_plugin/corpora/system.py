"""The archive of a trained system: `model.pt`, `dict.xx.txt`, `bpecodes`, `manifest.json`, as a folder or a .tar.gz.

It is all that `aat translate` needs to turn raw text into text (a parser's has `treebank.json` too, for `aat parse`),
and it is data: only these names are taken out of an archive, as plain files, into a fresh folder; paths, links and
anything else are refused. Read `tokenise` and `bpe` for what happens to a line.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from aat_plugin.corpora import bpe
from aat_plugin.corpora.pair_options import PIECE_FILES
from aat_plugin.corpora.pairs import DATA_BIN
from aat_plugin.corpora.stages import FORMAT, MANIFEST, read_manifest
from aat_plugin.corpora.tokenise import Detokeniser, Tokeniser
from aat_plugin.errors import DataError

MODEL = "model.pt"
TREEBANK = "treebank.json"
KNOWN = re.compile(
    "|".join(map(re.escape, (MODEL, *PIECE_FILES.values(), MANIFEST, TREEBANK))) + r"|dict\.[A-Za-z_-]+\.txt"
)
OPTIONS = {"pair": ("lowercase", "tokenise", "merges"), "trees": ("merges",)}
"""What is read of the manifest's options, by kind."""
COMMANDS = {"pair": "translate", "trees": "parse"}
CHUNK = 1 << 20


@dataclass(frozen=True)
class System:
    """An opened system.

    Attributes:
        folder: where its dictionaries lie.
        model: the checkpoint.
        source_lang, target_lang: codes such as `en` and `de`.
        options: see `OPTIONS`.
        codes: the BPE codes or the word-pieces' model; None where words were left whole.
        kind: "pair" for a translator, "trees" for a parser.
    """

    folder: Path
    model: Path
    source_lang: str
    target_lang: str
    options: dict[str, Any]
    codes: Path | None
    kind: str = "pair"

    def encoder(self) -> Encoder:
        """From raw text to what the model reads."""
        return Encoder(self)

    @property
    def pieces(self) -> str:
        """How words are cut: `bpe` or `wordpiece`."""
        return str(self.options.get("pieces", "bpe"))

    def decoder(self) -> Detokeniser:
        """From tokens to text; BPE is undone where the dictionary turns numbers into words."""
        return Detokeniser(self.target_lang, tokenised=bool(self.options["tokenise"]))


class Encoder:
    """Raw text to subwords, as the training text was made."""

    def __init__(self, system: System) -> None:
        options = system.options
        languages = (system.source_lang, system.target_lang)
        how = bool(options["lowercase"]), bool(options["tokenise"])
        self._tokenise, self._tokenise_target = (Tokeniser(language, *how) for language in languages)
        self._cut = bpe.cutter(system.codes, system.pieces) if system.codes is not None else None

    def __call__(self, line: str) -> str:
        """Subwords separated by blanks; empty for a blank line."""
        return self._cut_up(self._tokenise(line))

    def target(self, line: str) -> str:
        """The same for text of the target language."""
        return self._cut_up(self._tokenise_target(line))

    def _cut_up(self, tokens: str) -> str:
        return tokens if self._cut is None or not tokens else self._cut(tokens)


def pack(checkpoint: Path, data: Path, out: Path) -> list[str]:
    """Put a checkpoint and what `aat prepare pair` made into a folder, or into an archive where `out` ends in .tar.gz.

    Returns:
        The names of its files.

    Raises:
        DataError: a file is missing, or `out` is there already.
    """
    manifest = read_manifest(data)
    kind = _kind(data, manifest)
    files = {MODEL: checkpoint, **_data_files(data, manifest)}
    for path in files.values():
        if not path.is_file():
            raise DataError(f"{path} is missing; prepare the data again with aat prepare {kind} -o {data}")
    if out.exists():
        raise DataError(f"{out} is there already; delete it or choose another name")
    about = {key: manifest[key] for key in ("kind", "languages", "options", "versions")}
    text = json.dumps({"format": FORMAT, **about, "stages": {}}, indent=1, ensure_ascii=False) + "\n"
    unfinished = out.with_name(f".{out.name}.unfinished")
    try:
        if out.name.endswith(".tar.gz"):
            _write_archive(unfinished, files, text)
        else:
            _write_folder(unfinished, files, text)
        unfinished.replace(out)
    except OSError as error:
        raise DataError(f"cannot write {out}: {error.strerror or error}; check the folder and its space") from None
    finally:
        if unfinished.is_dir():
            shutil.rmtree(unfinished)
        unfinished.unlink(missing_ok=True)
    return [*files, MANIFEST]


def _data_files(data: Path, manifest: dict[str, Any]) -> dict[str, Path]:
    files = {f"dict.{language}.txt": data / DATA_BIN / f"dict.{language}.txt" for language in manifest["languages"]}
    if manifest["kind"] == "trees":
        files[TREEBANK] = data / TREEBANK
    codes = _codes(manifest["options"])
    return {**files, **({codes: data / codes} if codes else {})}


def _codes(options: dict[str, Any]) -> str:
    """The name of the file that words are cut by; empty where they are left whole."""
    return PIECE_FILES.get(options.get("pieces", "bpe"), "") if options["merges"] else ""


def _kind(folder: Path, manifest: dict[str, Any]) -> str:
    """What the data are: "pair" or "trees".

    Raises:
        DataError: neither.
    """
    kind = manifest.get("kind")
    if not isinstance(kind, str) or kind not in OPTIONS:
        raise DataError(f"{folder / MANIFEST} describes data of the kind {kind!r}; give what aat prepare made")
    return kind


def _write_folder(folder: Path, files: dict[str, Path], manifest: str) -> None:
    folder.mkdir(parents=True)
    for name, path in files.items():
        shutil.copyfile(path, folder / name)
    (folder / MANIFEST).write_text(manifest, encoding="utf-8")


def _write_archive(archive: Path, files: dict[str, Path], manifest: str) -> None:
    """Without owners, rights or times, so that the same files make the same archive."""
    with tarfile.open(archive, "w:gz", compresslevel=1) as packed:
        for name, path in files.items():
            with path.open("rb") as file:
                _add(packed, name, file, path.stat().st_size)
        content = manifest.encode()
        _add(packed, MANIFEST, io.BytesIO(content), len(content))


def _add(packed: tarfile.TarFile, name: str, file: IO[bytes], size: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = size
    packed.addfile(entry, file)


@contextmanager
def opened(path: Path, data: Path | None = None, kind: str | None = "pair") -> Iterator[System]:
    """A system from an archive or a folder, or from a checkpoint and the folder that `aat prepare` made.

    Args:
        path: the archive, the folder or the checkpoint.
        data: what the checkpoint was trained on.
        kind: "pair" for a translator, "trees" for a parser, None for either.

    Raises:
        DataError: something is missing, damaged, or not of such a system.
    """
    if data is not None:
        yield _system(path, data / DATA_BIN, data, read_manifest(data), kind)
    elif path.is_dir():
        yield _system(path / MODEL, path, path, read_manifest(path), kind)
    elif path.name.endswith((".tar.gz", ".tgz")):
        with tempfile.TemporaryDirectory(prefix="aat-system-") as temporary:
            folder = Path(temporary)
            _extract(path, folder)
            yield _system(folder / MODEL, folder, folder, read_manifest(folder), kind)
    elif path.exists():
        raise DataError(f"{path} is no system (a folder or .tar.gz of aat package); for a checkpoint give --data too")
    else:
        raise DataError(f"{path} does not exist; give a folder or .tar.gz of aat package")


def _system(model: Path, dictionaries: Path, folder: Path, manifest: dict[str, Any], kind: str | None) -> System:
    found = _kind(folder, manifest)
    if kind is not None and found != kind:
        raise DataError(f"{folder / MANIFEST} is of the kind '{found}', not '{kind}'; use aat {COMMANDS[found]}")
    try:
        source, target = manifest["languages"]
        options = {name: manifest["options"][name] for name in OPTIONS[found]}
        options |= {name: manifest["options"][name] for name in ("pieces",) if name in manifest["options"]}
    except (KeyError, TypeError, ValueError):
        raise DataError(f"{folder / MANIFEST} does not describe a pair of languages; prepare the data again") from None
    name = _codes(options)
    codes = folder / name if name else None
    needed = [model, *(dictionaries / f"dict.{language}.txt" for language in (source, target))]
    beside = ([codes] if codes else []) + ([folder / TREEBANK] if found == "trees" else [])
    for file in [*needed, *beside]:
        if not file.is_file():
            raise DataError(f"{file} is missing: the system is not whole")
    return System(dictionaries, model, str(source), str(target), options, codes, found)


def _extract(archive: Path, folder: Path) -> None:
    """Copy the known files out, each as a plain file of its own name; nothing else is ever written."""
    try:
        with tarfile.open(archive, "r:gz") as packed:
            for entry in packed:
                if not entry.isreg() or KNOWN.fullmatch(entry.name) is None:
                    raise DataError(f"{archive} holds '{entry.name}', which is no part of a system; nothing was used")
                file = packed.extractfile(entry)
                if file is None:
                    raise DataError(f"{archive}: '{entry.name}' cannot be read")
                with (folder / entry.name).open("wb") as target:
                    shutil.copyfileobj(file, target, CHUNK)
    except FileNotFoundError:
        raise DataError(f"{archive} does not exist; give a folder or .tar.gz of aat package") from None
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise DataError(f"{archive} is damaged or no archive ({error}); copy or make it again") from None
    except OSError as error:
        reason = error.strerror or error  # gzip's own has none
        raise DataError(f"{archive} cannot be read ({reason}); copy or make it again") from None
