"""A folder of prepared CT slices, as an ingest leaves it."""

import json
from hashlib import sha256

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SERIES = (("a", "train", 5, 6, 3), ("b", "train", 4, 7, 2), ("c", "validation", 5, 6, 4))


def volume(height, width, slices, seed):
    return np.random.default_rng(seed).integers(-1000, 4000, (slices, height, width), np.int16)


def write_folder(folder, series=SERIES, rows_per_file=5, **manifest):
    rows = [
        {
            "series": name,
            "split": split,
            "z": np.int32(z),
            "height": np.int32(height),
            "width": np.int32(width),
            "hu": voxels.astype("<i2").tobytes(),
        }
        for seed, (name, split, height, width, slices) in enumerate(series)
        for z, voxels in enumerate(volume(height, width, slices, seed))
    ]
    for part, start in enumerate(range(0, len(rows), rows_per_file)):
        table = pa.Table.from_pylist(rows[start : start + rows_per_file])
        pq.write_table(table, folder / f"slices-{part:05}.parquet")
    digest = sha256(str(folder).encode()).hexdigest()  # of its own, since reading is cached by it
    text = {"schema": 1, "kind": "ct", "digest": digest, "hu_divisor": 1, **manifest}
    (folder / "manifest.json").write_text(json.dumps(text))
    return str(folder)
