"""Names of the Secrets that the suite's pods read, and of the variables in them.

The manifests in ``kustomize`` and the documentation name them too; a Secret of another name is not found.
"""

STORE_SECRET = "headrace-object-store"  # noqa: S105 - the name of a Secret, not a secret
RECORDS_SECRET = "headrace-records"  # noqa: S105 - as above
DATABASE_SECRET = "headrace-mlflow-database"  # noqa: S105 - as above

STORE_VARIABLES = (
    "HEADRACE_S3_ENDPOINT",
    "HEADRACE_S3_ACCESS_KEY",
    "HEADRACE_S3_SECRET_KEY",
    "HEADRACE_S3_REGION",
    "HEADRACE_S3_BUCKET",
)
"""What steps and trials read of the store's Secret: ``settings.StoreSettings.environment`` gives values for them."""

AWS_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
"""What KServe reads of the same Secret, beside its annotations."""
