"""The recorded tables of the pixel DiT, and the metrics in them; see `recorded/README.md`."""

from pathlib import Path

from search_spaces.pixel.shared import POST_1, POST_2, REPO, RESULTS
from search_spaces.record import Record

_FOLDER = Path(__file__).parent / "recorded"
LOG_SOURCE = f"{REPO}@bc10412 docs/ablation_a_through_d/ablation_metrics.json"
EARLIER_SOURCE = f"{REPO}@bc10412 docs/ablation_a_through_d/ablation_metrics.md"
LATER_SOURCE = f"{RESULTS}; {POST_1}; {POST_2}"
TOURNAMENT_SOURCE = f"{REPO} autoresearch/20260330 results/AUTORESEARCH_REPORT.md"
THROUGHPUT_SOURCE = f"{REPO} experiment/throughput-ablation"
BATCHES_SOURCE = f"{REPO}@8a1c225"

LOG = Record(_FOLDER / "log.csv")
EARLIER = Record(_FOLDER / "earlier.csv")
LATER = Record(_FOLDER / "later.csv")
PATCHES = Record(_FOLDER / "patches.csv")
TOURNAMENT_LOSS = Record(_FOLDER / "tournament_loss.csv")
TOURNAMENT_LPIPS = Record(_FOLDER / "tournament_lpips.csv")
THROUGHPUT = Record(_FOLDER / "throughput.csv")
BATCHES = Record(_FOLDER / "batches.csv")

RECON, TEXT_ALONE = "val/recon_lpips_alex", "val/text_lpips_alex"
EDITED = "val/manip_lpips_alex@as_run"
LOSS, HOURS, SPEED = "train/loss", "perf/elapsed_h", "perf/steps_per_s"
MEMORY = "perf/allocated_gb"
BATCHES_PER_S, EXAMPLES_PER_S = "train/batches_per_s", "train/examples_per_s"
