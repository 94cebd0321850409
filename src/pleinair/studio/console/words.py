"""What the console calls things: pages, states, kinds, acts, and the fields of a programme."""

from collections.abc import Mapping

PLACES = {
    "/console": "Overview",
    "/console/programmes": "Programmes",
    "/console/invitations": "Invitations",
    "/console/members": "Members",
    "/console/keys": "Keys",
    "/console/switches": "Switches",
    "/console/incidents": "Leaks",
    "/console/ledger": "Ledger",
    "/console/audit": "Audit",
}
ROLES = {
    "administrator": "administrator",
    "reviewer": "reviewer",
    "tester": "tester",
    "red_teamer": "red teamer",
    "creative_partner": "creative partner",
    "developer": "developer",
}
STATES = {
    "open": "open",
    "paused": "paused",
    "closed": "closed",
    "active": "active",
    "suspended": "suspended",
    "left": "has left",
    "limited": "limited",
    "stopped": "stopped",
    "revoked": "revoked",
    "expired": "expired",
    "used": "used",
    "waiting": "waiting",
    "accepted": "accepted",
    "refused": "refused",
    "off": "off",
    "on": "on again",
}
GOOD = ("open", "active", "on", "accepted")
BAD = ("suspended", "stopped", "limited", "off", "paused")
LEAKS = {
    "use": "used by strangers",
    "decoy": "a decoy was used",
    "published": "found in public",
}
VERDICTS = {"leak": "It was a leak", "honest": "It was honest use"}
CONTRIBUTIONS = {"report": "red-team report", "feedback": "feedback"}
KINDS = {
    "everyone": "Everyone",
    "programme": "A programme",
    "role": "A role",
    "member": "A member",
    "key": "A key",
    "model": "A model",
}
RUNNING = {"pause": "They pause and begin anew later", "cancel": "They are cancelled"}
REVIEWS = {
    "all": "Every video that is to be shared",
    "new": "Those of new members",
    "flagged": "Only what a check has flagged",
    "none": "None",
}
POSTINGS = {
    "earn.share": "Earned by a shared video",
    "earn.report": "Earned by a report",
    "earn.feedback": "Earned by feedback",
    "payout": "Paid out",
    "reserve": "Held for a video",
    "settle": "Spent on a video",
    "release": "Given back",
}
ACCOUNTS = {
    "owed": "Owed to {name}",
    "held": "Held for {name}",
    "spent": "Spent by {name}",
    "pay": "{name}: pay",
    "generation": "{name}: videos",
    "payouts": "Paid out",
}
FIELDS = {
    "name": "Name",
    "state": "State",
    "terms": "Terms",
    "rate": "Videos asked for in a minute, each member",
    "concurrent": "Videos at once, each member",
    "seconds_each": "Seconds of video in a period, each member",
    "seconds_all": "Seconds of video in a period, all together",
    "spend_each": "Cost in a period, each member",
    "spend_all": "Cost in a period, all together",
    "period_hours": "Hours of a period",
    "review": "What a person reviews",
    "new_videos": "Approved videos until a member is not new",
    "review_hours": "Hours in which one decides",
    "appeal_days": "Days in which one may appeal",
    "own_download": "Owners may download before approval",
    "currency": "Currency",
    "price": "Cost of a second of video",
    "pay_share": "For an approved shared video",
    "pay_report": "For an accepted report",
    "pay_hour": "For an hour of feedback",
}
FLIPS = {"open": "Pause", "paused": "Open again", "closed": "Open again"}
YES = {"true": "yes", "false": "no"}
ACTS = {
    "programmes.create": "began a programme",
    "programmes.update": "changed a programme",
    "members.create": "made a member",
    "members.update": "changed a member",
    "members.suspend": "suspended a member",
    "members.reinstate": "reinstated a member",
    "invitations.create": "invited somebody",
    "invitations.revoke": "revoked an invitation",
    "keys.issue": "issued a key",
    "keys.stop": "stopped a key",
    "switches.off": "put something off",
    "switches.on": "put something on again",
    "signatures.remove": "removed a signature",
    "incidents.limit": "limited a key",
    "incidents.stop": "stopped a leaked key",
    "incidents.published": "learned of a key found in public",
    "incidents.decoy": "saw a decoy used",
    "incidents.close": "closed a leak",
    "reviews.decide": "decided a review",
    "reviews.appeal": "decided an appeal",
    "reviews.withdraw": "withdrew a shared video",
    "flags.clear": "cleared a held video",
    "contributions.decide": "decided a contribution",
    "ledger.pay": "paid out",
}
FEATURES = {
    "networks": "New networks",
    "crowd": "Many networks at once",
    "switches": "Back and forth",
    "clients": "New programs",
    "stranger": "New program, new network",
    "together": "Owner and strangers at once",
    "lasting": "Day after day",
    "rate": "Requests",
    "hours": "Hours of the day",
    "prompts": "Words in prompts",
    "published": "Found in public",
}
SEEN = {
    name: name
    for name in (
        "{a} new networks in ten minutes, {b} in a day",
        "{a} new networks in ten minutes",
        "{a} new networks in a day",
        "{a} new networks in a week",
        "{a} new networks",
        "{a} returns to or from new networks in a day",
        "{a} new programs in ten minutes",
        "{a} new programs in a day",
        "{a} new programs in a week",
        "{a} requests by a new program from a new network",
        "{a} requests from known networks and {b} from new ones in a day",
        "strangers beside others on {a} days of a week",
        "{a} requests in a day",
        "{a} of what comes from new networks at hours without use before",
        "{a} of the words in prompts were not there before",
        "{a} and {b} or fewer",
        "{a} or fewer",
        "one or the other",
        "none",
    )
}
"""How `pleinair.access.leaks` puts what it saw, the longest first, so that it can be translated."""


def word(table: Mapping[str, str], key: str) -> str:
    """What something is called; as the API has it, if there is no better word."""
    return table.get(key, key)
