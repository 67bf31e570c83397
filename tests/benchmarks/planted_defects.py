#!/usr/bin/env python
"""How many planted defects of real trainables are found, and how many healthy sweeps are accused.

A defect is planted in the language model and in DINO, each time beside another honest knob; the
sweep goes through the preflight and, where that lets it pass, through three seeds of both arms and
the leaderboard, all in this process. It is found when the line that it deserves is there. A healthy
sweep differs in an honest knob alone; any refusal, "not comparable" or label is a false alarm.

    python tests/benchmarks/planted_defects.py [--only KIND] [--knobs N] [--healthy N] [--skip N]

Prints a row per kind of defect, whatever was missed or accused, and the two shares; ends with
status 1 where fewer than 95 % are found or more than 2 % are accused.
"""

import argparse
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from io import StringIO
from itertools import islice
from typing import Any

from command_line import options_of, parser_of
from defects import CHANCE, DEFECTS, KNOBS, SEEDS, SHAPES, STUDIES, Defect, Values, planted_config

from infra.answer.compare import leaderboard
from infra.execution.here import run_here
from infra.ledger.ledger import Ledger
from infra.ledger.storage import open_storage
from infra.preflight.preflight import try_arms
from infra.study.plan import make_plan
from infra.study.study import Study, replace_fields
from infra.sweep_options import SweepOptions
from search_spaces.space import Arms

MOST_KNOBS = 3  # beside a defect: those that set no rate, which would excuse another rate


def sweep(trainable: str, knob: Values, size: Values, **settings: Any) -> Study:
    """A study of two arms at smoke size."""
    own = STUDIES[trainable]
    base = replace_fields(settings.pop("base", own.base), {**own.scales["smoke"], **size})
    arms = Arms(source="none", overrides={"base": {}, "other": knob})
    settings = {"run": own.run, "seeds": SEEDS, **settings}
    return Study(
        name="planted", question="?", base=base, space=arms, metric=own.metric, mode=own.mode,
        baseline="base", margin=own.margin, chance=CHANCE.get(trainable), **settings,
    )  # fmt: skip


def defective(defect: Defect, trainable: str, knob: Values) -> Study:
    """A sweep with that defect."""
    own = STUDIES[trainable]
    honest = {} if defect.arm == "planted" else knob
    planted = {} if defect.arm == "knob" else {"planted": 1.0}
    base = planted_config(own.base) if planted else own.base
    run = defect.wrap(own.run)
    return sweep(trainable, {**honest, **planted}, {}, base=base, run=run, seeds=defect.seeds)


def verdict_lines(study: Study) -> Iterator[str]:
    """All that is said against a sweep: by the preflight, else of its cells."""
    plan = make_plan(study, "lab")
    complaints, seen = try_arms(study, plan, in_two_processes=False)
    yield from (("" if c.fatal else "note: ") + c.text for c in complaints)
    if any(complaint.fatal for complaint in complaints):
        return
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(StringIO()):
        ledger = Ledger(open_storage(folder), study.name)
        ledger.write_preflight([], seen)
        for arm in plan.arms:
            run_here(study, plan, ledger, arm, plan.seeds, SweepOptions())
        board = leaderboard(plan, ledger.records())
    for row in board.rows:
        yield f"{row.reason}"
        yield from (f"beside: {told}" for told in row.beside)
        yield from (f"label {label.kind}" for label in row.labels if label)


def alarms(lines: list[str]) -> list[str]:
    """What of it accuses a healthy sweep; what was seen to move and an open verdict do not."""
    quiet = ("note: ", "beside: ", "baseline", "n = ", "the interval", "the 3 seeds")
    return [line for line in lines if line and not line.startswith(quiet)]


def plant(kind: str, knobs: int) -> Counter[bool]:
    """How often a kind of defect was found and missed beside so many knobs of each trainable."""
    defect, hits = DEFECTS[kind], {name: Counter[bool]() for name in KNOBS}
    for trainable, honest in KNOBS.items():
        for knob in honest[:knobs]:
            lines = list(verdict_lines(defective(defect, trainable, knob)))
            hit = any(re.search(defect.told, line) for line in lines)
            hits[trainable][hit] += 1
            if not hit:
                print(f"  missed: {kind}, {trainable}, {knob}: {lines}", flush=True)
    told = ", ".join(f"{name} {hit[True]} of {knobs}" for name, hit in hits.items())
    print(f"{kind:34} {told}", flush=True)
    return sum(hits.values(), Counter())


def is_accused(trainable: str, knob: Values, size: Values) -> bool:
    """Whether anything is said against a healthy sweep."""
    said = alarms(list(verdict_lines(sweep(trainable, knob, size))))
    if said:
        print(f"  accused: {trainable}, {knob}, {size}: {said}", flush=True)
    return bool(said)


def main() -> None:
    """Plant every defect, then try the healthy knobs."""
    options = _options()
    kinds = [kind for kind in DEFECTS if options.only in kind]
    found = sum((plant(kind, options.knobs) for kind in kinds), Counter[bool]())
    tried = islice(healthy(), options.skip, options.skip + options.healthy)
    accused = Counter(is_accused(*one) for one in tried)
    if found.total():
        print(f"found {found[True]} of {found.total()} defects ({found[True] / found.total():.1%})")
    if accused.total():
        share = accused[True] / accused.total()
        print(f"accused {accused[True]} of {accused.total()} healthy sweeps ({share:.1%})")
    sys.exit(found[True] < 0.95 * found.total() or accused[True] > 0.02 * accused.total())


def _options() -> argparse.Namespace:
    parser = parser_of(__doc__)
    parser.add_argument("--only", default="", help="kinds that hold this text")
    parser.add_argument(
        "--knobs", type=int, choices=range(1, MOST_KNOBS + 1), default=MOST_KNOBS,
        help="honest knobs beside each defect",
    )  # fmt: skip
    parser.add_argument("--healthy", type=int, default=160, help="how many healthy sweeps")
    parser.add_argument("--skip", type=int, default=0, help="healthy ones to begin after")
    return options_of(parser, only="trained on evaluation", knobs=1, healthy=1)


def healthy() -> Iterator[tuple[str, Values, Values]]:
    """Honest knobs of both trainables by turns, in all sizes."""
    for index in range(len(SHAPES["DINO"])):
        for number in range(len(KNOBS["DINO"])):
            for trainable in KNOBS:
                yield trainable, KNOBS[trainable][number], SHAPES[trainable][index]


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
