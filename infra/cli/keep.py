"""Commands that keep house: import, sync, gc, data, doctor."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.cli.command import (
    Options,
    Studies,
    findings_of,
    open_ledger,
    print_json,
    read_plan,
    stdout_for_json,
    tracking_uri,
)
from infra.errors import DONE, REFUSED, Refused
from infra.ledger.data import stage
from infra.ledger.lease import is_alive, read_lease
from infra.ledger.storage import probe
from infra.study.locate import default_storage
from infra.words import counted
from infra.writeup.artifacts import verdict_tags, write_artifacts

if TYPE_CHECKING:
    from infra.execution.recorded.event_runs import ReadEvents


def import_curves(options: Options, read_events: "ReadEvents") -> int:
    """`ablate import SOURCE`."""
    from infra.answer.compare import leaderboard
    from infra.answer.index import read_records
    from infra.execution.imported import Laws, sweep_name
    from infra.execution.imported import import_curves as bring_in
    from infra.execution.recorded.runs import Choice
    from infra.execution.recorded.source import Source, read_source
    from infra.writeup.short import short_table
    from infra.writeup.tables import show

    choice = Choice(
        metric=options.metric,
        arm_fields=tuple(options.arm_field),
        seed_field=options.seed_field,
        run_name=options.run_name,
        where=tuple(options.where),
    )
    source = Source(
        place=options.file,
        kind=options.kind,
        experiment=options.experiment,
        step_field=options.step_field,
        runs_file=options.runs,
        last_step=options.last_step,
    )
    table = read_source(source, choice, read_events)
    ledger = open_ledger(options, options.name or sweep_name(table.name))
    probe(ledger.storage)
    laws = Laws(
        metric=options.metric,
        mode=options.mode,
        baseline=options.baseline,
        margin=options.margin,
    )
    plan = bring_in(table, ledger, laws)
    board = leaderboard(plan, read_records(plan, ledger))
    if options.json:
        print_json(
            {"sweep": ledger.sweep, "notes": list(table.notes), "leaderboard": board.to_json()}
        )
        return DONE
    arms, seeds, cells = len(plan.arms), len(plan.seeds), len(plan.cells)
    lack = f", {lacking} lacking" if (lacking := arms * seeds - cells) else ""
    size = f"{counted(arms, 'arm')} x {counted(seeds, 'seed')}{lack} = {counted(cells, 'cell')}"
    print(f"{size} of {table.source}, as {ledger.sweep!r} in {ledger.storage.uri}")
    for note in table.notes:
        print(f"note: {note}")
    show(short_table(board))
    return DONE


def sync(studies: Studies, options: Options) -> int:
    """`ablate sync NAME`."""
    from infra.tracking.tracking import TrackerDown
    from infra.tracking.tracking import sync as bring_up

    ledger = open_ledger(options, options.name)
    plan = read_plan(ledger)
    with tempfile.TemporaryDirectory(prefix="ablate-artifacts-") as folder:
        write_artifacts(plan, ledger, findings_of(plan, studies), Path(folder))
        try:
            tags = verdict_tags(plan, ledger)
            summary = bring_up(ledger, plan, tracking_uri(ledger, options), Path(folder), tags)
        except TrackerDown as error:
            raise Refused(str(error)) from error
    print_json({"sweep": ledger.sweep, "mlflow": str(summary)}) if options.json else print(summary)
    return DONE


def gc(studies: Studies, options: Options) -> int:
    """`ablate gc NAME [--weights]`: state files of dead attempts; on request of finished ones."""
    ledger = open_ledger(options, options.name)
    plan = read_plan(ledger)
    lease = read_lease(ledger.storage, ledger.sweep)
    if lease and is_alive(lease):
        raise Refused(
            f"sweep {options.name!r}: must not run during gc, and pid {lease['pid']} drives it; "
            "wait or stop it"
        )
    dropped = [path for c in plan.cells for path in ledger.collect(c.key, weights=options.weights)]
    if options.json:
        print_json({"sweep": ledger.sweep, "deleted": dropped})
    else:
        print(f"{len(dropped)} state files deleted")
    return DONE


def data(ingester: Any, options: Options) -> int:
    """`ablate data KIND SOURCE --to DIR`."""
    named = {flag.lstrip("-").replace("-", "_") for flag in ingester.options}
    settings = {name: getattr(options, name) for name in named}
    with tempfile.TemporaryDirectory(prefix="ablate-stage-") as folder:
        source = options.source
        if source.startswith("s3://"):
            source = stage(source, Path(folder, "source"))
        try:
            with stdout_for_json(options):
                manifest = ingester.run(Path(source), Path(options.to), **settings)
        except RuntimeError as error:
            raise Refused(str(error)) from error
    if options.json:
        print_json({"manifest": manifest})
    else:
        series = manifest.get("series", ())
        slices = sum(one["slices"] for one in series)
        skipped = len(manifest.get("skipped", ()))
        summary = f"{len(series)} series, {slices} slices, {skipped} things skipped"
        print(f"{options.to}: {manifest.get('summary', summary)}")
        print(f"digest {manifest['digest'][:12]}; use it with --data {options.to}")
    return DONE


def doctor(studies: Studies, options: Options) -> int:
    """`ablate doctor`: one line per thing that must work, with the remedy where it does not."""
    from infra.cli.doctor import examine

    checks = list(examine(options.storage or default_storage()))
    if options.json:
        print_json({"checks": [c.__dict__ for c in checks]})
    else:
        for check in checks:
            print(f"{'ok ' if check.ok else 'BAD'}  {check.what}: {check.found}")
    return DONE if all(check.ok for check in checks) else REFUSED
