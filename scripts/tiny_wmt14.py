"""A mirror of statmt.org in miniature, so that every step can be run: the same archives, names and formats.

    python scripts/tiny_wmt14.py FOLDER

Its text is the demo's grammar (English–German); the French side is the German one under another name, since nothing
but the path is tried with it. Nothing can be concluded from a score on it.
"""

from __future__ import annotations

import io
import random
import sys
import tarfile
from collections.abc import Iterator, Mapping
from gzip import compress
from html import escape
from pathlib import Path

from aat_plugin.demo.corpus import generate

PAIRS = {"europarl-v7": 500, "commoncrawl": 300, "news-commentary-v9": 120, "undoc.2000": 120, "giga": 120}
DEV, TEST = 24, 30
SEED = 14


def sides(number: int, seed: int) -> dict[str, list[str]]:
    """Language → `number` sentences."""
    pairs = list(generate(number, seed))
    return {"en": [one.source for one in pairs], "de": [one.target for one in pairs]}


def text(lines: list[str]) -> bytes:
    """As a file holds them."""
    return "".join(f"{line}\n" for line in lines).encode()


def sgml(lines: list[str], kind: str) -> bytes:
    """As WMT writes a test set: documents of ten sentences."""
    made = [f'<{kind} setid="newstest2014" srclang="any">']
    for start in range(0, len(lines), 10):
        made.append(f'<doc sysid="ref" docid="{start}" genre="news" origlang="en">\n<p>')
        made += [f'<seg id="{number}">{escape(line, quote=False)}</seg>'
                 for number, line in enumerate(lines[start : start + 10], 1)]
        made.append("</p>\n</doc>")
    return text([*made, f"</{kind}>"])


def archives() -> Iterator[tuple[str, Mapping[str, bytes]]]:
    """Path on the mirror → the files in the archive there."""
    made: dict[str, dict[str, bytes]] = {name: {} for name in PAIRS}
    places = {"europarl-v7": "training/europarl-v7.", "commoncrawl": "commoncrawl.",
              "news-commentary-v9": "training/news-commentary-v9.", "undoc.2000": "un/undoc.2000."}
    for seed, (name, number) in enumerate(PAIRS.items(), SEED):
        lines = sides(number, seed)
        flawed = random.Random(seed).sample(range(number), 3)  # noqa: S311 - no secret
        lines["de"][flawed[0]] = ""
        lines["en"][flawed[1]] = " ".join(lines["en"][:60])
        lines["en"][flawed[2]], lines["de"][flawed[2]] = lines["en"][flawed[2] - 1], lines["de"][flawed[2] - 1]
        if name == "giga":
            made[name] = {f"giga-fren.release2.fixed.{to}.gz": compress(text(lines[side]), mtime=0)
                          for to, side in (("en", "en"), ("fr", "de"))}
            continue
        for language in ("de", "fr") if name != "undoc.2000" else ("fr",):
            made[name][f"{places[name]}{language}-en.en"] = text(lines["en"])
            made[name][f"{places[name]}{language}-en.{language}"] = text(lines["de"])
    yield "wmt13/training-parallel-europarl-v7.tgz", made["europarl-v7"]
    yield "wmt13/training-parallel-commoncrawl.tgz", made["commoncrawl"]
    yield "wmt14/training-parallel-nc-v9.tgz", made["news-commentary-v9"]
    yield "wmt13/training-parallel-un.tgz", made["undoc.2000"]
    yield "wmt10/training-giga-fren.tar", made["giga"]
    dev, test = sides(DEV, 1), sides(TEST, 2)
    yield "wmt14/dev.tgz", {f"dev/newstest2013.{to}": text(dev[side])
                            for to, side in (("en", "en"), ("de", "de"), ("fr", "de"))}
    yield "wmt14/test-full.tgz", {
        f"test-full/newstest2014-{pair}en-{kind}.{language}.sgm": sgml(test["en" if language == "en" else "de"], tag)
        for pair in ("de", "fr") for kind, language, tag in (("src", "en", "srcset"), ("ref", pair, "refset"))
    }


def write(folder: Path) -> None:
    """Write all archives; the same every time."""
    for path, files in archives():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w") as packed:
            for name, content in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                packed.addfile(entry, io.BytesIO(content))
        content = made.getvalue()
        (folder / path).write_bytes(compress(content, mtime=0) if path.endswith(".tgz") else content)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    write(Path(sys.argv[1]))
