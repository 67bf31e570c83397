"""One driver per sweep."""

import json
import os
import socket
import subprocess
import sys
import time

import psutil
import pytest

from infra.ledger.folder import FolderStorage
from infra.ledger.lease import LEASE_FILE, Lease, LeaseHeld, read_lease


def record(**changes):
    me = psutil.Process()
    return {"host": socket.gethostname(), "pid": me.pid, "started": me.create_time(),
            "token": "other", "renewed": time.time(), **changes}  # fmt: skip


@pytest.fixture
def storage(tmp_path):
    return FolderStorage(str(tmp_path))


def put(storage, holder):
    storage.write(f"s/{LEASE_FILE}", json.dumps(holder).encode())


def test_the_lease_is_there_while_held_and_gone_after(storage):
    lease = Lease(storage, "s").acquire()
    assert read_lease(storage, "s")["token"] == lease.token
    lease.release()
    assert read_lease(storage, "s") is None


def test_a_living_driver_on_this_host_refuses_the_second_however_old_its_sign(storage):
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    started = psutil.Process(sleeper.pid).create_time()
    put(storage, record(pid=sleeper.pid, started=started, renewed=time.time() - 3600))
    with pytest.raises(LeaseHeld, match=f"pid {sleeper.pid} on host .* 36[0-9][0-9] s ago"):
        Lease(storage, "s").acquire()
    sleeper.kill()
    sleeper.wait()
    Lease(storage, "s").acquire().release()


def test_a_driver_on_another_host_refuses_until_its_sign_is_a_minute_old(storage):
    put(storage, record(host="elsewhere"))
    with pytest.raises(LeaseHeld, match="host 'elsewhere'"):
        Lease(storage, "s").acquire()
    put(storage, record(host="elsewhere", renewed=time.time() - 61))
    Lease(storage, "s").acquire().release()


def test_a_reused_process_number_is_not_mistaken_for_the_dead_driver(storage):
    put(storage, record(pid=os.getppid(), started=1.0))
    Lease(storage, "s").acquire().release()


def test_a_damaged_lease_counts_as_dead(storage):
    storage.write(f"s/{LEASE_FILE}", b'{"host": "h')
    Lease(storage, "s").acquire().release()


def test_a_driver_that_lost_its_lease_does_not_remove_the_next_ones(storage):
    lease = Lease(storage, "s").acquire()
    put(storage, record(token="next"))
    lease.release()
    assert read_lease(storage, "s")["token"] == "next"


def test_a_sweep_of_which_nothing_is_kept_leaves_no_folder(tmp_path):
    Lease(FolderStorage(str(tmp_path)), "refused").acquire().release()
    assert list(tmp_path.iterdir()) == []
