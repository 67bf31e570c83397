"""A stem that cells share on a real Ray: one training a seed, whoever gets there first."""

from conftest import LINE, ablate_process
from six_cells import ledger

CHANGES = {
    "import torch\n": "import torch\n\nfrom trainables.stem import stem\n",
    "    fails_at: int = -1\n": "    fails_at: int = -1\n    cut: float = 0.0\n",
    "        self.velocity = torch.zeros(8)\n": """        self.velocity = torch.zeros(8)
        self.stem = stem({"seed": cfg.seed}, self.train_stem)
        self.weight = self.stem.state["w"]

    def train_stem(self) -> dict:
        with open(os.environ["MARKS"], "a") as file:
            file.write(f"{self.cfg.seed}\\n")
        time.sleep(float(os.environ.get("STEM_SECONDS", "0.5")))
        return {"w": self.weight}
""",
    "return {\"val/error\": float((self.weight - self.target).square().mean())}":
    "error = (self.weight.clamp(min=self.cfg.cut) - self.target).square().mean()\n"
    "        return {\"val/error\": float(error), **self.stem.metrics}",
    "return self.step >= self.cfg.steps": "return True",
    '"plain": {"momentum": 0.0}': '"plain": {"cut": 0.0}',
    '"half": {"momentum": 0.5}': '"half": {"cut": 0.5}',
    '"heavy": {"momentum": 0.9}': '"heavy": {"cut": 0.9}',
}  # fmt: skip


def test_workers_at_once_train_a_stem_once_and_have_its_bits(tmp_path):
    text = LINE.read_text()
    for old, new in CHANGES.items():
        assert old in text, old
        text = text.replace(old, new)
    study, marks = tmp_path / "decode.py", tmp_path / "marks"
    study.write_text(text)
    done = ablate_process(
        "run", study, "--scale", "smoke", "--storage", tmp_path / "runs", "--address", "local",
        ABLATE_STEMS=str(tmp_path / "stems"), MARKS=str(marks),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(marks.read_text().split()) == ["0", "1", "2"]
    records = ledger(tmp_path / "runs", "line-smoke").records()
    assert {record.status for record in records.values()} == {"finished"}
    weights = {(r.start["seed"], r.commit.weights_sha256) for r in records.values() if r.commit}
    assert len(records) == 9 and len(weights) == 3
    assert all(len(r.points) == 1 and r.billed_s >= 0.5 for r in records.values())
    assert "cells have a stem that was trained before" in done.stdout
