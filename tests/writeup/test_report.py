"""The report as a browser gets it, and the table as LaTeX gets it."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from conftest import LINE
from made_up import CODE, METRIC, falling, made_up

from infra.answer.compare import leaderboard
from infra.answer.findings import judge
from infra.cli.parser import build_parser
from infra.cli.read import report as command
from infra.errors import DONE
from infra.ledger.records import Point
from infra.writeup.artifacts import verdict_tags, write_artifacts
from infra.writeup.latex import latex, narrow
from infra.writeup.report import budgets, report, write_report
from infra.writeup.sentences import answers, claims, headline
from infra.writeup.tables import Table, leaderboard_table
from search_spaces.space import Finding

ODD = '<b>&"_x$%'
VALUES = {
    "plain": [1.0, 1.1, 1.2, 1.05],
    "heavy": [1.2, 1.31, 1.38, 1.27],
    "light": [0.9, 1.25, 1.1, 1.06],
    ODD: [1.0, 1.3, "failed", "interrupted"],
}
FALLS = Finding(
    id="X-1", tag="REPO", statement="Plain falls below <3>.", source="https://else.where/a?b&c",
    documented="1.02 & .98", scales=("lab",), holds=lambda view: view.final("plain", METRIC) < 3,
)  # fmt: skip
BEATS = Finding(
    id="X-2", tag="REPO", statement="Heavy beats plain.", source="nowhere", documented="",
    scales=("lab",), holds=lambda view: view.final("heavy", METRIC) < view.final("plain", METRIC),
)  # fmt: skip
VOID = {"meta", "br", "link", "img", "input", "hr", "base", "source"}


class Page(HTMLParser):
    """Elements with attributes, the text shown, and ids; tags must be closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


@pytest.fixture
def html(tmp_path: Path) -> str:
    plan, ledger = made_up(tmp_path, VALUES, margin=0.02, gpus=0.5, usd_per_gpu_hour=3.0)
    return report(plan, ledger, [FALLS, BEATS])


def test_page_loads_and_runs_nothing(html: str) -> None:
    page = Page(html)
    assert not {"script", "link", "img", "iframe", "base", "form"} & {t for t, _ in page.elements}
    for tag, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes), tag
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            assert attributes.get(name, "#").startswith("#"), (tag, attributes)
    assert not re.search(r"url\((?!#)|@import|@font-face", html)
    policy = [a["content"] for t, a in page.elements if "http-equiv" in a]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]
    assert set(re.findall(r"https?://[^\s<\"]*", html)) == {"https://else.where/a?b&amp;c"}


def test_every_link_and_clip_of_the_page_leads_to_one_id(html: str) -> None:
    page = Page(html)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [a["href"][1:] for _, a in page.elements if "href" in a]
    assert links
    assert {*links, *re.findall(r"url\(#([^)]*)\)", html)} <= set(ids)


def test_names_are_shown_as_they_are(html: str) -> None:
    assert "<b>" not in html
    text = Page(html).text
    assert f"{ODD} is undecided" in text
    assert text.count(ODD) > 6  # in the pictures too
    assert "Plain falls below <3>." in text


def test_page_answers_the_question_on_top(html: str) -> None:
    text = Page(html).text
    told = (
        "Does it?",
        "Of 3 arms compared to plain, 1 is worse and 2 are undecided. Still unfinished: 1 of 16",
        "plain, the baseline, reaches 1.09 ± 0.14 (4 seeds).",
        "heavy is worse than plain by 0.202 ± 0.041 (4 seeds).",
        "light is undecided: a difference of −0.01 ± 0.29 (4 seeds); the interval",
        "Documented claims that this sweep judges: 1 reproduced, 1 refuted.",
        "cell 3-s2 failed: FloatingPointError: nan",
        "Differences to the baseline",
    )
    places = [text.index(part) for part in told]
    assert places[-1] == max(places)


def test_page_has_every_part(html: str) -> None:
    text = Page(html).text
    for part in (
        "where seeds share one evaluation set",
        "val/loss_nats by seed",
        "ranking, best mean first",
        "1.02 & .98",
        "holds in none of 4 seeds",
        "https://else.where/a?b&c",
        "worker hours",
        "interrupted",
        "c0ffee (16 cells)",
        "no trial of the arms is on record",
        "ablate run line --scale lab --name sweep --arms",
        "--seeds 0,1,2,3",
    ):
        assert part in text, part
    assert html.count('<svg role="img"') == 3


