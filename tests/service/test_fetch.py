import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pleinair.errors import InputError
from pleinair.service.fetch import Guard, Timeouts, client, fetch, look_up
from tests.service.receiver import LOOPBACK, Got, Receiver, Reply, listen


def _here(host: str, port: int) -> Sequence[str]:
    return ["127.0.0.1"] if host.endswith((".example", "127.0.0.1")) else []


HERE = Guard(LOOPBACK, _here)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listen(lambda _: Reply(body=b"a picture")) as receiver:
        yield receiver


def test_what_is_at_an_allowed_address_is_fetched(receiver: Receiver) -> None:
    assert fetch(f"http://a.example:{receiver.port}/x?y=1", HERE, 100, "url") == b"a picture"
    assert receiver.got[0].path == "/x?y=1"
    assert receiver.got[0].headers["host"] == f"a.example:{receiver.port}"


def test_without_the_operators_leave_nothing_inside_is_reached(receiver: Receiver) -> None:
    for url in (receiver.url, f"http://a.example:{receiver.port}/"):
        with pytest.raises(InputError, match=r"image_url.*public internet"):
            fetch(url, Guard(look_up=_here), 100, "image_url")
    assert receiver.got == []


def test_a_name_that_changes_its_answer_is_looked_up_only_once(receiver: Receiver) -> None:
    asked = []

    def turning(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    fetch(f"http://turning.example:{receiver.port}/", Guard(LOOPBACK, turning), 100, "url")
    assert asked == ["turning.example"]


def test_one_address_inside_among_public_ones_is_enough_for_a_refusal() -> None:
    guard = Guard(look_up=lambda host, port: ["93.184.216.34", "10.0.0.1"])
    with pytest.raises(InputError, match="public"):
        guard.resolve("mixed.example", 443)


def test_known_and_unknown_names_inside_are_refused_in_the_same_words() -> None:
    known = Guard(LOOPBACK, lambda host, port: ["10.0.0.1"])
    unknown = Guard(LOOPBACK, lambda host, port: [])
    for inside in (False, True):
        told = []
        for guard in (known, unknown):
            with pytest.raises(InputError) as caught:
                guard.resolve("wiki.corp", 80, inside=inside)
            told.append(str(caught.value))
        assert told[0] == told[1]
        assert "10.0.0.1" not in told[0]


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("ftp://a.example/", "https://"),
        ("file:///etc/passwd", "https://"),
        ("a.example", "https://"),
        ("http:///path", "https://"),
        ("http://user:word@a.example/", "user"),
        ("http://a.example:0/", "65535"),
        ("http://a.example:70000/", "65535"),
        ("http://a.example:port/", "http"),
        ("http://0177.0.0.1/", "http"),
        ("http://2130706433/", "public"),
        ("http://0x7f.1/", "public"),
        ("http://[::1]/", "public"),
    ],
)
def test_addresses_that_can_be_told_by_their_looks_are_refused_before_a_look_up(
    url: str, allowed: str
) -> None:
    with pytest.raises(InputError, match=f"picture.*allowed: .*{allowed}"):
        Guard().check_url(url, "picture")


def test_a_refused_password_is_not_repeated() -> None:
    with pytest.raises(InputError) as caught:
        Guard().check_url("http://user:secret@a.example/", "url")
    assert "secret" not in str(caught.value)


def test_where_only_https_may_leave_http_reaches_allowed_networks_alone(
    receiver: Receiver,
) -> None:
    with client(HERE, plain=False) as http:
        assert http.get(f"http://a.example:{receiver.port}/").status_code == 200
    outside = Guard(LOOPBACK, lambda host, port: ["93.184.216.34"])
    with client(outside, plain=False) as http, pytest.raises(InputError, match="https"):
        http.get("http://outside.example/")
    with pytest.raises(InputError, match="https"):
        Guard().check_url("http://a.example/", "url", plain=False)
    with pytest.raises(InputError, match="https"):
        outside.check_url("http://93.184.216.34/", "url", plain=False)


def test_redirects_are_followed_three_times(receiver: Receiver) -> None:
    def onward(got: Got) -> Reply:
        step = int(got.path[1:])
        return Reply(307, {"location": f"/{step - 1}"}) if step else Reply(body=b"there")

    receiver.answer = onward
    base = f"http://a.example:{receiver.port}"
    assert fetch(f"{base}/3", HERE, 100, "url") == b"there"
    with pytest.raises(InputError, match="3 redirects"):
        fetch(f"{base}/4", HERE, 100, "url")


