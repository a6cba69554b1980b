"""Getting WMT14's files: fetched or taken from the user's folder, unpacked, as stages that are done once.

An archive whose checksum nobody has published is taken as it comes the first time; the manifest then holds its checksum
(`seen`), and another content under the same address is refused. Read `pairs` for what follows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from aat_plugin.corpora.archives import SGML, Wanted, copy, extract
from aat_plugin.corpora.fetch import fetch
from aat_plugin.corpora.files import open_bytes, reading, sha256
from aat_plugin.corpora.pair_check import Pair
from aat_plugin.corpora.progress import Progress
from aat_plugin.corpora.sources import STATMT, RemoteFile
from aat_plugin.corpora.stages import Counts, Pipeline, Stage
from aat_plugin.corpora.streams import Run
from aat_plugin.corpora.wmt14 import Part, Task
from aat_plugin.errors import DataError

RAW = "raw"


@dataclass(frozen=True)
class Origin:
    """Where the files come from.

    Attributes:
        raw: the user's folder with archives, or with what is in them; None to fetch.
        mirror: an address with the same paths as statmt.org's; empty for that one.
        checks: whether fetched archives must have their published checksums.
    """

    raw: Path | None = None
    mirror: str = ""
    checks: bool = True


class Obtained:
    """The files of a task and the stages that bring them.

    Args:
        task: which.
        origin: from where.
        pipeline: of the folder where they are put.

    Raises:
        DataError: the user's folder has neither a file nor its archive.
    """

    def __init__(self, task: Task, origin: Origin, pipeline: Pipeline) -> None:
        self._origin, self._pipeline, self._folder = origin, pipeline, pipeline.folder / RAW
        self._archives = {archive.name: archive for archive in task.archives}
        self._wanted: dict[Path, list[Wanted]] = {}
        self._fetched: dict[Path, RemoteFile] = {}
        self._lines: list[Stage] = []
        self.files: Mapping[str, list[Pair]] = {
            split: [self._pair(part) for part in parts] for split, parts in task.splits.items()
        }

    def stages(self) -> Iterator[Stage]:
        """Fetching, then unpacking, then SGML as lines; only what is needed."""
        for path, archive in self._fetched.items():
            yield self._fetch(path, archive)
        for path, wanted in self._wanted.items():
            yield self._extract(path, wanted)
        yield from self._lines

    def _pair(self, part: Part) -> Pair:
        source, target = (self._file(part, names) for names in part.members)
        return source, target

    def _file(self, part: Part, names: tuple[str, ...]) -> Path:
        """Where a file is, or will be."""
        there = self._there(names)
        if there is not None and not there.name.removesuffix(".gz").endswith(SGML):
            return there
        made = self._folder / Path(names[0]).name.removesuffix(SGML)
        if there is not None:
            self._lines.append(_lines(there, made))
            return made
        self._wanted.setdefault(self._archive(part, names), []).append(Wanted(names, made))
        return made

    def _there(self, names: tuple[str, ...]) -> Path | None:
        """The user's own unpacked file."""
        if self._origin.raw is None:
            return None
        for name in names:
            bare = name.removesuffix(".gz")
            for below in (name, Path(name).name, bare, Path(bare).name, f"{bare}.gz", f"{Path(bare).name}.gz"):
                if (path := self._origin.raw / below).is_file():
                    return path
        return None

    def _archive(self, part: Part, names: tuple[str, ...]) -> Path:
        archive, raw = self._archives[part.archive], self._origin.raw
        if raw is None:
            path = self._folder / archive.name
            self._fetched[path] = archive
            return path
        for below in (archive.name, archive.path):
            if (raw / below).is_file():
                return raw / below
        raise DataError(f"{raw} has neither {names[0]} nor {archive.name}; put one there, or fetch it without --raw")

    def _fetch(self, path: Path, archive: RemoteFile) -> Stage:
        url = (self._origin.mirror or STATMT).rstrip("/") + "/" + archive.path
        checksum = archive.checksum if self._origin.checks else None

        def work(run: Run) -> Counts:
            with Progress(f"fetch {archive.name}", archive.size or None, unit="bytes") as progress:
                done = 0

                def report(there: int, _: int | None) -> None:
                    nonlocal done
                    progress.advance(there - done)
                    done = there

                if not fetch(url, path, checksum, report) and self._differs(url, path):
                    path.unlink()  # it was changed here, not there
                    fetch(url, path, checksum, report)
            if self._differs(url, path):
                path.unlink()
                raise DataError(f"{url} was changed since it was fetched before: the manifest's SHA-256 of it is "
                                f"{self._pipeline.seen[url]}; choose another folder with -o to take the new one")
            self._pipeline.seen[url] = sha256(path)
            return {"bytes": path.stat().st_size}

        return Stage(f"fetch {archive.name}", [], [path], {"url": url, "checksum": checksum}, work)

    def _differs(self, url: str, path: Path) -> bool:
        """Whether a file is not what was fetched from there before."""
        return url in self._pipeline.seen and sha256(path) != self._pipeline.seen[url]

    def _extract(self, archive: Path, wanted: list[Wanted]) -> Stage:
        options, name = {"members": [list(one.names) for one in wanted]}, f"unpack {archive.name}"

        def work(run: Run) -> Counts:
            with Progress(name, unit="bytes") as progress:
                return {"bytes": extract(archive, wanted, progress.advance)}

        return Stage(name, [archive], [one.target for one in wanted], options, work)


def _lines(sgml: Path, made: Path) -> Stage:
    def work(run: Run) -> Counts:
        with reading(sgml), open_bytes(sgml) as file:
            copy(file, str(sgml).removesuffix(".gz"), made)
        return {}

    return Stage(f"lines of {sgml.name}", [sgml], [made], {}, work)
