"""Do small graphs first help: both documented curricula against none, at equal steps.

The post tells of up to 10 nodes until epoch 50, 30 until 150, then 128; the run of 400 epochs had
them until 100 and 300, and put 16, 4 and 1 graphs at once through the network. A step sees the same
graphs then, with other noise; its loss is a mean over parts of a mean over cells, so that with one
at once all graphs weigh alike and else the large ones more. At `lab` the limits are 5, 6 and 8
nodes, since of up to 4 there are no 16 programs unlike each other.
"""

from search_spaces.num.shared import CONTROLS, PAPER, POST, SMOKE, TRAIN, Values, ahead, swept
from search_spaces.space import Arms, SeedView, recorded

_PRESETS: dict[str, Values] = {
    "none": {"curriculum.preset": ""},
    "of the post": {"curriculum.preset": "post"},
    "of the run": {"curriculum.preset": "run"},
}
CURRICULUM = Arms(source=f"{POST}; {TRAIN}", overrides=_PRESETS | CONTROLS)
CURRICULUM_SCALES = {
    "smoke": SMOKE
    | {
        "steps": 8,
        "steps_per_report": 4,
        "model.depth": 2,
        "optim.batch": 4,
        "curriculum.first_nodes": 4,
        "curriculum.second_nodes": 6,
    },
    "lab": {"curriculum.first_nodes": 5, "curriculum.second_nodes": 6},
    "paper": PAPER
    | {
        "programs.most_nodes": 128,
        "steps": 98800,  # 400 epochs of 3,951 graphs at 16 a step
        "steps_per_report": 247,
        "model.depth": 12,
        "optim.lr": 1e-4,
    },
}
POST_EPOCHS, RUN_EPOCHS = (50, 150), (100, 300)


def _sources_agree(_: SeedView) -> bool:
    return POST_EPOCHS == RUN_EPOCHS


CURRICULUM_FINDINGS = (
    recorded("NUM-35", "CONFIG", f"{POST}; {TRAIN}").says(
        "The run that is reported went to 10 nodes until epoch 50 and to 30 until 150.",
        documented="50, 150 in the version of 200 epochs; 100, 300 in that of the long run",
        holds=_sources_agree,
    ),
    swept("NUM-35p", "CONFIG", POST).says(
        "The curriculum of the post draws better graphs than none at equal steps.",
        documented="not ablated",
        holds=ahead("of the post", "none"),
    ),
    swept("NUM-35r", "CONFIG", TRAIN).says(
        "The curriculum of the run draws better graphs than none at equal steps.",
        documented="not ablated",
        holds=ahead("of the run", "none"),
    ),
)
