"""What the routes work with: the services of one server, made once when it starts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from pleinair.access.accounts import Accounts
from pleinair.access.admission import Admission
from pleinair.access.contributions import Contributions
from pleinair.access.export import Exports
from pleinair.access.incidents import Incidents
from pleinair.access.invitations import Invitations
from pleinair.access.keys import Keys
from pleinair.access.letter import Letter
from pleinair.access.members import Members
from pleinair.access.notices import Notices
from pleinair.access.oidc import Issuer
from pleinair.access.passwords import Passwords
from pleinair.access.pay import Pay
from pleinair.access.powers import Powers
from pleinair.access.programmes import Programmes
from pleinair.access.quotas import Quotas
from pleinair.access.scans import Scans
from pleinair.access.signatures import Signatures
from pleinair.access.statements import Statements
from pleinair.access.switchboard import Switchboard
from pleinair.access.watch import Watch
from pleinair.review.checks import Checks
from pleinair.review.desk import Desk
from pleinair.review.gallery import Gallery
from pleinair.review.gate import ReviewGate
from pleinair.review.held import Held
from pleinair.review.publisher import Publisher
from pleinair.review.reviews import Reviews
from pleinair.review.shares import Shares
from pleinair.review.transparency import Transparency
from pleinair.review.upkeep import Upkeep
from pleinair.service.audit import Anchor
from pleinair.service.batches import Batches
from pleinair.service.boards import Boards
from pleinair.service.characters import Characters
from pleinair.service.db import Database
from pleinair.service.endpoints import Endpoints
from pleinair.service.fetch import Guard
from pleinair.service.files import Files
from pleinair.service.gate import Gate, Gates
from pleinair.service.library import Library
from pleinair.service.materials import Materials
from pleinair.service.origins import Origins
from pleinair.service.rewriting import Rewriter
from pleinair.service.secret import server_secret
from pleinair.service.standing import Standings
from pleinair.service.storage import Storage
from pleinair.service.videos import Videos
from pleinair.settings import ServiceSettings


@dataclass(frozen=True)
class Services:
    """The services of one server."""

    settings: ServiceSettings
    database: Database
    storage: Storage
    guard: Guard
    videos: Videos
    library: Library
    standings: Standings
    materials: Materials
    characters: Characters
    files: Files
    batches: Batches
    boards: Boards
    origins: Origins
    endpoints: Endpoints
    admission: Admission
    powers: Powers
    keys: Keys
    programmes: Programmes
    members: Members
    invitations: Invitations
    accounts: Accounts
    issuer: Issuer
    notices: Notices
    switchboard: Switchboard
    quotas: Quotas
    pay: Pay
    contributions: Contributions
    statements: Statements
    exports: Exports
    incidents: Incidents
    watch: Watch
    scans: Scans
    shares: Shares
    reviews: Reviews
    desk: Desk
    held: Held
    gallery: Gallery
    transparency: Transparency
    signatures: Signatures
    rewriter: Rewriter | None = None  # where prompts can be rewritten
    chores: tuple[Callable[[], object], ...] = ()  # of the housekeeper

    @classmethod
    def open(cls, settings: ServiceSettings) -> "Services":
        """The services that the settings describe."""
        secret = server_secret(settings)
        database = Database(settings.database_url)
        storage = Storage(settings.storage_url, secret)
        guard = Guard(settings.webhook_allow)
        quotas = Quotas(database)
        gates: list[Gate] = [quotas]
        videos = Videos(database, settings, Gates(gates))
        files = Files(database, storage)
        powers = Powers(database, Anchor(settings.anchor_file))
        incidents = Incidents(database, powers)
        watch = Watch(database, incidents)
        gates.append(watch)
        passwords = Passwords()
        checks = Checks.of(settings)
        publisher = Publisher(database, storage)
        pay = Pay(database, powers)
        statements = Statements(database)
        reviews = Reviews(powers, publisher, pay.earn_share)
        letter = Letter.read(settings.letter)
        signatures = Signatures(database, powers, secret, letter, settings.url)
        gates.append(ReviewGate(checks))
        from pleinair.api.cards import Cards  # which work with these services in turn
        from pleinair.api.lines import Lines

        lines = Lines(lambda: made)
        made = cls(
            settings=settings,
            database=database,
            storage=storage,
            guard=guard,
            videos=videos,
            library=Library(database),
            standings=Standings(database),
            materials=Materials(database, storage),
            characters=Characters(database),
            files=files,
            batches=Batches(database, files, videos, lines),
            boards=Boards(database, videos, Cards(lambda: made)),
            origins=Origins(database, secret),
            endpoints=Endpoints(database, secret, guard),
            admission=Admission(database, settings),
            powers=powers,
            keys=Keys(database, powers),
            programmes=Programmes(database, powers),
            members=Members(database, powers),
            invitations=Invitations(database, powers, passwords),
            accounts=Accounts(database, passwords),
            issuer=Issuer(settings, secret),
            notices=Notices(database),
            switchboard=Switchboard(database, powers, settings),
            quotas=quotas,
            pay=pay,
            contributions=Contributions(database, powers),
            statements=statements,
            exports=Exports(database, storage, videos.artifacts, statements),
            incidents=incidents,
            watch=watch,
            scans=Scans(database, incidents, settings.scanners),
            shares=Shares(database, storage, checks, reviews),
            reviews=reviews,
            desk=Desk(database),
            held=Held(database, powers),
            gallery=Gallery(database),
            transparency=Transparency(database),
            signatures=signatures,
            rewriter=Rewriter.of(settings),
            chores=(Upkeep(database, publisher), watch.tick, signatures.tidy),
        )
        return made


def services(request: Request) -> Services:
    """The services of the server that got this request."""
    found: Services = request.app.state.services
    return found


def base_of(use: Services, request: Request) -> str:
    """The address of this server, without a slash at its end."""
    return use.settings.url.rstrip("/") or str(request.base_url).rstrip("/")


Use = Annotated[Services, Depends(services)]
