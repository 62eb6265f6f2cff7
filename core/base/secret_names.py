"""Names of the Secrets that the suite's pods read, and of the variables in them.

The manifests in ``kustomize`` and the documentation use the same names; a Secret of another name is not found.
"""

STORE_SECRET = "headrace-object-store"  # noqa: S105 - the name of a Secret, not a secret
RECORDS_SECRET = "headrace-records"  # noqa: S105 - as above
DATABASE_SECRET = "headrace-mlflow-database"  # noqa: S105 - as above
KAFKA_SECRET = "headrace-kafka"  # noqa: S105 - as above

STORE_VARIABLES = (
    "HEADRACE_S3_ENDPOINT",
    "HEADRACE_S3_ACCESS_KEY",
    "HEADRACE_S3_SECRET_KEY",
    "HEADRACE_S3_REGION",
    "HEADRACE_S3_BUCKET",
)
"""Keys that steps and trials read from the store's Secret; ``StoreSettings.environment`` returns their values."""

AWS_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
"""Keys that KServe reads from the same Secret, besides its annotations."""
