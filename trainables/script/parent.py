"""The parent of a script's process: ends it and all that came of it when its pipe closes.

Run by its path, so that it begins in some hundredths of a second, as
    python -S -E parent.py SIGNAL GRACE COMMAND...
Its standard input is the pipe, held by who wants the script: whatever is written on it, and its
end, ask the script to stop by the signal, and so many seconds later everything is killed. Its exit
status is the script's; where a signal ended that, 128 and its number, and 127 where it never began.

What a script leaves running when it ends goes too, in whatever session it is. On Linux orphans
become children of this process; elsewhere they must have been seen, once a second, before they were
orphans.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

NOT_BEGUN = 127
ENDINGS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_SUBREAPER = 36  # of Linux's prctl
_WAIT_S, _SEEN_EVERY_S = 0.02, 1.0

Process = tuple[int, str]  # its number, which may be another's later, and when it began


def main(words: list[str]) -> int:
    """Runs the command to its end, or to what the pipe says."""
    stop, grace, command = signal.Signals[words[0]], float(words[1]), words[2:]
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in ENDINGS:  # who holds the pipe hands them on
        signal.signal(number, lambda *_: None)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    try:
        script = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=_as_from_a_shell)
    except OSError as error:
        print(f"command {command[0]!r}: must be a program, {error.strerror}", file=sys.stderr)
        return NOT_BEGUN
    seen = _attended(script, stop, grace)
    _kill_all(seen)
    status = script.wait()
    return 128 - status if status < 0 else status


def _attended(script: "subprocess.Popen[bytes]", stop: int, grace: float) -> set[Process]:
    """Until it has ended, or should have; what came of it, where orphans would be lost."""
    seen: set[Process] = set()
    asked_at, looked_at = 0.0, time.monotonic()
    while script.poll() is None:
        now = time.monotonic()
        if asked_at and now - asked_at > grace:
            break
        if not asked_at and select.select([0], [], [], _WAIT_S)[0]:
            asked_at = now
            _signal(script.pid, stop)
        elif asked_at:
            time.sleep(_WAIT_S)
        if sys.platform != "linux" and now - looked_at > _SEEN_EVERY_S:
            seen, looked_at = seen | _descendants(seen), now
    return seen


def _as_from_a_shell() -> None:
    """In the child: a session of its own, and the signals that others may have ignored."""
    os.setsid()
    for number in (*ENDINGS, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)


def _kill_all(seen: set[Process]) -> None:
    """All that came of the script, until there is nothing more."""
    for _ in range(200):
        left = _descendants(seen)
        if not left:
            return
        for number, _ in left:
            _signal(number, signal.SIGKILL)
        time.sleep(0.005)


def _descendants(seen: set[Process]) -> set[Process]:
    """Of this process, and of those that were seen, as far as they live."""
    table = {number: (parent, began) for number, parent, began in _processes()}
    found = {number for number, began in seen if table.get(number, (0, ""))[1] == began}
    found.add(os.getpid())
    grown = 0
    while grown != len(found):
        grown = len(found)
        found |= {number for number, (parent, _) in table.items() if parent in found}
    return {(number, table[number][1]) for number in found - {os.getpid()} if number in table}


def _processes() -> Iterator[tuple[int, int, str]]:
    """Number, parent and beginning of each that is no zombie."""
    if sys.platform == "linux":
        yield from _from_proc()
        return
    asked = ["ps", "-axo", "pid=,ppid=,stat=,lstart="]
    for line in subprocess.run(asked, capture_output=True, text=True).stdout.splitlines():
        number, parent, state, began = line.split(None, 3)
        if not state.startswith("Z"):
            yield int(number), int(parent), began


def _from_proc() -> Iterator[tuple[int, int, str]]:
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                told = file.read().rpartition(b")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        if told[0] != b"Z":
            yield int(name), int(told[1]), told[19].decode()


def _signal(process: int, number: int) -> None:
    try:
        os.kill(process, number)
    except OSError:
        pass


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
