"""What the runner adds to real cells: a sweep beside the same cells in two plain processes.

    python tests/benchmarks/lab_sweep.py [--seeds 0] [--scale lab] [--arms .9,.999]

The plain side deals the cells evenly to two processes of one thread each, which build, train and
evaluate them and record nothing. Start-up is apart on both sides: timed from the start of the first
cell to the end of the last one. Prints the seconds of both, and ours by theirs.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from command_line import options_of, parser_of

from search_spaces.dino.cm import MOMENTA

PLAIN = """
import sys, time, torch
from sweeps.dino_cm import STUDY
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True, warn_only=True)
scale, cells = sys.argv[1], [c.split(":") for c in sys.argv[2:]]
began = time.time()
for arm, seed in cells:
    config = STUDY.config(arm, int(seed), scale)
    run = STUDY.run(config)
    run.evaluate()
    while not run.done():
        run.advance(config.steps_per_report)
        run.evaluate()
print(began, time.time())
"""


def plain(scale: str, cells: list[str]) -> float:
    """Seconds of two processes for the cells dealt evenly."""
    sides = [side for side in (cells[0::2], cells[1::2]) if side]
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PLAIN, scale, *side], stdout=subprocess.PIPE, text=True
        )
        for side in sides
    ]
    spans = [list(map(float, p.communicate()[0].split())) for p in running]
    return max(end for _, end in spans) - min(began for began, _ in spans)


def swept(scale: str, arms: str, seeds: str, storage: Path) -> float:
    """Seconds of the sweep from its first cell's start to its last cell's recorded end."""
    command = [
        sys.executable, "-m", "sweeps", "run", "dino_cm", "--scale", scale, "--arms", arms,
        "--seeds", seeds, "--storage", str(storage), "--no-preflight",
    ]  # fmt: skip
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    started = [json.loads(p.read_text())["started"] for p in storage.rglob("start.json")]
    ended = [json.loads(p.read_text())["ended"] for p in storage.rglob("done.json")]
    return max(ended) - min(started)


def main() -> None:
    """Both in turn, and the ratio."""
    parser = parser_of(__doc__)
    parser.add_argument("--seeds", default="0", help="of dino_cm, with commas, as the arms")
    parser.add_argument("--scale", default="lab")
    parser.add_argument("--arms", default=",".join(MOMENTA.arms("lab")), help="all by default")
    options = options_of(parser, scale="smoke", arms=".9")
    seeds, arms = options.seeds.split(","), options.arms.split(",")
    cells = [f"{arm}:{seed}" for seed in seeds for arm in arms]
    began = time.time()
    theirs = plain(options.scale, cells)
    with tempfile.TemporaryDirectory() as folder:
        ours = swept(options.scale, options.arms, options.seeds, Path(folder))
    print(f"two plain processes {theirs:7.1f} s for {len(cells)} cells")
    print(f"ablate              {ours:7.1f} s, ratio {ours / theirs:.3f}")
    print(f"in all {time.time() - began:.0f} s")


if __name__ == "__main__":
    main()
