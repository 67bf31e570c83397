"""A sweep as one HTML page: question, answer, pictures, tables, costs, flags, provenance.

The page is a function of the ledger: the same ledger gives the same bytes.
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path

from infra.answer.arms import read_arms
from infra.answer.board import Leaderboard
from infra.answer.budget import dollars, gpu_hours
from infra.answer.compare import leaderboard
from infra.answer.confounds import mixed_machines
from infra.answer.findings import FindingVerdict, judge
from infra.answer.index import read_records
from infra.answer.other_budgets import QUARTERS, flips, rankings
from infra.answer.outlook import flags, shared_stems
from infra.answer.resumed import resumes
from infra.ledger.code import SCRIPT, read_arm_codes
from infra.ledger.ledger import Ledger
from infra.ledger.records import CellRecord
from infra.ledger.whole import write_whole
from infra.study.plan import Plan
from infra.study.study import Finding
from infra.words import MANY_ARMS, counted
from infra.writeup.arm_code import code_html
from infra.writeup.effects import effects_table
from infra.writeup.export import code_and_machines
from infra.writeup.gallery import gallery
from infra.writeup.page import Section, figure_html, folded_html, listed, page, table_html
from infra.writeup.plots import pictures, training_pictures
from infra.writeup.sentences import answers, claims, headline
from infra.writeup.short import folded
from infra.writeup.tables import (
    MISSING,
    Table,
    beside_other_data,
    findings_tables,
    leaderboard_table,
    seeds_table,
)

_MOST = 8  # arms or pairs that are listed in one cell of a table
_WIDTH_IN = 5.4  # of a picture: what a phone shows whole
Records = Mapping[str, CellRecord]


def write_report(plan: Plan, ledger: Ledger, findings: Sequence[Finding], to: Path) -> Path:
    """The file `to` with the page in it, whole or not at all.

    Raises:
        ValueError: When the file cannot be written, or a finished cell lacks the metric.
    """
    return write_page(report(plan, ledger, findings), to)


def write_page(text: str, to: Path) -> Path:
    """The file `to` with the text in it, whole or not at all.

    Raises:
        ValueError: When the file cannot be written.
    """
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        return write_whole(to, text)
    except OSError as error:
        raise ValueError(
            f"report to {str(to)!r}: must be a file that can be written, got: {error.strerror}; "
            "name another"
        ) from error


def report(plan: Plan, ledger: Ledger, findings: Sequence[Finding]) -> str:
    """The page.

    Args:
        plan: What was to run.
        ledger: Where it is recorded.
        findings: The study's documented claims.
    """
    records = read_records(plan, ledger)
    board = leaderboard(plan, records)
    drawn = drawings(plan, records, board)
    ranked = verdict_second(leaderboard_table(board))
    spoilt = flags(plan, board.rows, records)
    notes = folded([note for note in ranked.notes if note not in spoilt], plan.arms)
    ranked = replace(ranked, notes=tuple(notes))
    verdicts = judge(findings, plan, records)
    troubles = _troubles(plan, records)
    fields = table_html(_arms(plan), titled=False)
    sections = (
        Section("differences", "Differences to the baseline", drawn.get("differences", "")),
        Section("leaderboard", "Leaderboard", table_html(ranked) + table_html(seeds_table(board))),
        Section("over-steps", "Differences over the steps", drawn.get("over_steps", "")),
        Section("effects", "Main effects", table_html(effects_table(plan, records), titled=False)),
        Section("sampled", "Sampled values", drawn.get("sampled", "")),
        Section("curves", "Curves", drawn.get("curves", "") + _training(plan, records, board)),
        Section("pictures", "Pictures of the runs", gallery(plan, ledger, records)),
        Section("budgets", "Other budgets", table_html(budgets(plan, records), titled=False)),
        Section("findings", "Documented beside found", _findings(verdicts)),
        Section("arms", "What the arms differ in", fields + code_html(read_arm_codes(ledger))),
        Section("cost", "Cost", _bill(plan, records)),
        Section("cells", "Cells without a result", table_html(troubles, titled=False)),
        Section("provenance", "Code and machines", _provenance(plan, ledger, records)),
        Section("reproduce", "To reproduce", _reproduce(plan, ledger.sweep, records)),
    )
    top = _top(plan, ledger.sweep, board, records, claims(verdicts))
    return page(f"{plan.study}: {plan.question}", top, sections)


def drawings(plan: Plan, records: Records, board: Leaderboard, prefix: str = "") -> dict[str, str]:
    """The pictures as HTML by name; a prefix keeps those of several sweeps apart in one page."""
    drawn = pictures(plan, records, _WIDTH_IN, board)
    return {name: figure_html(prefix + name, picture) for name, picture in drawn.items()}


def _training(plan: Plan, records: Records, board: Leaderboard) -> str:
    """Curves of what runs report of training, folded."""
    drawn = training_pictures(plan, records, board, _WIDTH_IN)
    return folded_html(
        f"Reported in training: {', '.join(drawn)}",
        "\n".join(figure_html(name, picture) for name, picture in drawn.items()),
    )


def verdict_second(table: Table) -> Table:
    """The table with the verdict beside the arm, where a narrow window shows it."""
    to, at = table.columns.index("arm") + 1, table.columns.index("verdict")

    def moved(row: tuple[str, ...]) -> tuple[str, ...]:
        return (*row[:to], row[at], *row[to:at], *row[at + 1 :])

    rows = tuple(map(moved, table.rows))
    return replace(table, columns=moved(table.columns), rows=rows, widths=())


def _top(plan: Plan, sweep: str, board: Leaderboard, records: Records, claimed: str) -> str:
    """Question and answer, and what may spoil it."""
    less = "less" if plan.mode == "min" else "more"
    margin = "" if plan.margin is None else f"; differences within ±{plan.margin:g} do not matter"
    measure = f"Measured by {plan.metric}, {less} is better, at the end of each run{margin}."
    level = (
        f"± is half a t interval of differences paired by seed, at {100 * board.confidence:.4g} %, "
        "so that all comparisons together hold at 95 %; that of a mean holds at 95 % by itself."
    )
    spoilt = flags(plan, board.rows, records)
    flagged = f'<div class="flags">\n<p>Flags</p>\n{listed(spoilt)}\n</div>' if spoilt else ""
    size = f"{counted(len(plan.arms), 'arm')} x {counted(len(plan.seeds), 'seed')}"
    about = f"{plan.study}, sweep {sweep}, scale {plan.scale}: {size}, planned {plan.created[:10]}"
    return f"""<p class="dim">{escape(about)}</p>
