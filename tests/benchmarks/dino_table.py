#!/usr/bin/env python
"""Prints the README's table of what the center did: means over seeds from an export's curves.csv.

    ablate export dino_cm-lab --to out
    python tests/benchmarks/dino_table.py out/curves.csv

A row per arm, each quantity at step 0 and at the last point. The smallest size is a kept export.
"""

from pathlib import Path

import pandas
from command_line import options_of, parser_of

KEPT = Path(__file__).parent.parent / "kept/dino_cm-smoke/export/curves.csv"

COLUMNS = {
    "val/teacher_entropy_nats": "teacher entropy",
    "val/mean_prediction_entropy_nats": "entropy of the mean prediction",
    "val/top1": "Top-1",
}


def main() -> None:
    """The table in Markdown."""
    parser = parser_of(__doc__)
    parser.add_argument("curves", type=Path, nargs="?", help="an export's curves.csv")
    options = options_of(parser, curves=KEPT)
    curves = pandas.read_csv(options.curves, dtype={"arm": str}).sort_values("step")
    curves["DINO loss"] = curves["train/dino_loss_nats"].fillna(curves["val/dino_loss_nats"])
    names = ["DINO loss", *COLUMNS]
    ends = curves.groupby(["arm", "seed"])[names].agg(["first", "last"])
    means = ends.groupby("arm").mean()
    print("| center momentum |", " | ".join(COLUMNS.get(n, n) for n in names), "|")
    print("|---" * (len(names) + 1) + "|")
    for arm in means.index:
        cells = (f"{means[n]['first'][arm]:.3g} -> {means[n]['last'][arm]:.3g}" for n in names)
        print(f"| {arm} |", " | ".join(cells), "|")


if __name__ == "__main__":
    main()
