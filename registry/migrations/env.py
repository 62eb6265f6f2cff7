"""Alembic's entry point; ``headrace.registry.catalog.database`` gives the connection and the name of its table."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
    render_as_batch=True,  # SQLite cannot alter a column: Alembic copies the table
)
with context.begin_transaction():
    context.run_migrations()
