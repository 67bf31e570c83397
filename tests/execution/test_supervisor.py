"""What the driver waits for before Ray's Tune is at work."""

from types import SimpleNamespace
from typing import Any

from small_study import study

from infra.execution.supervisor import ROUNDS_WITHOUT_PROGRESS, Supervisor
from infra.ledger.ledger import Ledger
from infra.ledger.storage import open_storage
from infra.study.plan import make_plan
from infra.sweep_options import Limit


def test_tune_begins_once_the_tracker_has_all_of_mlflow(tmp_path, monkeypatch):
    """Both import it, and from two threads at once one of them gets half of it."""
    told: list[str] = []
    monkeypatch.setattr(
        "infra.execution.tune_driver.execute", lambda *args, **kwargs: told.append("tune")
    )
    one, ledger = study(), Ledger(open_storage(str(tmp_path)), "s")
    plan = make_plan(one, "lab")
    tracker = SimpleNamespace(wait_for_import=lambda: told.append("imported"))
    lease: Any = SimpleNamespace(token="mine", lost=False)
    supervisor = Supervisor(one, plan, ledger, tracker, lease, {}, {}, {}, False, 0, Limit())
    supervisor._supervise([plan.cells[0]], 0.0)
    assert told == ["imported", *["tune"] * ROUNDS_WITHOUT_PROGRESS]
