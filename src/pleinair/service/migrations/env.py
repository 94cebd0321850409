"""Runs migrations on the connection that `Database.migrate` hands over."""

from alembic import context

from pleinair.service.schema import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite changes tables by copying them
    transaction_per_migration=False,
)
context.run_migrations()
