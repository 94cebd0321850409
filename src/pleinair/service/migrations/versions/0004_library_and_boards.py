"""What owners note on their videos."""

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


def downgrade() -> None:
    """Nobody goes back from a ledger and an audit: restore a backup of the version before."""
    raise NotImplementedError
