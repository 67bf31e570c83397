"""Several sweeps as one page: who ranks where, then each sweep's own answer, pictures and board."""

from collections.abc import Mapping
from html import escape

from infra.answer.board import Leaderboard
from infra.answer.compare import leaderboard
from infra.answer.index import read_records
from infra.errors import Refused
from infra.ledger.ledger import Ledger
from infra.study.plan import Plan
from infra.words import joined
from infra.writeup.page import Section, listed, page, table_html
from infra.writeup.report import Records, drawings, verdict_second
from infra.writeup.sentences import answers, headline
from infra.writeup.several import several_table
from infra.writeup.tables import leaderboard_table

_SHOWN = ("differences", "over_steps", "sampled", "curves")


def several_page(sweeps: Mapping[str, tuple[Plan, Ledger]]) -> str:
    """The page of these sweeps, by name; verdicts stay those of each sweep."""
    records = {name: read_records(plan, ledger) for name, (plan, ledger) in sweeps.items()}
    plans = {name: plan for name, (plan, _) in sweeps.items()}
    boards = {name: leaderboard(plan, records[name]) for name, plan in plans.items()}
    sections = [Section("together", "All sweeps", _together(boards))]
    sections += [
        Section(f"sweep-{place}", name, _sweep(f"s{place}-", plan, records[name], boards[name]))
        for place, (name, plan) in enumerate(plans.items())
    ]
    names = joined(plans)
    about = "Each verdict is that of its own sweep, against its own baseline; ablate report NAME"
    top = f'<h1>{escape(names)}</h1>\n<p class="dim">{about} has more of each.</p>'
    return page(names, top, sections)


def _together(boards: Mapping[str, Leaderboard]) -> str:
    """All arms by their means, where the sweeps ask about the same; else why they are not."""
    try:
        return table_html(verdict_second(several_table(boards)))
    except Refused as error:
        return f"<p>Not ranked together: {escape(str(error))}.</p>"


def _sweep(prefix: str, plan: Plan, records: Records, board: Leaderboard) -> str:
    drawn = drawings(plan, records, board, prefix)
    said = (
        f'<div class="answer">\n<p>{escape(plan.question)} {escape(headline(board))}</p>\n'
        f"{listed(answers(board))}\n</div>"
    )
    shown = (drawn[name] for name in _SHOWN if name in drawn)
    return "\n".join([said, table_html(verdict_second(leaderboard_table(board))), *shown])
