"""Commands that run: plan, execute, answer."""

import json
from collections.abc import Iterator, Mapping

from infra.answer.board import Leaderboard, open_rows
from infra.answer.compare import leaderboard
from infra.answer.index import read_records
from infra.answer.resumed import costs_of_a_kill
from infra.answer.sequential import next_look, until_decided
from infra.cell.arm_code import own_code_lines
from infra.cli.command import (
    Options,
    Studies,
    open_ledger,
    print_json,
    read_plan,
    read_sweep,
    stdout_for_json,
    storage_option,
)
from infra.errors import DONE, INTERRUPTED, Refused
from infra.execution.here import run_here
from infra.execution.sweep import Outcome, join_plan, run_sweep
from infra.ledger.data import data_digest
from infra.ledger.lease import is_alive, read_lease
from infra.ledger.ledger import Ledger
from infra.ledger.records import CellRecord
from infra.ledger.storage import probe
from infra.preflight.before import check_before
from infra.preflight.cost import cell_seconds, estimate, open_cells, shared_seconds
from infra.preflight.measure import cell_gpus
from infra.preflight.pace import at_equal_seconds
from infra.study.black_box import BuildsBlackBoxes
from infra.study.locate import load_study
from infra.study.plan import Cell, Plan, make_plan, plan_like, with_steps
from infra.study.study import Study
from infra.sweep_options import Limit, SweepOptions
from infra.words import counted


def run(studies: Studies, options: Options) -> int:
    """`ablate run STUDY`."""
    study, study_file = load_study(options.study, studies)
    return run_study(study, study_file, options)


def run_study(study: Study, study_file: str, options: Options) -> int:
    """Plan, run and answer; what a sweep's script does too."""
    _refuse_default_data(study, options)
    digest = _data_digest(study, options.data)
    plan = make_plan(
        study,
        options.scale,
        options.arms or ([options.here] if options.here else []),
        options.seeds,
        data=options.data,
        data_digest=digest,
        threads=max(1, int(options.cpus_per_cell)),
        cpus=options.cpus_per_cell,
        gpus=options.gpus_per_cell,
        keep_checkpoints=options.keep_checkpoints,
        study_file=study_file,
        **(
            {}
            if options.usd_per_gpu_hour is None
            else {"usd_per_gpu_hour": options.usd_per_gpu_hour}
        ),
    )
    equal = "seconds" if options.equal_seconds else ""
    name = "-".join(part for part in (study.name, options.scale, equal, digest[:6]) if part)
    ledger = open_ledger(options, options.name or name)
    if options.equal_seconds:
        plan = _at_equal_seconds(study, plan, ledger.read_plan())
    plan = _sequential(plan, options, ledger.read_plan())
    if options.dry_run:
        return _show_plan(study, join_plan(ledger, plan, study), ledger, options)
    return _execute(study, plan, ledger, options)


def _sequential(plan: Plan, options: Options, old: Plan | None) -> Plan:
    """The plan, or that of a sequential sweep where one is asked for."""
    if options.max_seeds and not options.until_decided:
        raise Refused(
            f"--max-seeds {options.max_seeds}: must come with --until-decided, which it bounds; "
            "add that, or leave it out"
        )
    return until_decided(plan, options.max_seeds, old) if options.until_decided else plan


def _is_decided(plan: Plan, ledger: Ledger) -> bool:
    rows = leaderboard(plan, read_records(plan, ledger)).rows
    return all(row.finished == row.planned and row.verdict != "undecided" for row in rows)


def _at_equal_seconds(study: Study, plan: Plan, old: Plan | None) -> Plan:
    """The plan with the steps that were told before, and with timed ones for further arms."""
    return with_steps(study, plan, at_equal_seconds(study, plan, old.steps if old else {}))


def _refuse_default_data(study: Study, options: Options) -> None:
    if not options.data and (command := study.needs_data.get(options.scale)):
        raise Refused(
            f"study {study.name!r}, scale {options.scale!r}: must have prepared data, got none, "
            f"and the default is for other scales; make it with `{command}` and give --data DIR"
        )


