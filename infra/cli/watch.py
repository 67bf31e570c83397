"""`ablate watch`: the report of a sweep as a page of this machine, drawn anew as its ledger grows.

It is served on the loopback alone, under a path that nobody can guess. The page is the report's own
bytes; that a browser asks again is said in a header of the answer.
"""

import secrets
import threading
import time
from collections.abc import Callable
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from infra.cli.command import (
    Options,
    Studies,
    findings_of,
    open_ledger,
    print_json,
    read_sweep,
    storage_option,
)
from infra.errors import DONE, Refused
from infra.ledger.lease import is_alive, read_lease
from infra.ledger.ledger import Ledger
from infra.ledger.patience import StorageError
from infra.writeup.page import page

HOST = "127.0.0.1"
ASK_AGAIN_S = 5
_LAST_LOOKS = 3  # of the browser, after a sweep has ended, before the server ends


def watch(studies: Studies, options: Options) -> int:
    """`ablate watch NAME [--port N] [--until-ended]`."""
    live = LivePage(open_ledger(options, options.name), studies)
    token = secrets.token_urlsafe(16)
    with _server(options.port, f"/{token}/", live.html) as server:
        address = f"http://{HOST}:{server.server_port}/{token}/"
        if options.json:
            print_json({"sweep": options.name, "address": address})
        else:
            print(f"{options.name} at {address} (Ctrl-C ends)", flush=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            while not (options.until_ended and live.has_ended()):
                time.sleep(ASK_AGAIN_S)
            time.sleep(ASK_AGAIN_S * _LAST_LOOKS)
        except KeyboardInterrupt:
            pass
        server.shutdown()
    if not options.json:
        print(f"look again: ablate watch {options.name}{storage_option(options)}")
    return DONE


class LivePage:
    """The report of a sweep, drawn again only when something new is on record."""

    def __init__(self, ledger: Ledger, studies: Studies) -> None:
        self._ledger, self._studies = ledger, studies
        self._drawn: tuple[Any, str] = (None, "")
        self._lock = threading.Lock()

    def html(self) -> str:
        """The page as the ledger stands now; one that says what it waits for before there is any.

        What cannot be shown is told on the page, since the ledger may be read while it is written.
        """
        with self._lock:
            try:
                return self._report()
            except Refused as error:
                return _told(self._ledger.sweep, f"waiting: {error}")
            except (ValueError, StorageError) as error:
                return _told(self._ledger.sweep, str(error))

    def has_ended(self) -> bool:
        """Whether every planned cell has ended, and no driver adds any."""
        lease = read_lease(self._ledger.storage, self._ledger.sweep)
        plan = self._ledger.read_plan()
        if plan is None or (lease and is_alive(lease)):
            return False
        return all(record.has_ended for record in self._ledger.records(plan).values())

    def _report(self) -> str:
        from infra.writeup.report import report

        plan, told = read_sweep(self._ledger)
        records = told.values()
        state = plan, [(r.key, r.status, r.attempts, len(r.points), r.damage) for r in records]
        if state != self._drawn[0]:
            self._drawn = state, report(plan, self._ledger, findings_of(plan, self._studies))
        return self._drawn[1]


def _told(sweep: str, text: str) -> str:
    """A page with one line on it."""
    return page(f"{sweep}: {text}", f"<h1>{escape(sweep)}</h1>\n<p>{escape(text)}</p>", ())


def _server(port: int, path: str, html: Callable[[], str]) -> ThreadingHTTPServer:
    """A server of one page at one path; Refused where the port is taken."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not secrets.compare_digest(self.path.encode(), path.encode()):
                self.send_error(404)
                return
            body = html().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("Referrer-Policy", "no-referrer")
            self.send_header("Refresh", str(ASK_AGAIN_S))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing: the address holds what must not stand in a log."""

    try:
        server = ThreadingHTTPServer((HOST, port), Handler)
    except OSError as error:
        raise Refused(
            f"--port {port}: must be free on {HOST}, got: {error.strerror}; leave it out, which "
            "takes any"
        ) from error
    server.daemon_threads = True
    return server
