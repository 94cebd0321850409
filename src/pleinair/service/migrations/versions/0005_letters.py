"""The open letter: who asked to sign, who has signed, and mail that has yet to leave."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.create_table(
        "signings",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("address", sa.String(length=255), nullable=False),
        sa.Column("network", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("who", sa.String(length=255), nullable=False),
        sa.Column("shown", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("used_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signings")),
    )
    for columns in (
        ["address", "created_at"],
        ["network", "created_at"],
        ["created_at"],
        ["expires_at"],
    ):
        op.create_index(op.f(f"ix_signings_{'_'.join(columns)}"), "signings", columns)
    op.create_table(
        "signatures",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("address", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("who", sa.String(length=255), nullable=False),
        sa.Column("shown", sa.Boolean(), nullable=False),
        sa.Column("confirmed_at", sa.Double(), nullable=False),
        sa.Column("removed_at", sa.Double(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signatures")),
        sa.UniqueConstraint("address", name=op.f("uq_signatures_address")),
    )
    op.create_index(
        op.f("ix_signatures_confirmed_at_id"), "signatures", ["confirmed_at", "id"], unique=False
    )
    op.create_table(
        "mails",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("address", sa.String(length=255), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("tongue", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("next_at", sa.Double(), nullable=False),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mails")),
    )
    op.create_index(op.f("ix_mails_next_at"), "mails", ["next_at"], unique=False)


def downgrade() -> None:
    """Go back to the version before; signatures are lost."""
    op.drop_table("mails")
    op.drop_table("signatures")
    op.drop_table("signings")
