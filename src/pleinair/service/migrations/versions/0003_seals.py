"""Seals: the ledger and the audit are only added to."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    _seal("audit")
    _seal("ledger_entries")
    _seal("ledger_postings")


def _seal(table: str) -> None:
    """Refuse changes and deletions: this table is only added to."""
    if op.get_bind().dialect.name == "sqlite":
        for act in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{act} BEFORE {act.upper()} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is only added to'); END"
            )
        return
    op.execute(
        "CREATE OR REPLACE FUNCTION pleinair_only_added_to() RETURNS trigger LANGUAGE plpgsql AS $$"
        "BEGIN RAISE EXCEPTION '% is only added to', TG_TABLE_NAME "
        "USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION pleinair_only_added_to()"
    )
    op.execute(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION pleinair_only_added_to()"
    )


def downgrade() -> None:
    """Nobody goes back from a ledger and an audit: restore a backup of the version before."""
    raise NotImplementedError