<h1>{escape(plan.question)}</h1>
<div class="answer">
<p>{escape(headline(board))}</p>
{listed(answers(board))}
{f"<p>{escape(claimed)}</p>" if claimed else ""}
</div>
<p class="dim">{escape(measure)} {escape(level)}</p>
{flagged}"""


def budgets(plan: Plan, records: Records) -> Table:
    """A row per budget with its ranking, and the pairs of arms that stand otherwise at the end."""
    arms = read_arms(plan, records, None)
    found, unread = rankings(plan, arms, not mixed_machines(arms), QUARTERS)
    told = list(flips(plan, arms, found))
    rows = tuple(
        (
            ranking.budget,
            _some(ranking.order(plan.mode), " › "),
            _some([f"{f.ahead} › {f.behind}" for f in told if f.budget == ranking.budget], ", "),
        )
        for ranking in found
    )
    notes = ["exploratory: the study declared its end, and no interval corrects for further looks"]
    if len(arms) > MANY_ARMS:
        notes.append("pairs are looked at beside the baseline and among the ten best alone")
    notes += [] if told else ["no pair of arms whose order is decided changes places"]
    if unread:
        notes.append(f"not read at equal {', '.join(unread)}: not told by every cell, or not alike")
    columns = ("budget", "ranking, best mean first", "flips against the end, decided")
    return Table("Ranking at other budgets", columns, rows if rows[1:] else (), notes=tuple(notes))


def _some(texts: Sequence[str], mark: str) -> str:
    more = f"{mark}… ({len(texts)} in all)" if len(texts) > _MOST else ""
    return (mark.join(texts[:_MOST]) + more) or MISSING


def _findings(verdicts: Sequence[FindingVerdict]) -> str:
    """The documented numbers beside what the sweep says, then the sources."""
    tables = findings_tables(verdicts)
    sources = Table(
        "Where they are documented",
        ("finding", "documented", "source"),
        tuple((v.id, v.documented, v.source) for v in verdicts),
    )
    told = (*tables, beside_other_data(sources, verdicts))
    return "\n".join(map(table_html, told)) if tables else ""


def _arms(plan: Plan) -> Table:
    """The fields of the config in which arms differ; those that all share are in the plan."""
    configs = {cell.arm: cell.config for cell in reversed(plan.cells)}
    names = dict.fromkeys(name for config in configs.values() for name in config)
    values = {name: [_field(configs[arm], name) for arm in plan.arms] for name in names}
    differing = [name for name in names if name != "seed" and len(set(values[name])) > 1]
    rows = (
        (arm, *(values[name][index] for name in differing)) for index, arm in enumerate(plan.arms)
    )
    return Table("Fields", ("arm", *differing), tuple(rows) if differing else ())


def _field(config: Mapping[str, object], name: str) -> str:
    return json.dumps(config[name]) if name in config else MISSING


def _bill(plan: Plan, records: Records) -> str:
    """Nothing for recorded curves, whose cost is not known."""
    return "" if plan.is_recorded else table_html(_costs(plan, records), titled=False)


def _costs(plan: Plan, records: Records) -> Table:
    """What each arm's cells took, over all attempts."""
    own = {arm: [records[c.key] for c in cells] for arm, cells in plan.cells_of.items()}
    rows = [_cost(plan, arm, cells) for arm, cells in own.items()]
    rows.append(_cost(plan, "all", list(records.values())))
    columns = ("arm", " cells", " attempts", " worker hours", " GPU hours", " $")
    used = [i for i in range(len(columns)) if any(row[i] != MISSING for row in rows)]
    kept = tuple(tuple(row[i] for i in used) for row in rows)
    notes = tuple(shared_stems(records.values()))
    names = tuple(columns[i] for i in used)
    return Table("Cost", names, kept, frozenset({len(rows) - 1}), notes)


