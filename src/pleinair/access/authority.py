"""Who may do what: one table, and what is not in it nobody may.

Each row is an act: the routes that do it, the roles that may, and what else holds for it. The
table is read by the guard before every request, by `pleinair.access.powers` in the transaction of
every act of power, and by a test that calls every route as everybody.
"""

from dataclasses import dataclass
from functools import cache

from pleinair.access.actor import Actor, Role
from pleinair.errors import AccessError, ForbiddenError

TEAM = frozenset({Role.ADMINISTRATOR, Role.REVIEWER})
ARTISTS = frozenset({Role.TESTER, Role.RED_TEAMER, Role.CREATIVE_PARTNER})
MAKERS = ARTISTS | {Role.DEVELOPER}
ALL = TEAM | MAKERS
ADMINISTRATORS = frozenset({Role.ADMINISTRATOR})
NO_KEY = "You didn't provide an API key. Send it as: Authorization: Bearer YOUR_KEY."
NO_PROGRAMME = "This server has no access programme; `pleinair admin init` begins one."


@dataclass(frozen=True)
class Rule:
    """A row of the table.

    Attributes:
        act: its name.
        routes: that do it, as ``METHOD /path/{of}/route``.
        who: roles that may.
        scope: that a key must have.
        public: nobody is asked who they are.
        local: also on a server without members.
        own: of what belongs to the caller alone; a stranger's thing is not there.
        always: also while access is off, and before the newest terms are accepted.
        power: an act of power: it is on record.
    """

    act: str
    routes: tuple[str, ...]
    who: frozenset[Role] = frozenset()
    scope: str = ""
    public: bool = False
    local: bool = False
    own: bool = True
    always: bool = False
    power: bool = False


def _public(act: str, *routes: str) -> Rule:
    return Rule(act, routes, public=True, local=True, own=False, always=True)


def _video(act: str, scope: str, *routes: str, always: bool = False) -> Rule:
    return Rule(act, routes, ALL, scope, local=True, always=always)


def _mine(
    act: str, *routes: str, who: frozenset[Role] = ALL, scope: str = "account", always: bool = False
) -> Rule:
    return Rule(act, routes, who, scope, always=always)


def _team(act: str, *routes: str, power: bool = True) -> Rule:
    return Rule(act, routes, TEAM, "review", own=False, always=True, power=power)


def _admin(act: str, *routes: str, power: bool = True) -> Rule:
    return Rule(act, routes, ADMINISTRATORS, "admin", own=False, always=True, power=power)


