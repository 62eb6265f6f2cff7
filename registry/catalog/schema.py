"""The tables of the catalogue's database; ``migrations/`` creates the same ones step by step.

Their names begin with ``catalog_``, so that the database may have other tables too.
"""

import sqlalchemy as sa

metadata = sa.MetaData()

tables = sa.Table(
    "catalog_tables",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("source", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("owner", sa.Text, nullable=False, server_default=""),
    sa.Column("licence", sa.Text, nullable=False, server_default=""),
    sa.Column("description", sa.Text, nullable=False, server_default=""),
    sa.Column("retention_days", sa.Integer),
    sa.Column("first_seen", sa.Text, nullable=False),
    sa.Column("last_seen", sa.Text, nullable=False),
)
tags = sa.Table(
    "catalog_tags",
    metadata,
    sa.Column("table_id", sa.ForeignKey("catalog_tables.id"), primary_key=True),
    sa.Column("tag", sa.Text, primary_key=True),
)
versions = sa.Table(
    "catalog_versions",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("table_id", sa.ForeignKey("catalog_tables.id"), nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("first_seen", sa.Text, nullable=False),
    sa.Column("last_seen", sa.Text, nullable=False),
    sa.UniqueConstraint("table_id", "digest"),
)
columns = sa.Table(
    "catalog_columns",
    metadata,
    sa.Column("version_id", sa.ForeignKey("catalog_versions.id"), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("place", sa.Integer, nullable=False),
    sa.Column("dtype", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False, server_default=""),
    sa.Column("unit", sa.Text, nullable=False, server_default=""),
    sa.Column("personal", sa.Text, nullable=False, server_default=""),
    sa.Column("description", sa.Text, nullable=False, server_default=""),
)
figures = sa.Table(
    "catalog_figures",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("version_id", sa.ForeignKey("catalog_versions.id"), nullable=False, index=True),
    sa.Column("time", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False, server_default=""),
    sa.Column("value", sa.Float, nullable=False),
)
runs = sa.Table(
    "catalog_runs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("model", sa.Text, nullable=False, index=True),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("time", sa.Text, nullable=False),
    sa.Column("verdict", sa.Text, nullable=False, server_default=""),
)
uses = sa.Table(
    "catalog_uses",
    metadata,
    sa.Column("run_id", sa.ForeignKey("catalog_runs.id"), primary_key=True),
    sa.Column("version_id", sa.ForeignKey("catalog_versions.id"), primary_key=True),
)
bundles = sa.Table(
    "catalog_bundles",
    metadata,
    sa.Column("run_id", sa.ForeignKey("catalog_runs.id"), primary_key=True),
    sa.Column("digest", sa.Text, primary_key=True, index=True),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("version", sa.Text, nullable=False, server_default=""),
    sa.Column("uri", sa.Text, nullable=False, server_default=""),
)
endpoints = sa.Table(
    "catalog_endpoints",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False, index=True),
    sa.Column("time", sa.Text, nullable=False),
    sa.Column("verified", sa.Boolean, nullable=False),
    sa.Column("ended", sa.Text, nullable=False, server_default=""),
)
places = sa.Table(
    "catalog_places",
    metadata,
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False, server_default=""),
    sa.Column("time", sa.Text, nullable=False),
)
inquiries = sa.Table(
    "catalog_inquiries",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("time", sa.Text, nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("column_name", sa.Text, nullable=False),
    sa.Column("keys", sa.Integer, nullable=False),
    sa.Column("found", sa.Integer, nullable=False),
)
# Written by ``search_rows``: all that a search of tables looks at.
search = sa.Table(
    "catalog_search",
    metadata,
    sa.Column("table_id", sa.ForeignKey("catalog_tables.id"), primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("dtypes", sa.Text, nullable=False),
    sa.Column("words", sa.Text, nullable=False),
)
sa.Index("catalog_tables_by_read", tables.c.last_seen.desc(), tables.c.name)
sa.Index("catalog_tables_by_retention", tables.c.retention_days)
sa.Index("catalog_tags_by_tag", tags.c.tag)
sa.Index("catalog_versions_by_digest", versions.c.digest)
sa.Index("catalog_runs_by_model", runs.c.model, runs.c.time, runs.c.id)
sa.Index("catalog_uses_by_version", uses.c.version_id)
