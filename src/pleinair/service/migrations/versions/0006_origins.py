"""Origins: marks and fingerprints by which videos are known again."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version; videos made before have no row, and are not found."""
    op.create_table(
        "origins",
        sa.Column("video_id", sa.String(length=255), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.Column("mark", sa.BigInteger(), nullable=True),
        sa.Column("bits", sa.LargeBinary(), nullable=False),
        sa.Column("colours", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["video_id"], ["videos.id"], name=op.f("fk_origins_video_id_videos")
        ),
        sa.PrimaryKeyConstraint("video_id", "number", name=op.f("pk_origins")),
    )
    for columns in (["mark"], ["owner"], ["created_at", "video_id", "number"]):
        op.create_index(op.f(f"ix_origins_{'_'.join(columns)}"), "origins", columns)


def downgrade() -> None:
    """Go back to the version before; nothing is known again."""
    op.drop_table("origins")
