"""Every name and text reaches MLflow, told apart from those that MLflow would take for the same."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest
from conftest import wait_for
from tracked import METRIC, commit, dump, finish_all, make_sweep, query, runs, tags, values

from infra.ledger.ledger import Ledger
from infra.ledger.records import Point
from infra.study.plan import Cell, Plan
from infra.tracking.names import cut, mlflow_names, safe_name, verdict_names
from infra.tracking.tracking import Tracker, TrackerDown, sync
from infra.writeup.artifacts import verdict_tags

# Pairs that MLflow would take for one, as a user may write them.
ALIKE = [
    ("share>1", "share<1"),
    ("f1@5", "f1_5"),
    ("loss/a", "loss//a", "loss/./a"),
    ("a" * 260 + "x", "a" * 260 + "y", "a" * 250),
    ("", ".", "/", "_"),
    ("..", "./", "__"),
    ("p(x)", "p[x]", "p_x_"),
]


@pytest.fixture(scope="module")
def database(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("database") / "mlflow.db"


@pytest.fixture
def uri(database) -> str:
    return f"sqlite:///{database}"


def by_name(database: Path, study: str, run: str = "A s0") -> dict[tuple[str, int], float]:
    """Values by metric and step; one that is there twice fails."""
    found = values(database, study)
    assert set(found.values()) == {1}
    return {(name, step): value for of, name, step, value in found if of == run}


def put(ledger: Ledger, key: str, points: Sequence[Mapping[str, float]], number: int = 1) -> None:
    commit(ledger, key, [Point(10 * i, metrics) for i, metrics in enumerate(points)], number)


def with_arms(plan: Plan, ledger: Ledger, *arms: str, config: Mapping | None = None) -> Plan:
    cells = tuple(Cell(f"{i}-s0", arm, 0, config or {}) for i, arm in enumerate(arms))
    plan = replace(plan, cells=cells, baseline=arms[0])
    ledger.write_plan(plan)
    return plan


def test_names_that_fall_together_are_told_apart_whatever_their_order():
    for alike in ALIKE:
        names = mlflow_names(alike)
        assert len(set(names.values())) == len(alike)
        for order in permutations(alike):
            assert mlflow_names(order) == names
        for name, called in names.items():
            assert 0 < len(called) <= 250 and safe_name(called) == called
            assert called == name or safe_name(name) != name
            assert mlflow_names([name, "other"])[name] == safe_name(name)
    assert mlflow_names(["share>1", "share<1"])["share>1"] == "share_1_84b16b0a"


def test_name_that_looks_like_a_digest_keeps_itself():
    taken = mlflow_names(["share>1", "share<1"])["share>1"]
    names = mlflow_names(["share>1", "share<1", taken])
    assert names[taken] == taken and len(set(names.values())) == 3


def test_names_that_differ_in_case_are_told_apart_where_the_store_is_blind_to_it():
    pair = ("val/Loss", "val/loss")
    assert mlflow_names(pair) == dict(zip(pair, pair, strict=True))
    blind = mlflow_names([*pair, "val/naïve", "val/naive"], case_blind=True)
    assert len({name.lower() for name in blind.values()}) == 4
    assert mlflow_names(["val/Loss"], case_blind=True) == {"val/Loss": "val/Loss"}


def test_long_arms_have_verdicts_and_runs_of_their_own(tmp_path, database, uri):
    ledger, plan = make_sweep(tmp_path, "arms")
    long = "lr=0.001 " + "block.attention.dropout=0.1 " * 300
    arms = ("b>1", "b<1", "b", long + "x=1", long + "x=2", "c" * 242, "d" * 243, "Arm", "arm")
    plan = with_arms(plan, ledger, *arms)
    finish_all(ledger, plan)
    verdicts = verdict_tags(plan, ledger)
    assert len(verdicts) == len(arms)
    assert {"verdict.b", "verdict.Arm", "verdict.arm", "verdict." + "c" * 242} < set(verdicts)
    for _ in range(2):
        assert sync(ledger, plan, uri, verdicts=verdicts).cells == len(arms)
    held = tags(database, "arms", "sweep")
    assert verdicts.items() <= held.items()
    shown = runs(database, "arms")
    assert len(shown) == len(arms) + 1 and max(map(len, shown)) == 250
    of = "select distinct t.value from tags t where t.key = 'arm' and t.value like 'lr=0.001 %'"
    assert len(query(database, of)) == 2


def test_verdict_under_what_several_arms_would_share_is_taken_away(tmp_path, database, uri):
    ledger, plan = make_sweep(tmp_path, "grown")
    one = with_arms(plan, ledger, "A", "b>1")
    finish_all(ledger, one)
    sync(ledger, one, uri, verdicts=verdict_tags(one, ledger))
    assert "verdict.b_1" in tags(database, "grown", "sweep")
    two = with_arms(plan, ledger, "A", "b>1", "b<1")
    finish_all(ledger, two)
    sync(ledger, two, uri, verdicts=verdict_tags(two, ledger))
    said = {tag for tag in tags(database, "grown", "sweep") if tag.startswith("verdict.")}
    assert said == set(verdict_names(["A", "b>1", "b<1"]).values())


def test_params_that_fall_together_are_both_there(tmp_path, database, uri):
    ledger, plan = make_sweep(tmp_path, "params")
    config = {"k@1": 1, "k_1": 2, "k#1": 3, "rate": 0.5, "w" * 300: "v" * 7000, ".": 4}
    plan = with_arms(plan, ledger, "A", config=config)
    finish_all(ledger, plan)
    sync(ledger, plan, uri)
    of = "select p.key, p.value from params p join runs r using (run_uuid) where r.name = 'A s0' "
    study = "and r.experiment_id = (select experiment_id from experiments where name = 'params')"
    held = dict(query(database, of + study))
    assert held.pop("w" * 250).startswith("v" * 5900)
    assert held == {mlflow_names(config)[n]: str(v) for n, v in config.items() if len(n) < 9}
    assert held["k_1"] == "2" and held["rate"] == "0.5"


def test_metric_that_falls_together_with_an_earlier_one_leaves_both_right(tmp_path, database, uri):
    ledger, plan = make_sweep(tmp_path, "late", cells=2)
    old = [{METRIC: 1.0, "f1@5": 5.0}, {METRIC: 0.5, "f1@5": 6.0}]
    put(ledger, "A-s0", old)
    put(ledger, "B-s0", [{METRIC: 1.0, "p>1": 0.25}])
    sync(ledger, plan, uri)
    assert by_name(database, "late")["f1_5", 10] == 6.0
    assert by_name(database, "late", "B s0")["p_1", 0] == 0.25
    put(ledger, "A-s0", [*old, {METRIC: 0.25, "f1@5": 7.0, "f1_5": 7.0, "p<1": 0.75}])
    for _ in range(2):
        sync(ledger, plan, uri)
        held = by_name(database, "late")
        assert {held[mlflow_names(["f1@5", "f1_5"])["f1@5"], s] for s in (0, 10, 20)} == {5, 6, 7}
        assert [step for name, step in held if name == "f1_5"] == [20]
        names = mlflow_names(["p>1", "p<1"])
        assert held[names["p<1"], 20] == 0.75
        other = by_name(database, "late", "B s0")
        assert other[names["p>1"], 0] == 0.25 and ("p_1", 0) not in other
    before = dump(database)
    assert sync(ledger, plan, uri).new_values == 0
    assert dump(database) == before


def test_kept_run_in_which_one_metric_hid_another_is_replaced(tmp_path, database, uri):
    ledger, plan = make_sweep(tmp_path, "kept", cells=1)
    put(ledger, "A-s0", [{METRIC: 1.0, "f1_5": 5.0}, {METRIC: 0.5, "f1_5": 0.0}])
    sync(ledger, plan, uri)  # as if f1@5 had come first
    truth = [{"f1@5": 5.0, "f1_5": 7.0}, {"f1@5": 0.0, "f1_5": 0.0}]
    put(ledger, "A-s0", [{METRIC: 1.0 - i / 2, **more} for i, more in enumerate(truth)])
    sync(ledger, plan, uri)
    assert by_name(database, "kept")["f1_5", 0] == 7.0


def test_driver_names_a_metric_anew_when_another_cell_makes_it_ambiguous(tmp_path, database, uri):
    ledger, plan = make_sweep(tmp_path, "live", cells=2)
    plan = replace(plan, metric="acc@1", mode="max")
    tracker = Tracker(ledger, plan, uri)
    put(ledger, "A-s0", [{"acc@1": 0.5}])
    tracker.note("A-s0")
    wait_for(lambda: values(database, "live"), "the first cell")
    put(ledger, "B-s0", [{"acc@1": 0.25, "acc#1": 0.75}])
    tracker.note("B-s0")
    assert tracker.close(20), tracker.trouble
    names = mlflow_names(["acc@1", "acc#1"])
    assert by_name(database, "live") == {(names["acc@1"], 0): 0.5}
    other = {(names["acc@1"], 0): 0.25, (names["acc#1"], 0): 0.75}
    assert by_name(database, "live", "B s0") == other
    shown = "select value from experiment_tags where value like '%searchFilter%' "
    of = "and experiment_id = (select experiment_id from experiments where name = 'live')"
    assert f"metrics.`{names['acc@1']}`" in query(database, shown + of)[0][0]


def test_refused_cell_is_told_and_holds_up_neither_the_others_nor_the_verdicts(
    tmp_path, database, uri
):
    ledger, plan = make_sweep(tmp_path, "refused")
    finish_all(ledger, plan)
    commit(ledger, "A-s0", [Point(2**70, {METRIC: 1.0})], number=2)
    told = r"refuses A-s0: .*too large.*; 3 cells are there; .*`ablate sync sweep` again"
    with pytest.raises(TrackerDown, match=told) as error:
        sync(ledger, plan, uri, verdicts={"verdict.B": "worse"})
    assert "\n" not in str(error.value)
    assert set(runs(database, "refused")) == {"sweep", "B s0", "A s1", "B s1"}
    assert tags(database, "refused", "sweep")["verdict.B"] == "worse"
    tracker = Tracker(ledger, plan, uri)
    tracker.log_artifacts(tmp_path / "sweep", {"verdict.B": "better"})
    assert not tracker.close(4)
    assert tags(database, "refused", "sweep")["verdict.B"] == "better"
    assert "refuses A-s0" in tracker.trouble


def test_text_is_cut_with_the_digest_of_all_of_it():
    assert cut("as it is", 8) == "as it is"
    one, two = cut("x" * 99 + "1", 50), cut("x" * 99 + "2", 50)
    assert len(one) == len(two) == 50 and one != two and one.startswith("x" * 38 + "... ")
