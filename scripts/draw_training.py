"""Draw a number of validation against updates, minutes or target tokens, out of the logs of training runs.

    python scripts/draw_training.py f1 --by minutes -o f1.svg ours=run1.log ours=run2.log lstm=run3.log

Logs are fairseq's standard output. Runs of one name are drawn as "name 1", "name 2"; the points are printed as well.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from aat_plugin.results.charts import curves
from aat_plugin.results.training_log import Record, curve, over, records, tokens_trained

AXES = {"updates": "updates", "minutes": "minutes of training, validation included", "tokens": "million target tokens"}


def points_of(found: Sequence[Record], value: str, by: str) -> list[tuple[float, float]]:
    """One run's curve on one of `AXES`."""
    points = curve(found, "valid", value)
    if by == "updates":
        return [(float(update), number) for update, number in points]
    effort = tokens_trained(found) if by == "tokens" else curve(found, "train", "wall")
    scale = 1e6 if by == "tokens" else 60.0
    return [(spent / scale, number) for spent, number in over(points, effort)]


def main(arguments: Sequence[str]) -> int:
    """Read, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("value", help="the number, such as f1 or nll_loss")
    parser.add_argument("logs", nargs="+", metavar="NAME=LOG")
    parser.add_argument("--by", choices=sorted(AXES), default="updates")
    parser.add_argument("-o", "--out", type=Path, required=True, help="the SVG file")
    given = parser.parse_args(arguments)
    series: dict[str, list[tuple[float, float]]] = {}
    for name, equals, path in (one.partition("=") for one in given.logs):
        if not equals:
            parser.error(f"{name} is no NAME=LOG")
        try:
            found = list(records(Path(path).read_text(encoding="utf-8").splitlines()))
        except OSError as error:
            parser.error(f"{path}: {error.strerror}")
        alike = sum(one.startswith(f"{name} ") for one in series)
        series[f"{name} {alike + 1}"] = points_of(found, given.value, given.by)
    for name, points in series.items():
        print(name, " ".join(f"{x:g}:{y:g}" for x, y in points))
    if not any(series.values()):
        parser.error(f"no log has a validation with {given.value}")
    alt = f"{given.value} of the validation set against {AXES[given.by]}: {', '.join(series)}"
    drawing = curves(series, x=AXES[given.by], y=given.value, alt=alt)
    given.out.write_text(drawing.replace("<svg", '<svg style="color:#444"', 1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
