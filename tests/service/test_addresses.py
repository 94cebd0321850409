import ipaddress

import pytest

from pleinair.service.addresses import NOT_PUBLIC, is_within, read_address, why_not_public


@pytest.mark.parametrize("network", NOT_PUBLIC, ids=str)
def test_a_listed_network_is_refused_from_its_first_to_its_last_address(
    network: ipaddress.IPv4Network | ipaddress.IPv6Network,
) -> None:
    for address in (network[0], network[-1]):
        assert why_not_public(address)


@pytest.mark.parametrize(
    "text",
    [
        *("9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255"),
        *("128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0"),
        *("192.0.1.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0"),
        *("223.255.255.255", "168.63.129.15", "2000::", "2001:200::", "2003::"),
        *("2606:4700:4700::1111", "2a00::1", "3ffe::", "3fff:1000::", "::ffff:8.8.8.8"),
    ],
)
def test_neighbours_of_listed_networks_are_public(text: str) -> None:
    assert why_not_public(ipaddress.ip_address(text)) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("169.254.169.254", "metadata"),
        ("100.100.100.200", "metadata"),
        ("::ffff:10.1.2.3", "private"),
        ("::127.0.0.1", "compatible"),
        ("64:ff9b::7f00:1", "NAT64"),
        ("2002:7f00:1::", "6to4"),
        ("2001:0:1::1", "Teredo"),
        ("fd00:ec2::254", "private"),
        ("4000::1", "not given out"),
        ("fe80::1%eth0", "interface"),
        ("2606:4700::1%eth0", "interface"),
    ],
)
def test_a_refusal_says_what_the_address_is(text: str, why: str) -> None:
    assert why in (why_not_public(ipaddress.ip_address(text)) or "")


def test_an_address_mapped_into_ipv6_is_the_one_that_is_mapped() -> None:
    assert read_address("::ffff:10.0.0.1") == ipaddress.ip_address("10.0.0.1")
    assert is_within(read_address("::ffff:10.0.0.1"), [ipaddress.ip_network("10.0.0.0/8")])


def test_what_is_no_address_is_refused() -> None:
    for text in ("", "localhost", "2130706433", "127.1", "1.2.3.4.", "[::1]"):
        with pytest.raises(ValueError, match="address"):
            read_address(text)
