"""Adds what a search looks at, and the indexes for large catalogues."""

import sqlalchemy as sa
from alembic import op

from headrace.registry.catalog.search_rows import fill

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make and fill them."""
    op.create_table(
        "catalog_search",
        sa.Column("table_id", sa.Integer, sa.ForeignKey("catalog_tables.id"), primary_key=True),
        *[sa.Column(name, sa.Text, nullable=False) for name in ("kind", "dtypes", "words")],
    )
    op.create_index("catalog_tables_by_read", "catalog_tables", [sa.text("last_seen DESC"), "name"])
    op.create_index("catalog_tables_by_retention", "catalog_tables", ["retention_days"])
    op.create_index("catalog_tags_by_tag", "catalog_tags", ["tag"])
    op.create_index("catalog_versions_by_digest", "catalog_versions", ["digest"])
    op.create_index("catalog_runs_by_model", "catalog_runs", ["model", "time", "id"])
    op.create_index("catalog_uses_by_version", "catalog_uses", ["version_id"])
    fill(op.get_bind())
