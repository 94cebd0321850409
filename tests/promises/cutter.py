"""A proxy that cuts connections where it hurts: clients do not learn what the server did."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedIOBase
from socketserver import StreamRequestHandler, ThreadingTCPServer

PASS, REQUEST, EARLY, ANSWER = "pass", "half the request", "before the answer", "the answer"
"""Fates of a request: what of it gets lost. After ``EARLY`` the server still works on it."""

Fate = Callable[[bytes], str]


class Cutter(ThreadingTCPServer):
    """Stands before the server on ``port``; ``fate`` decides over each request by its head."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, fate: Fate) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.upstream = port
        self.fate = fate

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: connections break here all the time."""


class _Connection(StreamRequestHandler):
    server: Cutter

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.upstream)) as upstream:
            answers = upstream.makefile("rb")
            while head := _head(self.rfile):
                body = _body(self.rfile, head)
                fate = self.server.fate(head)
                if fate == REQUEST:
                    upstream.sendall(head + body[: len(body) // 2])
                    return
                upstream.sendall(head + body)
                if fate == EARLY:
                    self._hang_up()
                answer = _head(answers)
                answer += _body(answers, answer)
                if fate != PASS:
                    return
                self.wfile.write(answer)

    def _hang_up(self) -> None:
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


def _head(file: BufferedIOBase) -> bytes:
    """The lines up to the empty one, or nothing at the end."""
    head = b""
    while line := file.readline():
        head += line
        if line == b"\r\n":
            break
    return head


def _body(file: BufferedIOBase, head: bytes) -> bytes:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return file.read(int(line.partition(b":")[2]))
    return b""


@contextmanager
def cutting(port: int, fate: Fate) -> Iterator[str]:
    """Address of a proxy before the server on that port."""
    with Cutter(port, fate) as cutter:
        thread = threading.Thread(target=cutter.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{cutter.server_address[1]}/v1"
        finally:
            cutter.shutdown()
            thread.join()
