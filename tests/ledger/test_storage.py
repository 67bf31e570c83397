"""Storage: whole writes, exclusive creation, patience; on a folder and on two S3 servers."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from conftest import s3_bucket, s3_server, use_s3

from infra.ledger.folder import FolderStorage
from infra.ledger.patience import StorageError
from infra.ledger.s3 import S3Storage
from infra.ledger.storage import open_storage, probe


@pytest.fixture(params=["folder", "moto", "rclone"])
def storage(request, tmp_path, monkeypatch):
    if request.param == "folder":
        yield open_storage(str(tmp_path / "runs"))
        return
    with s3_bucket(request.param, tmp_path / "s3", monkeypatch) as address:
        yield open_storage(address)


def test_what_is_written_is_read_listed_and_deleted(storage):
    storage.write("a/b/one.json", b"1")
    storage.write("a/two.json", b"2")
    storage.write("a/b/one.json", b"11")
    assert storage.read("a/b/one.json") == b"11"
    assert list(storage.list("a")) == ["a/b/one.json", "a/two.json"]
    assert list(storage.list("a/b")) == ["a/b/one.json"]
    assert storage.list("nothing") == {}
    storage.delete("a/b/one.json")
    storage.delete("a/b/one.json")
    with pytest.raises(FileNotFoundError):
        storage.read("a/b/one.json")


def test_a_large_object_is_read_back_whole(storage):
    data = bytes(range(256)) * (70 << 12)
    storage.write("large", data)
    assert storage.read("large") == data


def test_create_leaves_what_is_there(storage):
    assert storage.create("lease", b"first")
    assert not storage.create("lease", b"second")
    assert storage.read("lease") == b"first"


def test_listing_a_folder_leaves_out_its_neighbours_that_begin_alike(storage):
    storage.write("cells/a-s1/x", b"")
    storage.write("cells/a-s10/x", b"")
    assert list(storage.list("cells/a-s1")) == ["cells/a-s1/x"]


def test_one_of_many_creators_wins(tmp_path):
    storage = FolderStorage(str(tmp_path))
    won: list[int] = []
    threads = [
        threading.Thread(target=lambda i=i: storage.create("lease", b"%d" % i) and won.append(i))
        for i in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert storage.read("lease") == b"%d" % won[0]


def test_a_writer_killed_at_any_moment_leaves_the_old_or_the_new_file_whole(tmp_path):
    script = (
        "from infra.ledger.storage import FolderStorage\n"
        f"s = FolderStorage({str(tmp_path)!r})\n"
        "n = 0\n"
        "while True:\n    n += 1\n    s.write('f', bytes([n % 251]) * 2_000_000)\n"
    )
    for pause_s in (0.2, 0.23, 0.31):
        writer = subprocess.Popen([sys.executable, "-c", script])
        while not (tmp_path / "f").exists():
            time.sleep(0.01)
        time.sleep(pause_s)
        writer.kill()
        writer.wait()
        data = (tmp_path / "f").read_bytes()
        assert len(data) == 2_000_000 and len(set(data)) == 1
        assert list(FolderStorage(str(tmp_path)).list("")) == ["f"]


def test_a_server_that_is_away_is_waited_for(tmp_path, monkeypatch):
    folder = tmp_path / "s3"
    with s3_server("rclone", folder) as endpoint:
        use_s3(monkeypatch, endpoint)
        storage = S3Storage("bucket", "p")
        storage.write("one", b"1")
        port = int(endpoint.rsplit(":", 1)[1])
    written = threading.Thread(target=storage.write, args=("two", b"2"))
    written.start()
    time.sleep(1.0)
    assert written.is_alive()
    with s3_server("rclone", folder, port):
        written.join(30)
        assert not written.is_alive()
        assert (storage.read("one"), storage.read("two")) == (b"1", b"2")


def test_waiting_has_an_end_and_says_for_what(tmp_path, monkeypatch):
    use_s3(monkeypatch, "http://127.0.0.1:9")
    with pytest.raises(StorageError, match="s3://bucket/p: must answer, but failed"):
        S3Storage("bucket", "p", wait_limit_s=0.5).write("x", b"")
    with pytest.raises(StorageError, match="must answer"):
        probe(S3Storage("bucket", "p"))


def test_wrong_keys_are_refused_in_one_line(tmp_path, monkeypatch):
    with s3_server("rclone", tmp_path / "s3") as endpoint:
        use_s3(monkeypatch, endpoint)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
        with pytest.raises(StorageError, match="check the bucket and the credentials") as caught:
            S3Storage("bucket", "p").write("x", b"")
    assert "\n" not in str(caught.value) and "wrong" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_folder_is_refused_by_the_probe(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match="must be writable"):
        probe(FolderStorage(str(tmp_path)))


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="must be a folder, and .*file is a file.*--storage"):
        open_storage(str(tmp_path / "file" / "runs"))


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", folder]).returncode:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_is_waited_for_and_leaves_no_half_file(small_disk: Path):
    storage = FolderStorage(str(small_disk))
    storage.write("filler", b"x" * 200_000)
    with pytest.raises(StorageError, match="must be writable, got No space left"):
        (small_disk / "rest").write_bytes(b"")
        storage.write("more", b"x" * 30_000)
        probe_full(storage)
    written = threading.Thread(target=storage.write, args=("big", b"y" * 100_000))
    written.start()
    time.sleep(0.5)
    assert written.is_alive() and "big" not in storage.list("")
    storage.delete("filler")
    written.join(20)
    assert storage.read("big") == b"y" * 100_000


def probe_full(storage: FolderStorage) -> None:
    block = Path(storage.root, "block")
    with open(block, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"z" * 4096)
        except OSError:
            pass
    try:
        probe(storage)
    finally:
        block.unlink()


@pytest.mark.parametrize("uri", ["gs://bucket/x", "s3://"])
def test_other_addresses_are_refused(uri):
    with pytest.raises(ValueError, match="storage"):
        open_storage(uri)