def test_trial_of_the_arms_is_told(tmp_path: Path) -> None:
    plan, ledger = made_up(tmp_path, {"A": [1, 2], "B": [2, 1]})
    ledger.write_preflight(["arm 'B': <does> not read x"])
    assert "arm 'B': <does> not read x" in Page(report(plan, ledger, ())).text
    ledger.write_preflight([])
    assert "every arm ran, read what it overrides" in Page(report(plan, ledger, ())).text


def test_same_ledger_gives_the_same_page(tmp_path: Path) -> None:
    plan, ledger = made_up(tmp_path, VALUES)
    one, two = (write_report(plan, ledger, [FALLS], tmp_path / n / "r.html") for n in "ab")
    assert one.read_bytes() == two.read_bytes()
    assert [p.name for p in one.parent.iterdir()] == ["r.html"]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"A": ["pending"], "B": ["pending"]}, "A, the baseline, has no finished cell."),
        ({"A": [1.0, 2.0, 3.0]}, "One arm alone, A: there is nothing to compare."),
        ({"A": ["failed"], "B": [1.0]}, "'A' has no finished cell"),
        ({"A": [1.0], "B": [1.5]}, "(1 seed); n = 1 paired seeds, a verdict needs 3."),
    ],
)
def test_page_of_a_sweep_with_little_in_it(tmp_path: Path, values, told: str) -> None:
    text = Page(report(*made_up(tmp_path, values), ())).text
    assert told in text
    assert "Documented beside found" not in text
    assert "To reproduce" in text


def test_many_arms_and_a_sequential_sweep(tmp_path: Path) -> None:
    values = {f"arm {i},x={'y' * 9}": [1.0 + i, 2.0 + i, 1.5 + i] for i in range(11)}
    values[r"_$\frac$ $"] = [3.0, 4.0, 5.0]  # no formula, and no reason to fail
    text = Page(report(*made_up(tmp_path, values, max_seeds=5), ())).text
    assert text.count(r"_$\frac$ $") > 6
    assert "(12 in all)" in text
    assert "--arms" not in text  # a comma would split their names
    assert "ablate resume sweep --until-decided --max-seeds 5" in text


def test_answers_name_what_failed_and_what_is_equivalent(tmp_path: Path) -> None:
    values = {"A": [1.0, 2.0, 3.0, 4.0], "B": [1.001, 2.002, 3.001, 4.002]}
    values["C"] = [2.0, 3.01, 4.02, "failed"]
    plan, ledger = made_up(tmp_path, values, margin=0.1)
    board = leaderboard(plan, ledger.records())
    assert headline(board) == "Of 2 arms compared to A, 1 is worse and 1 is equivalent."
    baseline, same, worse = answers(board) if board.rows[1].arm == "B" else answers(board)
    assert "4 seeds" in baseline
    assert "B is equivalent to A: +0.0015 ± 0.0012 lies inside the margin ±0.1 (4 seeds)." in (
        same, worse)  # fmt: skip
    assert any(t.endswith("; 1 of 4 cells of 'C' failed.") for t in (same, worse))
    assert claims(judge((), plan, ledger.records())) == ""


def crossing(arm: str, seed: int, value: float) -> list[Point]:
    """B trains twice as slowly, is worse than A midway and better at the end."""
    extra = {"A": 0.0, "B": 0.5}[arm]
    return [
        Point(
            p.step,
            {**p.metrics, METRIC: p.metrics[METRIC] + (extra if p.step < 40 else 0.0),
             "perf/train_s": p.metrics["perf/train_s"] * (1 + 2 * extra)},
        )
        for p in falling(arm, seed, value)
    ]  # fmt: skip


def wobbling(arm: str, seed: int, value: float) -> list[Point]:
    """B is worse than A midway by less than seeds differ."""
    extra = 0.2 if arm == "B" else 0.0
    return [
        Point(p.step, {**p.metrics, METRIC: p.metrics[METRIC] + (extra if p.step < 40 else 0.0)})
        for p in falling(arm, seed, value)
    ]


