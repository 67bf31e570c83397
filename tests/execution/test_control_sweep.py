"""A sweep with a control on a real Ray: planned once per seed, finished at step 0, shown beside."""

import json

from conftest import LINE, ablate, ablate_process
from six_cells import ledger, mlflow_rows


def test_a_control_runs_once_per_seed_and_stands_in_every_view(tmp_path, ray_address):
    study = tmp_path / "controlled.py"
    text = LINE.read_text()
    changes = {
        "    fails_at: int = -1\n": "    fails_at: int = -1\n    answer: str = ''\n",
        "return self.step >=": "return self.cfg.answer != '' or self.step >=",
        "self.velocity = torch.zeros(8)": "self.velocity = torch.zeros(8)\n"
        "        if cfg.answer == 'zero':\n            self.weight = torch.zeros(8)",
        '"heavy": {"momentum": 0.9}': '"zero": {"answer": "zero"}',
        'baseline="plain",': 'baseline="plain", controls=("zero",),',
    }
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    study.write_text(text)
    place = ["--storage", tmp_path / "runs"]
    done = ablate_process("run", study, "--scale", "smoke", *place, "--address", ray_address)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 arms x 3 seeds = 9 cells, 1 arm of them not trained" in done.stdout
    assert "preflight: 3 arms run, read and differ" in done.stdout
    records = ledger(tmp_path / "runs", "line-smoke").records()
    steps = {key.split("-")[0]: [p.step for p in r.points] for key, r in records.items()}
    assert steps == {"plain": [0, 4, 8], "half": [0, 4, 8], "zero": [0]}
    assert {r.status for r in records.values()} == {"finished"}
    board = json.loads(ablate("leaderboard", "line-smoke", *place, "--json").stdout)["leaderboard"]
    assert {r["arm"]: r["verdict"] for r in board["rows"]}["zero"] == "control"
    assert board["confidence"] == 0.95
    tags = dict(mlflow_rows(tmp_path / "runs", "select key, value from tags"))
    assert tags["verdict.zero"].startswith("control; n 3 of 3")
    assert ablate("export", "line-smoke", "--to", tmp_path / "out", *place).returncode == 0
    assert ",control," in (tmp_path / "out" / "arms.csv").read_text()
    again = ablate("resume", "line-smoke", *place)
    assert "9 cells are done, 0 to run" in again.stdout
