"""Scripts as people write them, for the tests: they know nothing of us."""

import subprocess
import sys
from pathlib import Path

from trainables.script.points import Points
from trainables.script.script import Script

TRAIN = """
import argparse, json, os, time
p = argparse.ArgumentParser()
p.add_argument("--lr", type=float, default=0.01)
p.add_argument("--steps", type=int, default=40)
p.add_argument("--seed", type=int)
p.add_argument("--out")
p.add_argument("--pause", type=float, default=0.0)
p.add_argument("--resume", action="store_true")
a = p.parse_args()
begin, x = 0, 10.0 + a.seed
if a.resume:
    begin, x = json.load(open(a.out + "/checkpoint.json"))
for i in range(begin, a.steps):
    x -= a.lr * x
    time.sleep(a.pause)
    if (i + 1) % 10 == 0:
        with open(a.out + "/new.json", "w") as file:
            json.dump([i + 1, x], file)
        os.replace(a.out + "/new.json", a.out + "/checkpoint.json")
        print(f"step {i + 1}: train loss {x + 1:.5f}, val loss {x:.5f}", flush=True)
"""
LOSSES = r"step (?P<step>\d+): train loss (?P<train_loss>\S+), val loss (?P<val_loss>\S+)"
PYTHON = sys.executable


def train(where: Path, source: str = TRAIN, **told) -> Script:
    """The script, written to a place, as a study would have it."""
    (where / "train.py").write_text(source)
    usual = {
        "command": f"{PYTHON} train.py --seed={{seed}} --out={{dir}} {{flags}}",
        "flags": {"lr": 0.01, "steps": 40, "pause": 0.0},
        "points": Points(kind="pattern", pattern=LOSSES),
        "root": where,
    }
    return Script(**usual | told)


def git(folder: Path, *words: str) -> str:
    """What git says, as somebody who has told it a name."""
    told = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main")
    done = subprocess.run(
        ["git", "-C", str(folder), *told, *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def repository(top: Path, one: str = 'print("one")\n', wider: str = 'print("wider")\n') -> Path:
    """The folder `src` of a repository, with a script, one on the branch `wider`, and data."""
    (top / "src").mkdir(parents=True)
    git(top, "init", "-q")
    (top / ".gitignore").write_text("data/\n*.bin\n")
    (top / "src" / "train.py").write_text(one)
    git(top, "add", "-A")
    git(top, "commit", "-qm", "one")
    git(top, "checkout", "-qb", "wider")
    (top / "src" / "train.py").write_text(wider)
    git(top, "commit", "-qam", "wider")
    git(top, "checkout", "-q", "main")
    (top / "data").mkdir()
    (top / "data" / "tokens.bin").write_bytes(b"1")
    (top / "src" / "vocabulary.bin").write_bytes(b"2")
    return top / "src"
