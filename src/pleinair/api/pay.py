"""Pay, for administrators: contributions, the ledger, payouts and everybody's statement."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

from pleinair.access.contributions import MOST_ANSWER
from pleinair.access.money import read, show
from pleinair.access.pay import Written
from pleinair.access.statements import Statement, date_of
from pleinair.api.body import body_of, documented
from pleinair.api.identity import Acting
from pleinair.api.pages import page
from pleinair.api.services import Use
from pleinair.api.shapes import REFUSALS, Strict, seconds
from pleinair.service.programme_tables import Contribution

router = APIRouter(prefix="/admin/v1", tags=["pay"], responses=REFUSALS)
Format = Annotated[Literal["json", "csv", "html"], Query(description="Of the answer.")]
Since = Annotated[
    str | None, Query(alias="from", description="Seconds since 1970, or a date in UTC.")
]
Until = Annotated[str | None, Query(alias="to", description="Likewise; it is not included.")]
Money = Annotated[str, Field(description="Decimal text, such as 12.50.")]


class DecideContribution(Strict):
    """What becomes of a contribution."""

    decision: Annotated[str, Field(description="accept or refuse.")]
    answer: Annotated[
        str,
        Field(
            description=f"Told to the member, up to {MOST_ANSWER:,} characters; why, if refused."
        ),
    ] = ""


class CreatePayout(Strict):
    """What a member was paid."""

    member_id: Annotated[str, Field(description="Who was paid.")]
    amount: Annotated[str, Field(description="Decimal text, such as 12.50.")]
    currency: Annotated[str, Field(description="Three letters, such as EUR.")]
    reference: Annotated[
        str, Field(description="Of the transfer, 1 to 200 characters; each is paid once.")
    ]


class ContributionObject(BaseModel):
    """A red-team report, or time given as feedback."""

    object: Literal["contribution"] = "contribution"
    id: str
    member_id: str
    kind: str
    title: str
    words: str
    video_id: str | None
    minutes: int
    state: str
    created_at: int
    decided_at: int | None
    decided_by: str | None
    answer: str


class ContributionList(BaseModel):
    """Contributions, the newest first."""

    object: Literal["list"] = "list"
    data: list[ContributionObject]


class EntryObject(BaseModel):
    """What an account gets, or gives when below zero."""

    account: str
    amount: Money
    currency: str


class PostingObject(BaseModel):
    """A transaction of the ledger."""

    object: Literal["posting"] = "posting"
    id: str
    kind: str
    subject: str
    memo: str
    created_at: int
    entries: list[EntryObject]


class PostingList(BaseModel):
    """Postings, the newest first."""

    object: Literal["list"] = "list"
    data: list[PostingObject]
    has_more: bool


class BalanceList(BaseModel):
    """What every account has, or owes when below zero, by name."""

    object: Literal["list"] = "list"
    data: list[EntryObject]


class PayoutObject(BaseModel):
    """A payout."""

    object: Literal["payout"] = "payout"
    id: str
    member_id: str
    amount: Money
    currency: str
    reference: str
    created_at: int


class StatementLine(BaseModel):
    """One posting of a statement."""

    at: int
    date: str
    kind: str
    subject: str
    memo: str
    currency: str
    amount: Money
    earned: Money
    paid_out: Money
    generation: Annotated[str, Field(description="What a video cost; the member does not pay it.")]
    balance: Annotated[str, Field(description="What the member is owed after it.")]


class StatementTotal(BaseModel):
    """The sums of a statement in one currency."""

    currency: str
    opening: Money
    earned: Money
    paid_out: Money
    generation: Money
    closing: Money


class StatementObject(BaseModel):
    """What a member earned, was paid and what their videos cost."""

    object: Literal["statement"] = "statement"
    member_id: str
    since: int
    until: int
    totals: list[StatementTotal]
    lines: list[StatementLine]


@router.get("/contributions", name="contributions.list")
def list_contributions(
    use: Use,
    state: Annotated[str | None, Query(description="open, accepted or refused.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> ContributionList:
    """Everybody's contributions, the newest first."""
    found = use.contributions.list(state=state, limit=limit)
    return ContributionList(data=[contribution_object(one) for one in found])


