"""Which addresses of the internet are public: a table of our own.

Python's ``ipaddress.is_global`` calls multicast, NAT64, 6to4 and others global, and its answers
change with its version. Here IPv4 is public but for what is listed; of IPv6 only 2000::/3, from
which public addresses are given out, but for what is listed. Whatever leads to an IPv4 address by
way of a translator or a tunnel is refused, since what is behind it cannot be seen.
"""

import ipaddress
from collections.abc import Sequence
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_LISTED = {
    "0.0.0.0/8": "this network",
    "10.0.0.0/8": "private",
    "100.64.0.0/10": "shared behind carriers, and metadata of clouds",
    "127.0.0.0/8": "this machine",
    "168.63.129.16/32": "the host of a virtual machine in Azure",
    "169.254.0.0/16": "link-local, and metadata of clouds",
    "172.16.0.0/12": "private",
    "192.0.0.0/24": "protocol assignments, and metadata of clouds",
    "192.0.2.0/24": "documentation",
    "192.88.99.0/24": "6to4 relays",
    "192.168.0.0/16": "private",
    "198.18.0.0/15": "benchmarking",
    "198.51.100.0/24": "documentation",
    "203.0.113.0/24": "documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved, and broadcast",
    "::/128": "unspecified",
    "::1/128": "this machine",
    "::/96": "IPv4-compatible",
    "::ffff:0:0:0/96": "IPv4-translated",
    "64:ff9b::/96": "NAT64",
    "64:ff9b:1::/48": "NAT64 of one's own",
    "100::/64": "discarded",
    "2001::/32": "Teredo",
    "2001::/23": "protocol assignments, benchmarking and ORCHID",
    "2001:db8::/32": "documentation",
    "2002::/16": "6to4",
    "3fff::/20": "documentation",
    "5f00::/16": "segment routing",
    "fc00::/7": "private",
    "fe80::/10": "link-local",
    "fec0::/10": "site-local",
    "ff00::/8": "multicast",
}
NOT_PUBLIC: dict[Network, str] = {ipaddress.ip_network(text): why for text, why in _LISTED.items()}
_GIVEN_OUT = ipaddress.IPv6Network("2000::/3")


def read_address(text: str) -> Address:
    """The address that a text spells; an IPv4 address inside ``::ffff:0:0/96`` is that address.

    Raises:
        ValueError: it is no address.
    """
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or address
    return address


def why_not_public(address: Address) -> str | None:
    """What kind of address it is if it is not public, else None."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return why_not_public(address.ipv4_mapped)
        if address.scope_id is not None:
            return "of one interface"
    for network, why in NOT_PUBLIC.items():
        if address in network:
            return why
    if isinstance(address, ipaddress.IPv6Address) and address not in _GIVEN_OUT:
        return "not given out"
    return None


def is_within(address: Address, networks: Sequence[Network]) -> bool:
    """Whether an address belongs to one of the networks."""
    return any(address in network for network in networks)
