"""What an evaluation tells of images that were made for held-out portraits.

`val/recon_x` is of images from all conditions and `val/text_x` of images from the caption alone,
both against the true image; `val/manip_x` is how far an edit moves an image. `x@face` is of the
face alone. A variant reads the same network in another way; its metrics have its name behind them.
Portraits may lie anywhere, but their conditions must be where what draws expects them.
Shape letters: B portraits, H and W pixels, J joints.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from trainables.portrait.config import EvaluationConfig
from trainables.portrait.judge.asking import NOISE, Draw, Pose, asked_for, noise_of
from trainables.portrait.judge.errors import pixels
from trainables.portrait.judge.landmarks import landmark_reader
from trainables.portrait.judge.made import Made
from trainables.portrait.judge.manipulation import edit_scores
from trainables.portrait.judge.nearness import Distance, image_scores, main_scores
from trainables.portrait.judge.perceptual import distances
from trainables.portrait.judge.pose import Reader, mean_pose, pose_references, pose_scores
from trainables.portrait.judge.reader import pose_reader
from trainables.portrait.portraits import Portraits
from trainables.portrait.pretrained.mtcnn import LEAST_PX
from trainables.stem import Stem


@dataclass(frozen=True)
class Judges:
    """What judges images besides arithmetic.

    Attributes:
        perceptual: LPIPS by its kind, as far as its weights are there.
        reader: What reads joints; None where the data have none, or its weights are missing.
        mean_pose: Of the training portraits.
        came_by: How the reader was had, where it is trained.
    """

    perceptual: Mapping[str, Distance]
    reader: Reader | None
    mean_pose: Float[Tensor, "J 3"]
    came_by: Stem | None = None


def new_judges(train: Portraits, digest: str, asked: EvaluationConfig) -> Judges:
    """The judges for some data; what reads joints is trained once for all that share small ones.

    Args:
        train: The training portraits.
        digest: Of the data.
        asked: Whether LPIPS is.
    """
    pose = mean_pose(train)
    perceptual = distances() if asked.lpips else {}
    if not pose[:, 2].any():
        return Judges(perceptual, None, pose)
    if min(train.images.shape[2:]) >= LEAST_PX:
        return Judges(perceptual, landmark_reader(), pose)
    reader, came_by = pose_reader(train, digest)
    return Judges(perceptual, reader, pose, came_by)


def evaluation_scores(made: Made, truth: Portraits, judges: Judges) -> dict[str, float]:
    """All that is told of images that a network made for portraits.

    Where captions were to be edited, `val/edits` of them had a word to change; without any no
    difference is told.
    """
    values = made_scores(made.recon, truth, judges)
    if made.from_text is not None:
        true = pixels(truth, made.from_text.device)
        values |= image_scores(made.from_text, true, judges.perceptual, "text")
    if made.edits is not None:
        values["val/edits"] = float(len(made.edits))
    if made.edited:
        values |= edit_scores(made.edited, judges.perceptual)
    return values


def made_scores(
    made: Float[Tensor, "B 3 H W"], truth: Portraits, judges: Judges
) -> dict[str, float]:
    """All that is told of images, whether a network made them or a control."""
    values = main_scores(made, truth, judges.perceptual)
    if judges.reader:
        values |= pose_scores(made, truth, judges.reader)
        values |= pose_references(truth, judges.mean_pose, judges.reader, made.device)
    return values


def variant_scores(
    draw: Draw, truth: Portraits, judges: Judges, variant: str, pose: Pose = "present"
) -> dict[str, float]:
    """What is told of another way to draw the same portraits, each as `val/x@variant`.

    Faces and nulls are told of the network's own way alone, so that rows stay readable.
    """
    made = draw(asked_for(truth.conditions, pose), noise_of(truth, NOISE))
    values = main_scores(made, truth, judges.perceptual)
    if judges.reader:
        values |= pose_scores(made, truth, judges.reader)
    told = {name: value for name, value in values.items() if "@" not in name}
    del told["val/images"]
    return {f"{name}@{variant}": value for name, value in told.items()}