def _data_digest(study: Study, data: str) -> str:
    """By its manifest, which a script that was not written for us need not have."""
    return data_digest(data, needs_manifest=not isinstance(study.run, BuildsBlackBoxes))


def resume(studies: Studies, options: Options) -> int:
    """`ablate resume NAME`: the same study, scale and settings; perhaps more arms or seeds."""
    ledger = open_ledger(options, options.name)
    old = read_plan(ledger)
    if old.is_recorded:
        raise Refused(
            f"sweep {ledger.sweep!r}: must have a study to go on with, and was imported from "
            f"{old.data}; import a longer record under another --name"
        )
    if options.until_decided and not options.arms + options.seeds and _is_decided(old, ledger):
        with stdout_for_json(options):
            print(f"sweep {ledger.sweep!r}: every arm has its verdict, so no seeds are added")
        if options.json:
            print_json({"sweep": ledger.sweep, "status": DONE})
        return DONE
    study, _ = load_study(old.study_file or old.study, studies)
    arms = [*old.arms, *options.arms]
    seeds = [*old.seeds, *(seed for seed in options.seeds if seed not in old.seeds)]
    plan = plan_like(old, study, arms, seeds, data_digest=_data_digest(study, old.data))
    if old.steps:
        plan = _at_equal_seconds(study, plan, old)
    plan = _sequential(plan, options, old)
    if options.dry_run:
        return _show_plan(study, join_plan(ledger, plan, study), ledger, options)
    return _execute(study, plan, ledger, options)


def _execute(study: Study, plan: Plan, ledger: Ledger, options: Options) -> int:
    probe(ledger.storage)
    if getattr(options, "here", ""):
        signalled = False
        with stdout_for_json(options):
            how = _sweep_options(options)
            try:
                status = run_here(study, plan, ledger, options.here, options.seeds, how)
            except KeyboardInterrupt:
                status, signalled = INTERRUPTED, True
        if options.json:
            print_json({"sweep": ledger.sweep, "status": status})
        if signalled:
            raise KeyboardInterrupt
        return status
    with stdout_for_json(options):
        how = _sweep_options(options)
        _print_plan(study, plan, ledger, read_records(plan, ledger), how)
        if plan.max_seeds and (old := ledger.read_plan()) and not old.max_seeds:
            print(
                "sequential from now on: each look has its share of the error, so intervals widen"
            )
        outcome = run_sweep(study, plan, ledger, how)
        while options.until_decided and outcome.status != INTERRUPTED:
            plan = read_plan(ledger)
            board = leaderboard(plan, read_records(plan, ledger))
            further = next_look(study, plan, board)
            if further is None:
                _tell_why_no_seeds(board)
                break
            _print_plan(study, further, ledger, read_records(further, ledger), how)
            outcome = run_sweep(study, further, ledger, how)
    _answer(study, ledger, options, outcome)
    return outcome.status


def _tell_why_no_seeds(board: Leaderboard) -> None:
    able = open_rows(board.rows)
    for row in board.rows:
        if row.verdict == "undecided" and row not in able:
            why = "while cells failed; --retry-failed runs them again" if row.failed else row.reason
            print(f"{row.arm}: gets no seeds, {why}")


def _sweep_options(options: Options) -> SweepOptions:
    return SweepOptions(
        address=options.address,
        tracking=options.tracking,
        max_parallel=options.max_parallel,
        retry_failed=getattr(options, "retry_failed", False),
        accept_code_change=options.accept_code_change,
        preflight=not options.no_preflight,
        limit=Limit(options.budget_hours, options.budget_usd),
        allow_identical=tuple(options.allow_identical),
    )