RULES: tuple[Rule, ...] = (
    # What anybody may see.
    _public("probe", "GET /health", "GET /ready", "GET /metrics", "GET /v1/openapi.json"),
    _public("media.get", "GET /media/{key:path}", "HEAD /media/{key:path}"),
    _public(
        "shared.get",
        "GET /shared/feed.json",
        "GET /shared/{share_id}",
        "GET /shared/{share_id}/embed",
        "GET /shared/{share_id}/{file}",
        "HEAD /shared/{share_id}/{file}",
    ),
    _public("gallery.get", "GET /gallery"),
    _public("transparency.get", "GET /transparency", "GET /transparency.json"),
    _public("letter.get", "GET /letter"),
    _public(
        "letter.sign",
        "POST /letter/sign",
        "GET /letter/confirm/{token}",
        "POST /letter/confirm/{token}",
        "GET /letter/withdraw/{token}",
        "POST /letter/withdraw/{token}",
    ),
    # The way in.
    _public("sign_in", "POST /access/v1/sign-in"),
    _public("oidc", "GET /access/v1/oidc/start", "GET /access/v1/oidc/callback"),
    _public("invitation.get", "GET /access/v1/invitations/{token}"),
    _public("invitation.accept", "POST /access/v1/invitations/{token}/accept"),
    _public("scan", "POST /access/v1/scans"),
    # The Videos API.
    _video(
        "videos.create",
        "videos.write",
        "POST /v1/videos",
        "POST /v1/videos/edits",
        "POST /v1/videos/extensions",
        "POST /v1/videos/connections",
        "POST /v1/videos/retakes",
        "POST /v1/videos/{video_id}/remix",
        "POST /v1/videos/characters",
        "POST /v1/rewrites",
    ),
    _video(
        "videos.read",
        "videos.read",
        "GET /v1/videos",
        "GET /v1/videos/{video_id}",
        "GET /v1/videos/{video_id}/content",
        "HEAD /v1/videos/{video_id}/content",
        "GET /v1/videos/{video_id}/link",
        "GET /v1/videos/{video_id}/events",
        "GET /v1/videos/characters/{character_id}",
        "GET /v1/folders",
        "GET /v1/models",
        "GET /v1/models/{model_id:path}",
    ),
    _video(
        "videos.end",
        "videos.write",
        "DELETE /v1/videos/{video_id}",
        "POST /v1/videos/{video_id}/cancel",
        always=True,
    ),
    _video(
        "videos.keep",
        "videos.write",
        "POST /v1/videos/{video_id}/mark",
        "POST /v1/videos/{video_id}/restore",
        always=True,
    ),
    _video(
        "boards.read",
        "videos.read",
        "GET /v1/storyboards",
        "GET /v1/storyboards/{storyboard_id}",
    ),
    _video(
        "boards.write",
        "videos.write",
        "POST /v1/storyboards",
        "POST /v1/storyboards/{storyboard_id}",
        "POST /v1/storyboards/{storyboard_id}/render",
    ),
    _video(
        "boards.end",
        "videos.write",
        "DELETE /v1/storyboards/{storyboard_id}",
        "POST /v1/storyboards/{storyboard_id}/cancel",
        always=True,
    ),
    _video(
        "files",
        "files",
        "POST /v1/files",
        "GET /v1/files",
        "GET /v1/files/{file_id}",
        "GET /v1/files/{file_id}/content",
        "HEAD /v1/files/{file_id}/content",
        "DELETE /v1/files/{file_id}",
        "POST /v1/batches",
        "GET /v1/batches",
        "GET /v1/batches/{batch_id}",
        "POST /v1/batches/{batch_id}/cancel",
    ),
    _video("origins.find", "videos.read", "POST /v1/origins"),
    _video(
        "webhooks",
        "webhooks",
        "POST /v1/webhook_endpoints",
        "GET /v1/webhook_endpoints",
        "GET /v1/webhook_endpoints/{webhook_endpoint_id}",
        "POST /v1/webhook_endpoints/{webhook_endpoint_id}",
        "DELETE /v1/webhook_endpoints/{webhook_endpoint_id}",
        "POST /v1/webhook_endpoints/{webhook_endpoint_id}/rotate_secret",
        "POST /v1/webhook_endpoints/{webhook_endpoint_id}/test",
        "GET /v1/webhook_event_types",
    ),
    # Sharing.
    _mine(
        "share.ask",
        "POST /v1/videos/{video_id}/share",
        "POST /v1/videos/{video_id}/share/appeal",
        who=ARTISTS,
        scope="share",
    ),
    _mine(
        "share.read",
        "GET /v1/videos/{video_id}/share",
        "GET /v1/shares",
        who=ARTISTS,
        scope="share",
    ),
    _mine(
        "share.withdraw",
        "DELETE /v1/videos/{video_id}/share",
        who=ARTISTS,
        scope="share",
        always=True,
    ),
    # Oneself.
    _mine(
        "account.read",
        "GET /access/v1/me",
        "GET /access/v1/quotas",
        "GET /access/v1/notices",
        "GET /access/v1/statement",
        "GET /access/v1/export",
        always=True,
    ),
    _mine(
        "account.write",
        "POST /access/v1/terms",
        "POST /access/v1/password",
        "POST /access/v1/sign-out",
        "POST /access/v1/notices/{notice_id}/read",
        always=True,
    ),
    _mine("members.leave", "POST /access/v1/leave", always=True),
    _mine("keys.read", "GET /access/v1/keys", always=True),
    _mine("keys.create", "POST /access/v1/keys", "POST /access/v1/keys/{key_id}/rotate"),
    _mine("keys.revoke", "DELETE /access/v1/keys/{key_id}", always=True),
    _mine("contributions.read", "GET /access/v1/contributions", who=ARTISTS),
    _mine("contributions.create", "POST /access/v1/contributions", who=ARTISTS),
    # The reviewers.
    _team(
        "reviews.read",
        "GET /admin/v1/reviews",
        "GET /admin/v1/reviews/{share_id}",
        "GET /admin/v1/reviews/{share_id}/content",
        "GET /admin/v1/held",
        "GET /admin/v1/held/{video_id}/content",
        "GET /admin/v1/notices",
        "POST /admin/v1/notices/{notice_id}/read",
        power=False,
    ),
    _team(
        "reviews.decide",
        "POST /admin/v1/reviews/{share_id}/decision",
        "POST /admin/v1/reviews/decisions",
    ),
    _team("reviews.appeal", "POST /admin/v1/reviews/{share_id}/appeal"),
    _team("reviews.withdraw", "POST /admin/v1/reviews/{share_id}/withdraw"),
    _team("flags.clear", "POST /admin/v1/held/{video_id}/clear"),
    # The administrators.
    _admin(
        "programmes.read",
        "GET /admin/v1/programmes",
        "GET /admin/v1/programmes/{programme_id}",
        power=False,
    ),
    _admin("programmes.create", "POST /admin/v1/programmes"),
    _admin("programmes.update", "POST /admin/v1/programmes/{programme_id}"),
    _admin(
        "members.read",
        "GET /admin/v1/members",
        "GET /admin/v1/members/{member_id}",
        "GET /admin/v1/members/{member_id}/statement",
        power=False,
    ),
    _admin("members.create", "POST /admin/v1/members"),
    _admin("members.update", "POST /admin/v1/members/{member_id}"),
    _admin("members.suspend", "POST /admin/v1/members/{member_id}/suspend"),
    _admin("members.reinstate", "POST /admin/v1/members/{member_id}/reinstate"),
    _admin("invitations.read", "GET /admin/v1/invitations", power=False),
    _admin("invitations.create", "POST /admin/v1/invitations"),
    _admin("invitations.revoke", "POST /admin/v1/invitations/{invitation_id}/revoke"),
    _admin("keys.list", "GET /admin/v1/keys", power=False),
    _admin("keys.issue", "POST /admin/v1/keys"),
    _admin("keys.stop", "POST /admin/v1/keys/{key_id}/revoke"),
    _admin("switches.read", "GET /admin/v1/switches", "GET /admin/v1/switches/reach", power=False),
    _admin("switches.off", "POST /admin/v1/switches"),
    _admin("switches.on", "POST /admin/v1/switches/{switch_id}/on"),
    _admin(
        "incidents.read",
        "GET /admin/v1/incidents",
        "GET /admin/v1/incidents/{incident_id}",
        power=False,
    ),
    _admin("incidents.close", "POST /admin/v1/incidents/{incident_id}/close"),
    _admin("signatures.list", "GET /admin/v1/signatures", power=False),
    _admin("signatures.remove", "POST /admin/v1/signatures/{signature_id}/remove"),
    _admin("contributions.list", "GET /admin/v1/contributions", power=False),
    _admin("contributions.decide", "POST /admin/v1/contributions/{contribution_id}/decision"),
    _admin("ledger.read", "GET /admin/v1/ledger", "GET /admin/v1/ledger/balances", power=False),
    _admin("ledger.pay", "POST /admin/v1/payouts"),
    _admin("audit.read", "GET /admin/v1/audit", "GET /admin/v1/audit/verify", power=False),
)
ACTS = {rule.act: rule for rule in RULES}