def test_ranking_at_other_budgets_says_where_it_flips(tmp_path: Path) -> None:
    values = {"A": [1.0, 1.1, 1.2], "B": [0.9, 1.01, 1.09]}
    plan, ledger = made_up(tmp_path, values, points=crossing)
    table = budgets(plan, ledger.records())
    told = [row[0] for row in table.rows]
    assert told[:4] == ["the end", "steps=10", "steps=20", "steps=30"]
    assert told[4:] and all(budget.startswith("seconds=") for budget in told[4:])
    assert table.rows[0] == ("the end", "B › A", "-")
    assert table.rows[1] == ("steps=10", "A › B", "A › B")
    assert table.notes[0].startswith("exploratory")
    assert table.notes[1].startswith("not read at equal tokens, flops, dollars")


def test_arms_that_nothing_tells_apart_flip_nowhere(tmp_path: Path) -> None:
    values = {"A": [1.0, 1.1, 1.2], "B": [0.9, 1.35, 0.8]}
    plan, ledger = made_up(tmp_path, values, points=wobbling)
    table = budgets(plan, ledger.records())
    assert {row[1] for row in table.rows} == {"A › B", "B › A"}
    assert {row[2] for row in table.rows} == {"-"}
    assert "no pair of arms whose order is decided changes places" in table.notes


def test_flip_of_arms_that_are_not_comparable_is_no_flip(tmp_path: Path) -> None:
    def starts(arm: str, seed: int) -> dict[str, Any]:
        return {"code": {**CODE, "package_digest": arm}}

    values = {"A": [1.0, 1.1, 1.2], "B": [0.9, 1.01, 1.09]}
    plan, ledger = made_up(tmp_path, values, points=crossing, starts=starts)
    assert {row[2] for row in budgets(plan, ledger.records()).rows} == {"-"}


def test_leaderboard_and_report_tell_the_same_flips_at_equal_amounts(tmp_path: Path) -> None:
    values = {"A": [1.0, 1.1, 1.2], "B": [0.9, 1.01, 1.09]}
    plan, ledger = made_up(tmp_path, values, points=crossing)
    records = ledger.records()
    told = [n for n in leaderboard(plan, records).notes if "flips" in n]
    [flipped] = [row for row in budgets(plan, records).rows if row[0] == "seconds=10"]
    assert flipped[2] == "A › B"
    assert [note.partition(";")[0] for note in told] == [
        "the ranking flips: A is ahead of B at seconds=10 and behind at the end"
    ]


def test_axis_that_nobody_reports_is_named(tmp_path: Path) -> None:
    def bare(arm: str, seed: int, value: float) -> list[Point]:
        return [Point(p.step, {METRIC: p.metrics[METRIC]}) for p in falling(arm, seed, value)]

    plan, ledger = made_up(tmp_path, {"A": [1, 2], "B": [2, 1]}, points=bare)
    notes = budgets(plan, ledger.records()).notes
    assert any("examples, tokens, flops, seconds, dollars: not told" in note for note in notes)


def test_latex_is_a_booktabs_table_with_every_sign_escaped(tmp_path: Path) -> None:
    values = {"A_1 50% & #{x}": [1.0, 2.0, 3.0], "1e5": [0.5, 1.51, 2.5]}
    plan, ledger = made_up(tmp_path, values)
    text = latex(leaderboard_table(leaderboard(plan, ledger.records())), "tab:a_b")
    assert r"A\_1 50\% \& \#\{x\} & 3/3 & $2.0 \pm 2.5$ & $1.0$ & -- & baseline \\" in text
    assert r"\textbf{\boldmath 1e5} & \textbf{\boldmath 3/3}" in text  # a name stays a name
    assert r"\label{tab:a-b}" in text
    assert text.index(r"\toprule") < text.index(r"\midrule") < text.index(r"\bottomrule")
    assert re.search(r"\\begin\{tabular\}\{lrrrrl\}", text)
    bare = re.sub(r"\\[&%$#_{}]", "", text.split(r"\midrule")[1].split(r"\bottomrule")[0])
    assert not re.search(r"[%#_±]", bare)
    for line in bare.strip().splitlines():
        assert line.count("&") == 5
    assert text.count(r"\begin{") == text.count(r"\end{")


