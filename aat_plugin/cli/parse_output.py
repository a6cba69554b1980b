"""What `aat parse` writes: trees in one of four forms, pictures, and what it counted on standard error."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aat_plugin.errors import ConfigError
from aat_plugin.parsing.drawing import draw
from aat_plugin.parsing.parses import TOO_LONG, Parse
from aat_plugin.parsing.trees import Tree, to_line, to_pretty

DRAWN_AT_MOST = 100
NAMED_AT_MOST = 10


class Output:
    """Turns parses into text and keeps count.

    Args:
        nbest: above 1, lines as `aat score parse` reads them.
        pretty: trees over several lines.
        as_json: an object a line.
        svg: the picture's file, if any.

    Attributes:
        seconds: spent on parsing; added to from outside.

    Raises:
        ConfigError: two forms at once.
    """

    def __init__(self, nbest: int = 1, pretty: bool = False, as_json: bool = False, svg: Path | None = None) -> None:
        if pretty and (as_json or nbest > 1):
            raise ConfigError("--pretty shows the best tree; leave out --json and --nbest, or --pretty")
        self.nbest, self.pretty, self.as_json, self.svg = nbest, pretty, as_json, svg
        self.seconds = 0.0
        self.lines = self.sentences = self.repaired = self.at_limit = 0
        self.repairs: Counter[str] = Counter()
        self._too_long: list[int] = []  # the first ones' lines
        self._drawn: list[Tree] = []

    def text(self, parses: Sequence[Parse]) -> str:
        """What is written for the next line of input, with its line ends.

        Args:
            parses: best first; none for a blank line.
        """
        self.lines += 1
        if parses:
            self._count(parses[0])
        if self.as_json:
            return json.dumps({"line": self.lines, "parses": list(map(_as_json, parses))}, ensure_ascii=False) + "\n"
        if self.nbest > 1:
            number = self.lines - 1
            return "".join(f"{number} ||| {to_line(one.tree)} ||| {one.score:.4f}\n" for one in parses)
        if self.pretty:
            return (to_pretty(parses[0].tree) + "\n" if parses else "") + "\n"
        return (to_line(parses[0].tree) if parses else "") + "\n"

    def _count(self, best: Parse) -> None:
        self.sentences += 1
        self.repairs.update(best.repairs)
        self.at_limit += best.at_limit
        if TOO_LONG not in best.repairs:
            self.repaired += bool(best.repairs)
        elif len(self._too_long) < NAMED_AT_MOST:
            self._too_long.append(self.lines)
        if self.svg is not None and len(self._drawn) < DRAWN_AT_MOST:
            self._drawn.append(best.tree)

    def finish(self, description: str, target: Path | None, report: Path | None) -> None:
        """Draw, and say what was counted and what comes next.

        Args:
            description: the parser's.
            target: where the trees went, if not to standard output.
            report: a file for the counts, if any.
        """
        from aat_plugin.corpora.files import write_text

        if self.svg is not None:
            write_text(self.svg, draw(self._drawn))
        if report is not None:
            write_text(report, json.dumps(self.counts(description), indent=1, ensure_ascii=False) + "\n")
        for line in self.in_words(description):
            print(line, file=sys.stderr)
        print(f"Next: aat score parse --gold GOLD --pred {target or 'OUTPUT'}", file=sys.stderr)

    def counts(self, description: str) -> dict[str, Any]:
        """What was counted, for JSON."""
        repaired, too_long = self.repaired, self.repairs[TOO_LONG]
        return {
            "search": description, "sentences": self.sentences, "seconds": round(self.seconds, 3),
            "malformed": repaired, "malformed_rate": repaired / max(self.sentences, 1), "too_long": too_long,
            "at_limit": self.at_limit,
            "repairs": {name: count for name, count in self.repairs.most_common() if name != TOO_LONG},
        }

    def in_words(self, description: str) -> list[str]:
        """Lines for people: how many, how quickly, what was repaired."""
        rate = self.sentences / self.seconds if self.seconds else 0.0
        rules = ", ".join(f"{name} {count}" for name, count in self.counts("")["repairs"].items())
        lines = [
            f"{self.sentences:,} sentences in {self.seconds:.1f} s, {rate:,.1f} sentences/s ({description})",
            f"repaired: {self.repaired:,} of {self.sentences:,}{': ' if rules else ''}{rules}; "
            f"at the length limit: {self.at_limit:,}",
        ]
        if too_long := self.repairs[TOO_LONG]:
            named = ", ".join(map(str, self._too_long)) + (" …" if too_long > len(self._too_long) else "")
            lines.append(f"too long for the model, one flat S each: {too_long:,} (line {named})")
        if self.svg is not None:
            lines.append(f"drawn: {len(self._drawn)} of {self.sentences:,} trees, in {self.svg}")
        return lines


def _as_json(parse: Parse) -> dict[str, object]:
    return {"tree": to_line(parse.tree), "score": round(parse.score, 6), "repairs": dict(parse.repairs),
            "at_limit": parse.at_limit}