def _cost(plan: Plan, arm: str, records: Sequence[CellRecord]) -> tuple[str, ...]:
    hours = [h for h in map(gpu_hours, records) if h]
    price = dollars(sum(hours), plan.usd_per_gpu_hour)
    return (
        arm,
        str(len(records)),
        str(sum(record.attempts for record in records)),
        f"{sum(record.billed_s for record in records) / 3600:.3g}",
        f"{sum(hours):.3g}" if hours else MISSING,
        MISSING if price is None else f"{price:.2f}",
    )


def _troubles(plan: Plan, records: Records) -> Table:
    """Cells that failed, have not finished, or were found damaged."""
    told = [(cell, records[cell.key]) for cell in plan.cells]
    rows = tuple(
        (
            *(c.key, c.arm, str(c.seed), r.status, str(r.attempts)),
            *(resumes(plan, r) or MISSING, r.error or r.damage or MISSING),
        )
        for c, r in told
        if r.status != "finished" or r.damage
    )
    columns = ("cell", "arm", " seed", "status", " attempts", "resume", "error")
    return Table("Cells without a result", columns, rows)


def _provenance(plan: Plan, ledger: Ledger, records: Records) -> str:
    if plan.is_recorded:
        told = f"Imported from {plan.data}, SHA-256 {plan.data_digest}. Code and machines are not"
        origins = [r.start["imported"] for r in records.values() if "imported" in r.start]
        notes = dict.fromkeys(note for one in origins for note in one.get("notes", ()))
        return f"<p>{escape(told)} on record.</p>\n{listed(list(notes), 'notes')}"
    told = ledger.read_preflight()
    notes = (
        ["no trial of the arms is on record"]
        if told is None
        else told or ["every arm ran, read what it overrides, and differs from the others"]
    )
    data = f"{plan.data} (digest {plan.data_digest})" if plan.data else "the study's own"
    return (
        f"{table_html(code_and_machines(records), titled=False)}\n<p>Data: {escape(data)}.</p>\n"
        f"<p>Trial of the arms before the sweep:</p>\n{listed(notes)}"
    )


def _reproduce(plan: Plan, sweep: str, records: Records) -> str:
    """Commands that run the same cells; arms that are named with commas cannot be listed in one."""
    if plan.is_recorded:
        return f"<pre><code>{escape(_import_command(plan, sweep, records))}</code></pre>"
    codes = [r.start["code"] for r in records.values() if "code" in r.start]
    codes = [code for code in codes if code.get(SCRIPT) != ""] or codes  # no arm's own code
    commits = dict.fromkeys(code["commit"] for code in codes if code.get("commit"))
    lines = [f"git checkout {commit}" for commit in list(commits)[-1:]]
    words = ["ablate", "run", plan.study_file or plan.study, "--scale", plan.scale, "--name", sweep]
    if not any("," in arm for arm in plan.arms):
        words += ["--arms", ",".join(plan.arms)]
    seeds = plan.seeds[:3] if plan.max_seeds else plan.seeds
    words += ["--seeds", ",".join(map(str, seeds))]
    words += ["--data", plan.data] if plan.data else []
    words += ["--cpus-per-cell", f"{plan.cpus:g}"] if plan.cpus != 1 else []
    words += [] if plan.gpus is None else ["--gpus-per-cell", f"{plan.gpus:g}"]
    lines.append(shlex.join(words))
    if plan.max_seeds:
        lines.append(f"ablate resume {sweep} --until-decided --max-seeds {plan.max_seeds}")
    notes = ["cells ran on several commits; the last is named"] if len(commits) > 1 else []
    if plan.study_file and codes:
        digest = codes[-1]["study_sha256"][:12]
        code = f", SHA-256 {digest}... of its code" if plan.study_file.endswith(".py") else ""
        notes += [f"{Path(plan.study_file).name} is a file of its own{code}"]
    notes += ["the code differed from its commit"] if any(c.get("dirty") for c in codes) else []
    return f"<pre><code>{escape(chr(10).join(lines))}</code></pre>\n{listed(notes, 'notes')}"


def _import_command(plan: Plan, sweep: str, records: Records) -> str:
    """What makes the same sweep of the same source."""
    told = (r.start["imported"].get("command") for r in records.values() if "imported" in r.start)
    place, *options = next(filter(None, told), [plan.data])
    words = ["ablate", "import", place, "--name", sweep, "--metric", plan.metric]
    words += ["--mode", plan.mode, "--baseline", plan.baseline]
    words += [] if plan.margin is None else ["--margin", f"{plan.margin!r}"]
    return shlex.join([*words, *options])