@router.post(
    "/contributions/{contribution_id}/decision",
    name="contributions.decide",
    openapi_extra=documented(DecideContribution, files=False),
)
def decide_contribution(
    contribution_id: str,
    body: Annotated[DecideContribution, Depends(body_of(DecideContribution))],
    actor: Acting,
    use: Use,
) -> ContributionObject:
    """Accept a contribution, which then is owed to its member, or refuse it."""
    made = use.contributions.decide(actor, contribution_id, body.decision, body.answer)
    return contribution_object(made)


@router.get("/ledger", name="ledger.list")
def list_postings(
    use: Use,
    account: Annotated[str | None, Query(description="Only those of this account.")] = None,
    after: Annotated[str | None, Query(description="Id of the last one that was seen.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> PostingList:
    """The postings of the ledger, the newest first."""
    found, more = use.pay.ledger(account, after, limit)
    return PostingList(data=[_posting(one) for one in found], has_more=more)


@router.get("/ledger/balances", name="ledger.balances")
def list_balances(use: Use) -> BalanceList:
    """The balance of every account."""
    return BalanceList(
        data=[
            EntryObject(account=one.account, amount=show(one.amount), currency=one.currency)
            for one in use.pay.balances()
        ]
    )


@router.post("/payouts", name="ledger.pay", openapi_extra=documented(CreatePayout, files=False))
def create_payout(
    body: Annotated[CreatePayout, Depends(body_of(CreatePayout))], actor: Acting, use: Use
) -> PayoutObject:
    """Note that a member was paid some of what they are owed; no money moves here."""
    made = use.pay.pay(actor, body.member_id, body.amount, body.currency, body.reference)
    return PayoutObject(
        id=made.id,
        member_id=body.member_id,
        amount=show(read("amount", body.amount)),
        currency=body.currency,
        reference=made.subject,
        created_at=int(made.created_at),
    )


@router.get(
    "/members/{member_id}/statement",
    name="members.statement",
    response_model=StatementObject,
    responses={200: {"content": {"text/csv": {}, "text/html": {}}}},
)
def member_statement(
    member_id: str, use: Use, since: Since = None, until: Until = None, format: Format = "json"
) -> Response | StatementObject:
    """What a member earned, was paid and what their videos cost."""
    return statement_of(use.statements.of(member_id, since, until), format)


def statement_of(made: Statement, format: str) -> Response | StatementObject:
    """A statement in one of its forms."""
    headers = {"cache-control": "no-store"}
    if format == "csv":
        headers["content-disposition"] = f'attachment; filename="statement-{made.member_id}.csv"'
        return Response(made.csv(), media_type="text/csv; charset=utf-8", headers=headers)
    told = _told(made)
    if format == "html":
        answer = page(
            "statement.html",
            {
                "name": made.name,
                "begin": date_of(made.since),
                "end": date_of(made.until),
                "statement": told,
            },
        )
        answer.headers.update(headers)
        return answer
    return told


def contribution_object(made: Contribution) -> ContributionObject:
    """A contribution as the API tells of it."""
    return ContributionObject(
        id=made.id,
        member_id=made.member_id,
        kind=made.kind,
        title=made.title,
        words=made.words,
        video_id=made.video_id,
        minutes=made.minutes,
        state=made.state,
        created_at=int(made.created_at),
        decided_at=seconds(made.decided_at),
        decided_by=made.decided_by,
        answer=made.answer,
    )


def _posting(written: Written) -> PostingObject:
    posting = written.posting
    return PostingObject(
        id=posting.id,
        kind=posting.kind,
        subject=posting.subject,
        memo=posting.memo,
        created_at=int(posting.created_at),
        entries=[
            EntryObject(account=one.account, amount=show(one.amount), currency=one.currency)
            for one in written.entries
        ],
    )


def _told(made: Statement) -> StatementObject:
    return StatementObject(
        member_id=made.member_id,
        since=int(made.since),
        until=int(made.until),
        totals=[
            StatementTotal(
                currency=total.currency,
                opening=show(total.opening),
                earned=show(total.earned),
                paid_out=show(total.paid),
                generation=show(total.cost),
                closing=show(total.closing),
            )
            for total in made.totals
        ],
        lines=[
            StatementLine(
                at=int(line.at),
                date=line.date,
                kind=line.kind,
                subject=line.subject,
                memo=line.memo,
                currency=line.currency,
                amount=show(line.amount),
                earned=show(line.earned),
                paid_out=show(line.paid),
                generation=show(line.cost),
                balance=show(line.balance),
            )
            for line in made.lines
        ],
    )