def test_a_long_column_becomes_notes_on_a_page() -> None:
    table = Table("T", ("arm", " x", "note", " $"), (("A", "1", "late", "2"), ("B", "3", "-", "4")))
    slim = narrow(table)
    assert slim.columns == ("arm", " x", " $") and slim.rows == (("A", "1", "2"), ("B", "3", "4"))
    assert slim.notes == ("A: late",) and narrow(slim) == slim


def test_a_page_notes_once_what_is_so_of_several_arms_and_no_verdict_again(tmp_path: Path) -> None:
    values = {"A": [1.0, 1.1, 1.2], "B": [1.1, 1.0, 1.3], "C": [1.4, 1.2, 1.1]}
    plan, ledger = made_up(tmp_path, {**values, "D": [2.0, 2.1, "failed"]})
    notes = narrow(leaderboard_table(leaderboard(plan, ledger.records()))).notes
    told = [note for note in notes if "would decide" in note]
    assert len(told) == 1 and told[0].startswith("B and C: if mean and spread stayed")
    assert not any("the interval contains 0" in note for note in notes)
    assert "D: n = 2 paired seeds, a verdict needs 3; 1 of 3 cells of the arm failed" in notes


def test_a_negative_number_has_a_true_minus_on_the_page_and_a_name_keeps_its_own(
    tmp_path: Path,
) -> None:
    plan, ledger = made_up(tmp_path, {"A": [1.0, 1.1, 1.2], "lr=-1": [0.8, 0.91, 1.0]})
    html = report(plan, ledger, ())
    assert ">\u22120.197 ± 0.014<" in html and "-0.197" not in html
    assert "lr=-1 is better" in html and "lr=\u22121" not in html
    table = re.search(r"<thead>.*?</thead>", html, re.S)
    assert table and re.findall(r">([^<>]+)</th>", table[0])[:2] == ["arm", "verdict"]


def test_latex_numbers_and_awkward_text() -> None:
    table = Table("T", ("a", " b"), (("[x] ~^\\", "(1.2 ± 0.3)e-07"), ("-", "-1.5e-05")))
    text = latex(table, "t")
    assert r"$(1.2 \pm 0.3) \times 10^{-7}$" in text
    assert r"$-1.5 \times 10^{-5}$" in text
    assert r"{}[x] \textasciitilde{}\textasciicircum{}\textbackslash{} &" in text


def run(tmp_path: Path, to: Path) -> int:
    made_up(tmp_path, {"A": [1.0], "B": [2.0]})
    words = ["report", "sweep", "--to", str(to), "--storage", str(tmp_path / "runs")]
    return command({"line": LINE}, build_parser({}).parse_args(words))


def test_command_writes_the_file_and_prints_its_name(tmp_path: Path, capsys) -> None:
    to = tmp_path / "new" / "report.html"
    assert run(tmp_path, to) == DONE
    assert capsys.readouterr().out == f"{to}\n"
    assert to.read_text().startswith("<!DOCTYPE html>")


def test_target_that_cannot_be_written_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for to in (tmp_path / "file" / "r.html", tmp_path):
        with pytest.raises(ValueError, match="must be a file that can be written") as error:
            run(tmp_path, to)
        assert "\n" not in str(error.value)
        assert f".{to.name}." not in str(error.value)  # the name of a temporary file


def test_report_is_among_the_artifacts_of_a_sweep(tmp_path: Path) -> None:
    plan, ledger = made_up(tmp_path, VALUES)
    write_artifacts(plan, ledger, [FALLS], tmp_path / "out")
    tags = verdict_tags(plan, ledger)
    assert tags["verdict.plain"].startswith("baseline; n 4 of 4; mean ")
    assert "minus baseline" in tags["verdict.heavy"] and " at 98." in tags["verdict.heavy"]
    assert (tmp_path / "out/report.html").read_text() == report(plan, ledger, [FALLS])
    assert (tmp_path / "out/leaderboard.tex").exists()
