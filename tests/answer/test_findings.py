"""What a sweep says of documented claims."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from made_up import METRIC, made_up

from infra.answer.compare import leaderboard
from infra.answer.findings import FindingVerdict, FinishedSeed, judge
from infra.ledger.records import CellRecord
from infra.study.plan import Plan
from infra.writeup.export import export
from infra.writeup.report import report
from infra.writeup.tables import findings_tables, markdown, plain
from search_spaces.space import Claim, Finding

VALUES = {"A": [1.0, 2.0, 3.0], "B": [0.5, 2.5, 2.0], "C": [2.0, 3.0, "failed"]}


def claim(holds=None, *, scales: tuple[str, ...] = ("lab",), needs: str = "") -> Finding:
    return Finding(
        id="X-1", tag="REPO", statement="B beats A.", source="nowhere", documented="0.5 against 1",
        scales=scales, holds=holds, needs=needs,
    )  # fmt: skip


@pytest.fixture
def sweep(tmp_path: Path) -> tuple[Plan, dict[str, CellRecord]]:
    plan, ledger = made_up(tmp_path, VALUES)
    return plan, ledger.records()


def verdict_of(sweep, finding: Finding) -> FindingVerdict:
    return judge([finding], *sweep)[0]


def test_claim_that_holds_in_all_seeds_is_reproduced(sweep) -> None:
    verdict = verdict_of(sweep, claim(lambda v: v.final("A", METRIC) < 4))
    assert (verdict.verdict, verdict.reason) == ("reproduced", "holds in all 3 seeds")
    assert [outcome.holds for outcome in verdict.seeds] == [True, True, True]


def test_claim_that_holds_in_no_seed_is_refuted(sweep) -> None:
    verdict = verdict_of(sweep, claim(lambda v: v.final("A", METRIC) > 4))
    assert (verdict.verdict, verdict.reason) == ("refuted", "holds in none of 3 seeds")


def test_claim_that_holds_in_some_seeds_is_undecided(sweep) -> None:
    verdict = verdict_of(sweep, claim(lambda v: v.final("B", METRIC) < v.final("A", METRIC)))
    assert (verdict.verdict, verdict.reason) == ("undecided", "holds in 2 of 3 seeds")
    assert [outcome.holds for outcome in verdict.seeds] == [True, False, True]


def test_claim_is_not_settled_by_fewer_than_three_seeds(tmp_path: Path) -> None:
    plan, ledger = made_up(tmp_path, {"A": [1.0, 2.0]})
    for holds in (lambda v: v.final("A", METRIC) < 4, lambda v: 4 - v.final("A", METRIC)):
        verdict = judge([claim(holds)], plan, ledger.records())[0]
        assert verdict.verdict == "undecided"
        assert "a verdict needs 3" in verdict.reason


FIVE = {"A": [1.0, 2.0, 3.0, 4.0, 5.0], "B": [0.5, 1.48, 2.51, 3.5, 4.49]}


def beats(one: str, two: str):
    return lambda v: v.final(two, METRIC) - v.final(one, METRIC)


@pytest.mark.parametrize(
    ("one", "two", "verdict"), [("B", "A", "reproduced"), ("A", "B", "refuted")]
)
def test_claim_that_says_by_how_much_is_judged_by_its_interval(
    tmp_path: Path, one: str, two: str, verdict: str
) -> None:
    plan, ledger = made_up(tmp_path, FIVE)
    judged = judge([claim(beats(one, two))], plan, ledger.records())[0]
    row = leaderboard(plan, ledger.records()).rows[0]
    assert row.difference and row.difference.interval
    assert judged.verdict == verdict
    low, high = sorted(abs(end) for end in row.difference.interval)
    assert f"{low:.3g}" in judged.reason and f"{high:.3g}" in judged.reason


def test_claim_that_holds_in_all_seeds_by_chance_is_undecided(tmp_path: Path) -> None:
    values = {"A": [1.0, 2.0, 3.0], "B": [0.99, 1.5, 2.9]}
    plan, ledger = made_up(tmp_path, values)
    judged = judge([claim(beats("B", "A"))], plan, ledger.records())[0]
    assert judged.verdict == "undecided"
    assert judged.seeds_text == "3/3"
    assert judged.reason.startswith("holds in 3 of 3 seeds, by 0.203 on the mean, -0.445 to 0.851")


def test_claims_that_compare_arms_share_the_error(tmp_path: Path) -> None:
    plan, ledger = made_up(tmp_path, FIVE)
    one = judge([claim(beats("B", "A"))], plan, ledger.records())[0]
    many = judge([claim(beats("B", "A"))] * 40, plan, ledger.records())[0]
    assert one.reason != many.reason


def test_claim_is_judged_alone_whatever_another_one_or_it_itself_reads_besides(
    tmp_path: Path,
) -> None:
    def also_reads_parameters(view):
        view.final("A", "train/parameters")
        return beats("B", "A")(view)

    plan, ledger = made_up(tmp_path, FIVE)
    records = {
        key: replace(record, points=tuple(
            replace(p, metrics={**p.metrics, "train/parameters": 1e12}) for p in record.points
        ))
        for key, record in ledger.records().items()
    }  # fmt: skip
    claims = [claim(beats("B", "A")), claim(also_reads_parameters)] * 2
    assert {told.verdict for told in judge(claims, plan, records)} == {"reproduced"}


def test_rounding_decides_nothing_whatever_small_number_of_one_arm_a_claim_reads_besides(
    tmp_path: Path,
) -> None:
    def also_reads_a_rate(view):
        view.final("A", "val/top1")  # .5 beside losses of 9
        return beats("B", "A")(view)

    ulp = 2.0**-20
    values = {"A": [9.0] * 5, "B": [9.0 - n * ulp for n in (1, 2, 1, 2, 1)]}
    plan, ledger = made_up(tmp_path, values)
    assert judge([claim(also_reads_a_rate)], plan, ledger.records())[0].verdict == "undecided"


def test_claim_by_how_much_about_a_crashed_cell_stays_open(sweep) -> None:
    verdict = verdict_of(sweep, claim(beats("A", "C")))
    assert verdict.verdict == "undecided"
    assert verdict.reason.endswith("arm 'C', seed 2: failed")


def test_claim_about_a_cell_that_crashed_is_not_settled_by_the_other_seeds(sweep) -> None:
    verdict = verdict_of(sweep, claim(lambda v: v.final("C", METRIC) > v.final("A", METRIC)))
    assert verdict.verdict == "undecided"
    assert verdict.reason == "holds in 2 of 2 seeds so far; arm 'C', seed 2: failed"
    assert [o.holds for o in verdict.seeds] == [True, True, None]
    assert verdict_of(sweep, claim(lambda v: v.final("A", METRIC) < 4)).verdict == "reproduced"


def test_claim_of_another_scale_is_not_comparable(sweep) -> None:
    verdict = verdict_of(sweep, claim(lambda v: True, scales=("paper",), needs="8 GPUs"))
    assert verdict.verdict == "not comparable"
    assert verdict.reason == "judged at scale paper, not at lab; needs 8 GPUs"
    assert verdict.seeds == ()


@pytest.mark.parametrize(
    ("holds", "reason"),
    [
        (lambda v: v.final("D", METRIC) > 0, "arm 'D', seed 0: is not in the sweep, only A, B, C"),
        (lambda v: v.final("A", "val/fid") > 0, "no metric 'val/fid' at step 40, only perf"),
        (lambda v: v.at("A", METRIC, 7) > 0, "has no point at step 7, only at 0, 10, 20, 30, 40"),
        (lambda v: bool(v.curve("A", "val/fid")), "has no metric 'val/fid', only"),
        (lambda v: v.config("A", "depth") > 0, "no config field 'depth', only rate, optim.kind"),
    ],
)  # fmt: skip
def test_claim_about_what_the_sweep_lacks_is_not_comparable(sweep, holds, reason: str) -> None:
    verdict = verdict_of(sweep, claim(holds))
    assert verdict.verdict == "not comparable"
    assert reason in verdict.reason
    assert verdict.seeds_text == "-"


def test_claim_without_predicate_is_not_run_and_says_what_it_needs(sweep) -> None:
    verdict = verdict_of(sweep, claim(needs="the LIDC annotations"))
    assert (verdict.verdict, verdict.reason) == ("not run", "needs the LIDC annotations")


def test_claim_without_finished_seeds_is_not_run(tmp_path: Path) -> None:
    plan, ledger = made_up(tmp_path, {"A": ["interrupted", "pending"]})
    verdict = judge([claim(lambda v: v.final("A", METRIC) > 0)], plan, ledger.records())[0]
    assert verdict.verdict == "not run"
    assert verdict.reason == "no finished seeds; arm 'A', seed 0: interrupted"


@pytest.mark.parametrize(
    ("scale", "words"),
    [("math", ["reproduced", "refuted"]), ("record", ["consistent", "inconsistent"])],
)
def test_arithmetic_and_records_are_judged_without_a_sweep(
    tmp_path: Path, scale: str, words: list[str]
) -> None:
    plan, ledger = made_up(tmp_path, {"A": ["pending"]})
    claims = [
        claim(lambda view: view is None, scales=(scale,)),
        claim(lambda _: False, scales=(scale,)),
    ]
    verdicts = judge(claims, plan, ledger.records())
    assert [v.verdict for v in verdicts] == words


def test_view_gives_values_curves_and_configs_of_its_own_seed(sweep) -> None:
    view = FinishedSeed(*sweep, 1)
    assert view.final("A", METRIC) == 2.0
    assert view.at("A", METRIC, 20) == 4.0
    assert view.curve("A", "train/examples") == [(10, 40), (20, 80), (30, 120), (40, 160)]
    assert (view.config("B", "rate"), view.config("B", "seed")) == (0.1, 1)


@pytest.mark.parametrize(
    ("holds", "text"),
    [
        (lambda v: v.curve("A", METRIC)[99][1] > 1, "IndexError: "),
        (lambda v: {}["x"], "KeyError: "),
    ],
)
def test_predicate_that_breaks_is_an_error_that_names_its_finding(sweep, holds, text: str) -> None:
    with pytest.raises(ValueError, match=f"finding X-1: .*{text}") as error:
        verdict_of(sweep, claim(holds))
    assert "\n" not in str(error.value)


def test_a_ratio_to_nothing_is_what_the_data_say_and_stops_no_other_finding(sweep) -> None:
    verdict = verdict_of(sweep, claim(lambda v: v.final("A", METRIC) / 0 > 1))
    assert verdict.verdict in ("undecided", "not comparable")
    assert "ZeroDivisionError" in verdict.reason


def test_predicate_that_forgets_its_answer_is_not_taken_for_a_no(sweep) -> None:
    with pytest.raises(
        ValueError, match="X-1: .* must answer True or False, or by how much, got None"
    ):
        verdict_of(sweep, claim(lambda v: None))


def test_numpy_bools_are_answers(sweep) -> None:
    import numpy as np

    verdict = verdict_of(sweep, claim(lambda v: np.mean(v.final("A", METRIC)) > 0))
    assert verdict.verdict == "reproduced"


def test_verdicts_are_plain_json_with_their_schema(sweep) -> None:
    raw = json.loads(json.dumps(verdict_of(sweep, claim(lambda v: True)).to_json()))
    assert raw["schema"] == 1
    assert raw["seeds"][2] == {
        "seed": 2, "holds": True, "reason": "", "finished": True, "by": None, "size": 0.0,
    }  # fmt: skip


def test_claims_that_no_sweep_can_change_stand_in_a_table_of_their_own(sweep) -> None:
    claims = [
        claim(lambda v: True),
        claim(lambda v: True, scales=("math",)),
        claim(lambda v: False, scales=("record",)),
        claim(needs="a cluster"),
    ]
    judged = judge(claims, *sweep)
    assert [v.basis for v in judged] == ["sweep", "arithmetic", "record", "none"]
    swept, elsewhere, untold = findings_tables(judged)
    assert "| **X-1** | **reproduced** | **3/3** |" in markdown(swept)
    assert [row[1] for row in elsewhere.rows] == ["reproduced", "inconsistent"]
    assert "| X-1 | not run |" in markdown(untold)
    for table in (swept, elsewhere, untold):
        assert max(map(len, plain(table).splitlines())) <= 100


def test_a_sweep_without_findings_has_no_such_tables() -> None:
    assert findings_tables([]) == []


def test_a_seed_that_other_arms_got_later_does_not_unsettle_a_claim(tmp_path) -> None:
    plan, ledger = made_up(tmp_path, {"A": [1.0, 1.0, 1.0, 1.0], "B": [2.0, 2.0, 2.0, 2.0]})
    fewer = tuple(cell for cell in plan.cells if (cell.arm, cell.seed) != ("B", 3))
    records = ledger.records()
    [verdict] = judge(
        [claim(lambda v: v.final("A", METRIC) < v.final("B", METRIC))],
        replace(plan, cells=fewer),
        records,
    )
    assert (verdict.verdict, verdict.seeds_text) == ("reproduced", "3/3")


def test_numbers_taken_on_other_data_stand_beside_without_a_verdict(tmp_path: Path) -> None:
    claim = Claim("X-7", "SEED", "a post", ("lab",))
    holds = claim.says(
        "B beats A.", documented=".5 < 1", other_data="F1 .51 on Ruby",
        holds=lambda view: view.final("A", METRIC) - view.final("B", METRIC),
    )  # fmt: skip
    bare = Claim("X-8", "SEED", "a post").says("SVR is 100 %.", other_data="1.00 on Ruby")
    plan, ledger = made_up(tmp_path, {"A": [1.0, 1.2, 1.1], "B": [0.5, 0.71, 0.6]})
    told = judge([holds, bare], plan, ledger.records())
    assert [v.verdict for v in told] == ["reproduced", "not comparable"]
    assert (told[1].reason, told[1].basis) == ("its numbers were taken on other data", "none")
    assert told[1].to_json()["other_data"] == "1.00 on Ruby"
    swept, untold = findings_tables(told)
    assert swept.columns[-2:] == untold.columns[-2:] == ("documented (other data)", "reason")
    assert swept.rows[0][-2] == "F1 .51 on Ruby" and "1.00 on Ruby" in markdown(untold)
    export(plan, ledger, [holds, bare], tmp_path / "out")
    header, first, second = (tmp_path / "out/findings.csv").read_text().splitlines()
    assert header.endswith(",documented (other data)")
    assert first.endswith(",F1 .51 on Ruby") and second.endswith(",1.00 on Ruby")
    readme = (tmp_path / "out/README.md").read_text()
    assert "documented (other data) | documented numbers taken on other data" in readme
    assert "1.00 on Ruby" in report(plan, ledger, [holds, bare])


def test_a_study_without_such_numbers_has_no_place_for_them(tmp_path: Path) -> None:
    bare = Claim("X-9", "SEED", "a post").says("It is so.", documented="1", needs="a proof")
    plan, ledger = made_up(tmp_path, {"A": [1.0], "B": [0.5]})
    [verdict] = judge([bare], plan, ledger.records())
    assert "other_data" not in verdict.to_json()
    assert findings_tables([verdict])[0].columns == ("finding", "verdict", "claim", "reason")