def _answer(study: Study, ledger: Ledger, options: Options, outcome: Outcome) -> None:
    """The leaderboard, the verdicts, and where to look next."""
    from infra.answer.findings import judge
    from infra.writeup.short import short_table
    from infra.writeup.tables import findings_tables, show

    plan, records = read_sweep(ledger)
    board, verdicts = leaderboard(plan, records), judge(study.findings, plan, records)
    if options.json:
        print_json(
            {
                "sweep": ledger.sweep,
                "status": outcome.status,
                "leaderboard": board.to_json(),
                "findings": [v.to_json() for v in verdicts],
            }
        )
        return
    show(short_table(board))
    for table in findings_tables(verdicts) if outcome.status != INTERRUPTED else ():
        show(table)
    for line in _next_steps(ledger, records, options, outcome):
        print(line)


def _next_steps(
    ledger: Ledger, records: Mapping[str, CellRecord], options: Options, outcome: Outcome
) -> Iterator[str]:
    storage = storage_option(options)
    if outcome.view:
        yield f"MLflow   {outcome.view}"
        if outcome.serve:
            yield f"         served by: {outcome.serve}"
    else:
        yield f"MLflow   is behind: {outcome.trouble}"
        yield f"         the sweep is whole; ablate sync {ledger.sweep}{storage} catches up"
    yield f"export   ablate export {ledger.sweep} --to DIR{storage}"
    if failed := [key for key, record in records.items() if record.status == "failed"]:
        yield f"failed   ablate logs {ledger.sweep} {failed[0]}{storage}"
        yield f"         ablate resume {ledger.sweep} --retry-failed{storage}"
    if any(r.status in ("interrupted", "pending") for r in records.values()):
        yield f"resume   ablate resume {ledger.sweep}{storage}"


def _show_plan(study: Study, plan: Plan, ledger: Ledger, options: Options) -> int:
    how, records = _sweep_options(options), ledger.records(plan)
    with stdout_for_json(options):
        todo = _print_plan(study, plan, ledger, records, how)
        if (holder := read_lease(ledger.storage, ledger.sweep)) and is_alive(holder):
            print(f"note: pid {holder['pid']} on {holder['host']} drives it, one driver at a time")
        notes = check_before(study, plan, records, todo, how, ledger).notes
    if options.json:
        plan_json = json.loads(plan.to_json())
        print_json({"sweep": ledger.sweep, "plan": plan_json, "notes": notes})
    else:
        for cell in plan.cells:
            told = [records[cell.key].status.replace("pending", ""), plan.resumes.get(cell.arm, "")]
            print("  " + "  ".join(filter(None, (cell.key, *told))))
    return DONE


def _print_plan(
    study: Study,
    plan: Plan,
    ledger: Ledger,
    records: Mapping[str, CellRecord],
    how: SweepOptions,
) -> list[Cell]:
    """Says what is planned and what it takes; gives back the cells that are to run."""
    print(f"{plan.study}: {plan.question}")
    size = f"{counted(len(plan.arms), 'arm')} x {counted(len(plan.seeds), 'seed')}"
    cells = f"{size} = {counted(len(plan.cells), 'cell')}"
    if controls := len(plan.arms) - len(plan.trained):
        cells += f", {counted(controls, 'arm')} of them not trained"
    place = f"as {ledger.sweep!r} in {ledger.storage.uri}"
    todo = open_cells(plan, records, how.retry_failed)
    known, shared = cell_seconds(study, plan, records, {}), shared_seconds(plan, records, {})
    takes = estimate(plan, todo, known, records, cell_gpus(plan, how.address), shared)
    told = "; ".join(filter(None, (f"{cells} at scale {plan.scale}, {place}", takes)))
    print(told, flush=True)
    for line in costs_of_a_kill(plan.resumes):
        print(line, flush=True)
    for line in own_code_lines(study, plan):
        print(line, flush=True)
    if plan.steps:
        told = ", ".join(f"{arm} {n}" for arm, n in plan.steps.items() if arm in plan.arms)
        print(f"steps at equal seconds: {told}", flush=True)
    return todo
