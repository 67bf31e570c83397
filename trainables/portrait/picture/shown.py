"""The pictures that a run offers: the first held-out portraits as judged, and edits of captions.

They are the images of the evaluation, drawn from its noise, so that all arms and seeds show the
same portraits from the same noise.
"""

import torch

from trainables.portrait.judge.errors import pixels
from trainables.portrait.judge.made import Made
from trainables.portrait.picture.grids import before_after, samples
from trainables.portrait.portraits import Portraits

SHOWN = 6  # portraits of a picture


def shown(made: Made, truth: Portraits) -> dict[str, bytes]:
    """PNG by name: `samples`, and `edits` where captions with a word to change were edited.

    Args:
        made: The images, of which the first are shown.
        truth: The held-out portraits.
    """
    few, made = truth.take(torch.arange(min(SHOWN, len(truth)))), made.first(SHOWN)
    true = pixels(few, made.recon.device)
    pictures = {"samples": samples(true, made.recon, made.from_text, few.captions)}
    if made.edited and made.edits:
        told = [edit.after for edit in made.edits], [edit.change for edit in made.edits]
        pictures["edits"] = before_after(made.edited.before, made.edited.after, *told)
    return pictures
