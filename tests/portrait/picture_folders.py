"""Folders of pictures as people have them, and what stratum-hq writes beside each."""

import json

import numpy as np
from PIL import Image

from trainables.portrait.ingest.ingest import ingest_portraits

NO_PASSES = {"text": "none", "landmarks": "given"}


def noise(seed, height=40, width=40, channels=3):
    """A picture unlike that of another seed, in blocks, so that it is one at any size."""
    small = np.random.default_rng(seed).integers(0, 256, (5, 5, channels), np.uint8)
    image = Image.fromarray(small).resize((width, height), Image.Resampling.NEAREST)
    return image


def twelve(folder, names="abcdefghijkl", **size):
    """Lone pictures of one folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(names):
        noise(seed, **size).save(folder / f"{name}.png")
    return folder


def beside(folder, *, bucket="1024x1024", grid=(3, 3), pose=None, **arrays):
    """What lies beside one picture; joints are in [-1, 1] of the bucket."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metadata.json").write_text(json.dumps({"aspect_bucket": bucket}))
    if pose is not None:
        np.save(folder / "pose.npy", np.asarray(pose, np.float16))
    if grid is not None:
        np.save(folder / "dinov3_cls.npy", np.arange(5).astype(np.float16))
        np.save(folder / "dinov3_patches.npy", np.ones((grid[0] * grid[1], 7), np.float16))
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)


def taken(source, to, **options):
    """The manifest of an ingestion at 16 pixels, without networks unless they are asked for."""
    return ingest_portraits(source, to, **{"size": 16, **NO_PASSES, **options})


def reasons(entries):
    """Reason to places, of what a manifest gathers."""
    return {entry["reason"]: entry["paths"] for entry in entries}
