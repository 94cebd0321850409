"""What owners note on their videos, and storyboards."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    with op.batch_alter_table("videos", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("favourite", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.add_column(sa.Column("folder", sa.String(length=255), nullable=True))
        batch_op.add_column(sa.Column("board_id", sa.String(length=255), nullable=True))
        batch_op.create_index(batch_op.f("ix_videos_board_id"), ["board_id"], unique=False)

    op.create_table(
        "storyboards",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("size", sa.String(length=255), nullable=False),
        sa.Column("model", sa.String(length=255), nullable=True),
        sa.Column("seed", sa.BigInteger(), nullable=True),
        sa.Column("cards", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=255), nullable=False),
        sa.Column("card", sa.BigInteger(), nullable=True),
        sa.Column("making", sa.String(length=255), nullable=True),
        sa.Column("video_id", sa.String(length=255), nullable=True),
        sa.Column("links", sa.JSON(), nullable=False),
        sa.Column("renders", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.String(length=255), nullable=True),
        sa.Column("error_code", sa.String(length=255), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_storyboards")),
    )
    with op.batch_alter_table("storyboards", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_storyboards_owner_created_at_id"),
            ["owner", "created_at", "id"],
            unique=False,
        )
        batch_op.create_index(batch_op.f("ix_storyboards_state"), ["state"], unique=False)


def downgrade() -> None:
    """Nobody goes back from a ledger and an audit: restore a backup of the version before."""
    raise NotImplementedError
