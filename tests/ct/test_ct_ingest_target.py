import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
from conftest import ROOT
from test_ct_ingest import body, rows, volume, write_nifti

from trainables.ct.ingest import write
from trainables.ct.ingest.ingest import ingest_ct
from trainables.ct.ingest.write import CT


def test_same_ingestion_again_changes_nothing(tmp_path):
    write_nifti(tmp_path / "a.nii", body())
    first = ingest_ct(tmp_path / "a.nii", tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    (tmp_path / "out" / "voxels-0123.int16").write_bytes(b"a reader's cache")
    assert ingest_ct(tmp_path / "a.nii", tmp_path / "out") == first
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())


def test_lost_shard_is_written_again(tmp_path):
    write_nifti(tmp_path / "a.nii", body())
    manifest = ingest_ct(tmp_path / "a.nii", tmp_path / "out")
    (tmp_path / "out" / "slices-00000.parquet").write_bytes(b"PAR1")
    assert ingest_ct(tmp_path / "a.nii", tmp_path / "out")["digest"] == manifest["digest"]
    assert np.array_equal(volume(tmp_path / "out"), body())


@pytest.mark.parametrize("change", ["pixels", "divisor", "stranger", "manifest", "file"])
def test_target_with_something_else_is_refused_and_kept(tmp_path, change):
    write_nifti(tmp_path / "a.nii", body())
    out, divisor = tmp_path / "out", 1
    ingest_ct(tmp_path / "a.nii", out)
    if change == "pixels":
        write_nifti(tmp_path / "a.nii", body(7))
    elif change == "divisor":
        divisor = 10
    elif change == "stranger":
        (out / "thesis.tex").write_text("do not lose")
    elif change == "manifest":
        (out / "manifest.json").write_text('{"kind": "text", "schema": 1}')
    else:
        out = tmp_path / "a.nii"
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ValueError, match=r"must be .*, got .*; name another"):
        ingest_ct(tmp_path / "a.nii", out, hu_divisor=divisor)
    assert sorted(tmp_path.rglob("*")) == before


def test_unwritable_target_is_named(tmp_path):
    write_nifti(tmp_path / "a.nii", body())
    with pytest.raises(RuntimeError, match="must be writable, got Not a directory; free"):
        ingest_ct(tmp_path / "a.nii", tmp_path / "a.nii" / "out")


INGEST = """
import sys
from pathlib import Path
from trainables.ct.ingest.ingest import ingest_ct
ingest_ct(Path(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.mark.parametrize("moment", ["*.hu", "*.parquet"])
def test_killed_ingestion_is_begun_again(tmp_path, moment):
    for seed in range(4):
        write_nifti(tmp_path / "in" / f"{seed}.nii", body(seed, (120, 96, 128)))
    out = tmp_path / "out"
    command = [sys.executable, "-c", INGEST, str(tmp_path / "in"), str(out)]
    child = subprocess.Popen(command, cwd=ROOT)
    until = time.monotonic() + 60
    while not list(out.glob(f".incomplete/{moment}")) and time.monotonic() < until:
        time.sleep(0.001)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    assert not (out / "manifest.json").exists() and list(out.glob(f".incomplete/{moment}"))
    again = ingest_ct(tmp_path / "in", out)
    clean = ingest_ct(tmp_path / "in", tmp_path / "clean")
    assert again["digest"] == clean["digest"] and again["shards"] == clean["shards"]
    assert not (out / ".incomplete").exists()


def test_shards_without_a_manifest_are_replaced(tmp_path):
    write_nifti(tmp_path / "a.nii", body())
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "slices-00007.parquet").write_bytes(b"half a")
    ingest_ct(tmp_path / "a.nii", tmp_path / "out")
    assert len(rows(tmp_path / "out")) == 24


def test_second_writer_is_refused(tmp_path):
    write_nifti(tmp_path / "a.nii", body())
    with CT.claimed(tmp_path / "out"):
        with pytest.raises(ValueError, match="must have one writer, another is at work; wait"):
            ingest_ct(tmp_path / "a.nii", tmp_path / "out")


def test_many_slices_make_several_shards_of_small_row_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(write, "SHARD_BYTES", 8000)
    monkeypatch.setattr(write, "ROW_GROUP_BYTES", 3000)
    write_nifti(tmp_path / "a.nii", body())
    manifest = ingest_ct(tmp_path / "a.nii", tmp_path / "out")
    assert [shard["rows"] for shard in manifest["shards"]] == [9, 9, 6]
    assert pq.ParquetFile(tmp_path / "out" / "slices-00000.parquet").num_row_groups == 3
    assert np.array_equal(volume(tmp_path / "out"), body())
    monkeypatch.undo()
    assert ingest_ct(tmp_path / "a.nii", tmp_path / "whole")["digest"] == manifest["digest"]