@pytest.mark.parametrize(
    "target",
    ["http://b.test/", "http://10.0.0.1/", "ftp://a.example/", "http://u:p@a.example:PORT/"],
)
def test_a_redirect_is_judged_like_the_first_address(receiver: Receiver, target: str) -> None:
    location = target.replace("PORT", str(receiver.port))
    receiver.answer = lambda _: Reply(302, {"location": location})
    with pytest.raises(InputError, match="picture"):
        fetch(f"http://a.example:{receiver.port}/", HERE, 100, "picture")
    assert len(receiver.got) == 1


def test_a_redirect_that_cannot_be_read_is_refused(receiver: Receiver) -> None:
    receiver.answer = lambda _: Reply(302, {"location": "http://a.example:x/"})
    with pytest.raises(InputError, match="picture"):
        fetch(f"http://a.example:{receiver.port}/", HERE, 100, "picture")


def test_too_much_is_not_read(receiver: Receiver) -> None:
    receiver.answer = lambda _: Reply(body=b"x" * 5_000_000)
    with pytest.raises(InputError, match="at most 1,000 bytes"):
        fetch(receiver.url, HERE, 1_000, "url")


def test_packed_bodies_are_not_unpacked(receiver: Receiver) -> None:
    receiver.answer = lambda _: Reply(headers={"content-encoding": "gzip"}, body=b"packed")
    assert fetch(receiver.url, HERE, 6, "url") == b"packed"
    assert receiver.got[0].headers["accept-encoding"] == "identity"


def test_only_success_is_an_answer(receiver: Receiver) -> None:
    receiver.answer = lambda _: Reply(404)
    with pytest.raises(InputError, match="404"):
        fetch(receiver.url, HERE, 100, "url")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(InputError, match="addresses that answer"):
        fetch(f"http://127.0.0.1:{port}/", HERE, 100, "url")


def test_an_answer_that_drips_ends_when_the_time_is_over() -> None:
    rest = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nx-slow: ")
            for _ in range(200):  # not for ever: a test that fails should end, too
                if rest.wait(0.02):
                    return
                with suppress(OSError):
                    connection.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with pytest.raises(InputError, match=r"too long|timed out"):
            fetch(url, HERE, 100, "url", Timeouts(total=0.3))
        rest.set()
        thread.join()


def test_proxies_of_the_environment_are_ignored(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert fetch(f"http://a.example:{receiver.port}/", HERE, 100, "url") == b"a picture"


def test_cookies_are_neither_kept_nor_sent(receiver: Receiver) -> None:
    receiver.answer = lambda _: Reply(headers={"set-cookie": "a=b"})
    with client(HERE) as http:
        http.get(receiver.url)
        http.get(receiver.url)
    assert "cookie" not in receiver.got[1].headers


def test_tls_verifies_the_name_though_the_connection_goes_to_an_address(tmp_path: Path) -> None:
    server, trusting = certificate("right.example", tmp_path)
    with listen(tls=server) as receiver, client(HERE, tls=trusting) as http:
        assert http.get(f"https://right.example:{receiver.port}/").status_code == 200
        with pytest.raises(httpx.ConnectError, match="Hostname mismatch"):
            http.get(f"https://wrong.example:{receiver.port}/")
        url = f"https://right.example:{receiver.port}/"
        with client(HERE) as stranger, pytest.raises(httpx.ConnectError, match="verify failed"):
            stranger.get(url)


def test_another_address_is_tried_when_one_does_not_answer(receiver: Receiver) -> None:
    guard = Guard(LOOPBACK, lambda host, port: ["127.0.0.2", "127.0.0.1"])
    assert fetch(f"http://two.example:{receiver.port}/", guard, 100, "url") == b"a picture"


def test_the_systems_resolver_reads_numbers_and_survives_nonsense() -> None:
    assert look_up("0x7f.1", 80) == ["127.0.0.1"]
    assert look_up("a..b", 80) == []


def test_allowed_networks_may_be_of_either_kind() -> None:
    guard = Guard(("10.0.0.0/8", "fd00::/8"))
    for ip in ("10.1.1.1", "::ffff:10.1.1.1", "fd00::1", "11.0.0.1"):
        guard.check_address(ip)
    for ip in ("127.0.0.1", "fc00::1", "nonsense"):
        with pytest.raises(InputError, match="operator allows"):
            guard.check_address(ip)


def certificate(name: str, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for a name, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    day = timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - day)
        .not_valid_after(datetime.now(UTC) + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "both.pem"
    form = serialization.PrivateFormat.PKCS8
    pem = serialization.Encoding.PEM
    path.write_bytes(
        key.private_bytes(pem, form, serialization.NoEncryption()) + made.public_bytes(pem)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=str(path))
