"""Requests to other servers on behalf of a caller: to listed hosts alone, at an address looked up once, no detours.

Nothing that a caller names is looked up unless its scheme, host and port are listed. The name is resolved once and the
connection goes to the address that was checked, so that a name which changes its mind reaches nothing else.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from onemap.block.query import shorten
from onemap.config import OutboundSettings
from onemap.errors import InvalidBody

_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_MOST = 2000
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Unreachable(Exception):
    """The other server did not answer as it should have."""


@dataclass(frozen=True, slots=True)
class Target:
    """A checked address: ``path`` with its query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port."""
        return self.scheme, self.host, self.port


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``headers``: by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def target_of(address: object, settings: OutboundSettings, pointer: str) -> Target:
    """Return the target of an address that a caller names.

    Raises InvalidBody unless it is an absolute http(s) address of a listed host, without a user name in it.
    """
    found = _parsed(address) if isinstance(address, str) else None
    if found is None:
        text = "Expected an absolute http or https address."
        raise InvalidBody(text, pointer=pointer, value=shorten(str(address)))
    if found.origin not in {target.origin for target in map(_parsed, settings.hosts) if target}:
        raise InvalidBody(
            f"This server does not ask '{shorten(found.host)}'.", "Send the value itself.", pointer=pointer
        )
    return found


def _parsed(address: str) -> Target | None:
    """Return the parts of an address; None where it is none that may be asked."""
    if len(address) > _MOST or not address.isascii() or not address.isprintable() or " " in address:
        return None
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    return Target(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], _path(parts))


def _path(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def resolve(target: Target, settings: OutboundSettings) -> str:
    """Return the address of the host, looked up once. Raises Unreachable; also when any of its addresses is inside."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except OSError:
        raise Unreachable("the host name is not known") from None
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(_allowed(ipaddress.ip_address(one.split("%")[0]), settings) for one in addresses):
        raise Unreachable("the host is at an address that is not allowed")
    return addresses[0]


def _allowed(address: Address, settings: OutboundSettings) -> bool:
    real = _inner(address)
    if any(real in network for network in settings.networks if network.version == real.version):
        return True
    return real.is_global and not real.is_multicast


def _inner(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for, where it stands for one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


class _Pinned(http.client.HTTPConnection):
    """A connection to one address, whatever the host name says by now; its certificate is of the host name."""

    def __init__(self, target: Target, address: str, timeout: float) -> None:
        super().__init__(target.host, target.port, timeout=timeout)
        self.default_port = _PORTS[target.scheme]
        self._address = address
        self._secure = target.scheme == "https"
        self._socket: socket.socket | None = None
        self._over = False

    def connect(self) -> None:
        self._socket = socket.create_connection((self._address, self.port), self.timeout)
        if self._secure:
            self._socket = ssl.create_default_context().wrap_socket(self._socket, server_hostname=self.host)
        self.sock = self._socket
        if self._over:  # during the handshake, when there was nothing to end yet
            raise TimeoutError

    def cut(self) -> None:
        """End the connection, even while it is being made or an answer is being read from it."""
        self._over = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


@contextmanager
def _limited(connection: _Pinned, seconds: float) -> Iterator[None]:
    """End a connection after this time, however slowly the other side goes on."""
    timer = threading.Timer(seconds, connection.cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        connection.close()


def exchange(
    target: Target, settings: OutboundSettings, most: int, body: bytes | None = None, media_type: str = ""
) -> Answer:
    """GET an address, or POST ``body`` to it, and return the answer of at most ``most`` bytes. Blocks.

    Raises Unreachable for what does not answer in time, answers with more, or asks to go elsewhere.
    """
    connection = _Pinned(target, resolve(target, settings), settings.seconds)
    headers = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "OneMap"}
    if body is not None:
        headers["Content-Type"] = media_type
    try:
        with _limited(connection, settings.seconds):
            connection.request("GET" if body is None else "POST", target.path, body, headers)
            with connection.getresponse() as response:
                return _answer(response, most)
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"no answer ({type(error).__name__})") from None


def _answer(response: http.client.HTTPResponse, most: int) -> Answer:
    headers = {name.lower(): value for name, value in response.getheaders()}
    if 300 <= response.status < 400:
        raise Unreachable("redirects are not followed")
    if headers.get("content-encoding", "identity") != "identity":
        raise Unreachable("the answer is compressed")
    body = response.read(most + 1)
    if len(body) > most:
        raise Unreachable(f"the answer has more than {most} bytes")
    if response.length:  # the connection was cut before all that was announced had come
        raise Unreachable("the answer is not complete")
    return Answer(response.status, headers, body)
