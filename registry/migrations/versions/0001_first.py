"""Creates the first tables of the catalogue."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def _text(name: str, **options: object) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, **options)  # type: ignore[arg-type]


def _key(name: str, target: str) -> sa.Column[Any]:
    kind = sa.Text() if target == "catalog_runs.id" else sa.Integer()
    return sa.Column(name, kind, sa.ForeignKey(target), primary_key=True)


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "catalog_tables",
        sa.Column("id", sa.Integer, primary_key=True),
        _text("source", unique=True),
        _text("name", unique=True),
        _text("owner", server_default=""),
        _text("licence", server_default=""),
        _text("description", server_default=""),
        sa.Column("retention_days", sa.Integer),
        _text("first_seen"),
        _text("last_seen"),
    )
    op.create_table("catalog_tags", _key("table_id", "catalog_tables.id"), sa.Column("tag", sa.Text, primary_key=True))
    op.create_table(
        "catalog_versions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("table_id", sa.Integer, sa.ForeignKey("catalog_tables.id"), nullable=False),
        _text("digest"),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        _text("first_seen"),
        _text("last_seen"),
        sa.UniqueConstraint("table_id", "digest"),
    )
    op.create_table(
        "catalog_columns",
        _key("version_id", "catalog_versions.id"),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("place", sa.Integer, nullable=False),
        _text("dtype"),
        *[_text(name, server_default="") for name in ("role", "unit", "personal", "description")],
    )
    op.create_table(
        "catalog_figures",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("version_id", sa.Integer, sa.ForeignKey("catalog_versions.id"), nullable=False, index=True),
        _text("time"),
        _text("name"),
        _text("subject", server_default=""),
        sa.Column("value", sa.Float, nullable=False),
    )
    _runs()
    op.create_table(
        "catalog_endpoints",
        sa.Column("id", sa.Integer, primary_key=True),
        _text("url"),
        _text("digest", index=True),
        _text("time"),
        sa.Column("verified", sa.Boolean, nullable=False),
        _text("ended", server_default=""),
    )
    op.create_table(
        "catalog_places",
        sa.Column("address", sa.Text, primary_key=True),
        _text("kind"),
        _text("digest", server_default=""),
        _text("time"),
    )
    op.create_table(
        "catalog_inquiries",
        sa.Column("id", sa.Integer, primary_key=True),
        _text("time"),
        _text("person"),
        _text("column_name"),
        sa.Column("keys", sa.Integer, nullable=False),
        sa.Column("found", sa.Integer, nullable=False),
    )


def _runs() -> None:
    op.create_table(
        "catalog_runs",
        sa.Column("id", sa.Text, primary_key=True),
        _text("model", index=True),
        _text("person"),
        _text("time"),
        _text("verdict", server_default=""),
    )
    op.create_table("catalog_uses", _key("run_id", "catalog_runs.id"), _key("version_id", "catalog_versions.id"))
    op.create_table(
        "catalog_bundles",
        _key("run_id", "catalog_runs.id"),
        sa.Column("digest", sa.Text, primary_key=True, index=True),
        _text("model"),
        _text("version", server_default=""),
        _text("uri", server_default=""),
    )
