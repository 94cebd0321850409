"""What a key did of late: its last ten minutes and its last day, kept up request by request."""

from collections import Counter, deque
from dataclasses import dataclass

from pleinair.access.habits import DAY, HOUR

TEN_MINUTES = 600.0
_REMEMBERED = 256  # requests of the last ten minutes


@dataclass(frozen=True)
class Observation:
    """One request.

    Attributes:
        at: seconds since 1970.
        network: /24 of an IPv4 address, /48 of an IPv6 one.
        client: what sent it, in short: its library, system and runtime.
        prompt: of a create.
    """

    at: float
    network: str
    client: str
    prompt: str | None = None


@dataclass
class Hour:
    """Counts of one hour: of all requests, of newcomers' and of those at odd hours."""

    number: int
    requests: int = 0
    known: int = 0
    fresh: int = 0
    strange: int = 0  # by a newcomer client from a newcomer network
    odd: int = 0
    switches: int = 0
    prompts: int = 0
    novelty: float = 0.0


class Recent:
    """The last ten minutes and the last day of a key, kept up to date request by request."""

    def __init__(self) -> None:
        self.last: Observation | None = None
        self.fresh = False  # whether that one came from a newcomer network,
        self.strange = False  # and by a newcomer client
        self.hours: deque[Hour] = deque()
        self.networks: Counter[str] = Counter()  # newcomers of the last ten minutes
        self.clients: Counter[str] = Counter()
        self._ten: deque[tuple[float, str, str]] = deque()

    def add(
        self, seen: Observation, *, network: bool, client: bool, odd: bool, unseen: bool
    ) -> bool:
        """Count a request; whether it went back to another network.

        Args:
            seen: the request.
            network, client: whether these are newcomers.
            odd: whether the key is hardly ever used at that hour.
            unseen: whether this network is here for the first time: to go on is not to go back.
        """
        while self._ten and (
            self._ten[0][0] < seen.at - TEN_MINUTES or len(self._ten) >= _REMEMBERED
        ):
            _, old_network, old_client = self._ten.popleft()
            _less(self.networks, old_network)
            _less(self.clients, old_client)
        self._ten.append((seen.at, seen.network * network, seen.client * client))
        if network:
            self.networks[seen.network] += 1
        if client:
            self.clients[seen.client] += 1
        switched = (
            self.last is not None
            and not unseen
            and seen.at - self.last.at < DAY
            and seen.network != self.last.network
            and (network or self.fresh)
            and (client or self.strange or seen.client == self.last.client)
        )
        hour = self._hour(seen.at)
        hour.requests += 1
        hour.known += not network
        hour.fresh += network
        hour.strange += network and client
        hour.odd += network and odd
        hour.switches += switched
        self.last, self.fresh, self.strange = seen, network, client
        return switched

    def create(self, at: float, novelty: float) -> None:
        """Count a prompt of a newcomer: the share of its words that are new to the key."""
        hour = self._hour(at)
        hour.prompts += 1
        hour.novelty += novelty

    def day(self) -> Hour:
        """The last 24 hours together."""
        total = Hour(0)
        for hour in self.hours:
            total.requests += hour.requests
            total.known += hour.known
            total.fresh += hour.fresh
            total.strange += hour.strange
            total.odd += hour.odd
            total.switches += hour.switches
            total.prompts += hour.prompts
            total.novelty += hour.novelty
        return total

    def _hour(self, at: float) -> Hour:
        number = int(at // HOUR)
        if not self.hours or self.hours[-1].number < number:
            self.hours.append(Hour(number))
            while self.hours[0].number <= number - 24:
                self.hours.popleft()
        return self.hours[-1]


def _less(counter: Counter[str], name: str) -> None:
    if name:
        counter[name] -= 1
        if counter[name] <= 0:
            del counter[name]
