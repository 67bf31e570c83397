"""Pictures of runs in the report: the newest of each arm, folded, as data, and not too many."""

from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import pytest
from made_up import made_up
from pictured import png
from test_report import Page

from infra.ledger.ledger import Ledger
from infra.ledger.points import Points
from infra.study.plan import Plan
from infra.writeup import gallery
from infra.writeup.report import report

ODD = '<b>&"_x'


@pytest.fixture
def sweep(tmp_path: Path) -> tuple[Plan, Ledger]:
    values = {"plain": [1.0, 1.1, 1.2], ODD: [0.9, 1.2, 1.3], "blind": [1.1, 1.3, 1.4]}
    plan, ledger = made_up(tmp_path, values)
    for arm, seeds in (("plain", (0, 1)), (ODD, (2,))):
        for seed in seeds:
            show(plan, ledger, arm, seed)
    return plan, ledger


def show(plan: Plan, ledger: Ledger, arm: str, seed: int) -> None:
    [cell] = [cell for cell in plan.cells_of[arm] if cell.seed == seed]
    commit = ledger.record(cell.key).commit
    assert commit
    paths = [
        ledger.write_picture(cell.key, commit.attempt, name, step, png(seed + step))
        for step in (20, 40)
        for name in ("graph", "heat")
    ]
    points = ledger.read_points(cell.key, commit)
    ledger.write_commit(cell.key, replace(commit, pictures=paths), None, Points(points))


def data(shade: int) -> str:
    return f"data:image/png;base64,{b64encode(png(shade)).decode()}"


def test_the_newest_pictures_of_each_arms_first_seed_stand_beside_each_other(sweep) -> None:
    plan, ledger = sweep
    html = report(plan, ledger, [])
    page = Page(html)
    images = [attributes for tag, attributes in page.elements if tag == "img"]
    assert [i["src"] for i in images] == [data(40), data(42), data(40), data(42)]
    assert [i["alt"] for i in images] == [
        f"{name}: {whose}, step 40"
        for name in ("graph", "heat")
        for whose in ("plain, seed 0", f"{ODD}, seed 2")
    ]
    parts = [attributes for tag, attributes in page.elements if tag == "details"]
    assert ["open" in part for part in parts] == [True, False]
    policy = [a["content"] for t, a in page.elements if "http-equiv" in a]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    assert report(plan, ledger, []) == html


def test_pictures_beyond_the_bound_or_gone_are_named_and_not_shown(sweep, monkeypatch) -> None:
    plan, ledger = sweep
    monkeypatch.setattr(gallery, "MOST_BYTES", 2 * len(png(40)) + 5)
    page = Page(report(plan, ledger, []))
    assert sum(tag == "img" for tag, _ in page.elements) == 2
    assert f"Not shown, 2 pictures beyond {gallery.MOST_BYTES} bytes or gone" in page.text
    for path in Path(ledger.storage.uri).rglob("graph-000000040.png"):
        path.unlink()
    page = Page(report(plan, ledger, []))
    assert [a["alt"] for t, a in page.elements if t == "img"] == [
        "heat: plain, seed 0, step 40", f"heat: {ODD}, seed 2, step 40",
    ]  # fmt: skip


def test_a_sweep_without_pictures_has_no_part_for_them(tmp_path: Path) -> None:
    plan, ledger = made_up(tmp_path, {"plain": [1.0, 1.1], "other": [1.2, 1.0]})
    html = report(plan, ledger, [])
    assert 'id="pictures"' not in html and "img-src" not in html
