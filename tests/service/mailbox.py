"""A mail relay on a free port of this machine: it speaks SMTP and keeps what it gets."""

import email
import email.policy
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage


@dataclass
class Mailbox:
    """What a relay got, and how it answers.

    Attributes:
        port: where it listens.
        mails: that it took.
        said: every line that a client sent in the open.
        answers: for the next commands of a kind, such as ``{"RCPT": ["550 no such mailbox"]}``.
        tls: with it STARTTLS is offered.
    """

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    answers: dict[str, list[str]] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None

    def text(self, number: int = -1) -> str:
        """What one of the mails says."""
        return str(self.mails[number].get_content()).replace("\r\n", "\n")

    def link(self, kind: str, number: int = -1) -> str:
        """The path of a link in one of the mails."""
        lines = (line.strip() for line in self.text(number).splitlines())
        return next(line[line.index(f"/letter/{kind}/") :] for line in lines if f"/{kind}/" in line)


class _Session(socketserver.StreamRequestHandler):
    """One connection."""

    def handle(self) -> None:
        self.safe = False
        self._say("220 mailbox")
        while line := self.rfile.readline():
            said = line.decode().strip()
            command = said[:4].upper()
            if not self.safe:
                self.box.said.append(said)
            if waiting := self.box.answers.get(command):
                self._say(waiting.pop(0))
                continue
            if command == "DATA":
                self._data()
            elif command == "STAR":
                self._start_tls()
            else:
                self._say(self._answer(command))
            if command == "QUIT":
                return

    def finish(self) -> None:
        super().finish()
        if self.safe:
            self.request.close()

    @property
    def box(self) -> Mailbox:
        found: Mailbox = getattr(self.server, "box")  # noqa: B009  # set below
        return found

    def _answer(self, command: str) -> str:
        offers = "250-STARTTLS\r\n" if self.box.tls and not self.safe else ""
        known = {"EHLO": f"250-mailbox\r\n{offers}250 AUTH PLAIN", "AUTH": "235 welcome"}
        return known.get(command, "221 bye" if command == "QUIT" else "250 fine")

    def _data(self) -> None:
        self._say("354 go on")
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        parsed = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        self.box.mails.append(parsed)
        self._say("250 taken")

    def _start_tls(self) -> None:
        assert self.box.tls is not None
        self._say("220 go on")
        try:
            self.request = self.box.tls.wrap_socket(self.request, server_side=True)
        except OSError:  # the client does not trust us
            return
        self.safe = True
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_: object) -> None:
        """A client that hung up is none."""


@contextmanager
def mailbox(host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Iterator[Mailbox]:
    """A relay, until the end of the block."""
    box = Mailbox(tls=tls)
    with _Server((host, 0), _Session) as server:
        setattr(server, "box", box)  # noqa: B010
        box.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield box
        finally:
            server.shutdown()
            thread.join()