@cache
def _plain(route: str) -> str:
    return route.replace(":path}", "}")


_ROUTES = {_plain(route): rule for rule in RULES for route in rule.routes}


def rule_of(method: str, path: str) -> Rule | None:
    """The row of a route, written with ``{name:path}`` or with ``{name}``; None if it has none."""
    return _ROUTES.get(_plain(f"{method} {path}"))


def permit(actor: Actor, rule: Rule | None) -> None:
    """Raise unless the table lets this actor do this.

    Raises:
        AccessError: it takes somebody known, and nobody is.
        ForbiddenError: it is not for this role or this key, or stands in no row.
    """
    if rule is None:
        raise ForbiddenError("Nobody may do this.")
    if rule.public:
        return
    if actor.via == "nobody":
        raise AccessError(NO_KEY)
    if actor.role is None:
        if not rule.local:
            raise ForbiddenError(NO_PROGRAMME)
        return
    if actor.role not in rule.who:
        allowed = ", ".join(sorted(role.replace("_", " ") for role in rule.who))
        raise ForbiddenError(
            f"This is not for a {actor.role.replace('_', ' ')}; it is for: {allowed}."
        )
    if actor.scopes is not None and rule.scope not in actor.scopes:
        raise ForbiddenError(f"This key lacks the scope {rule.scope!r}.")
