"""The publication by Headrace and by boto3's transfer manager; each runs in a process of its own.

python publish_jobs.py headrace|boto3 FOLDER BUCKET          (where the store is stands in HEADRACE_S3_*)
"""

import os
import sys
from dataclasses import replace
from pathlib import Path


def headrace(folder: Path, bucket: str) -> None:
    """Verify the bundle, store it, read back every byte, and write the manifest."""
    from headrace.core.base.settings import store_settings
    from headrace.stores.bundles.publish import publish
    from headrace.stores.objects.object_store import connect

    settings = store_settings()
    if settings is None:
        sys.exit("HEADRACE_S3_ENDPOINT must be set")
    publish(folder, connect(replace(settings, bucket=bucket)))


def boto3(folder: Path, bucket: str) -> None:
    """Upload every file with the transfer manager as it comes; nothing is read back."""
    import boto3 as library
    from s3transfer.manager import TransferManager

    client = library.client(
        "s3",
        endpoint_url=os.environ["HEADRACE_S3_ENDPOINT"],
        aws_access_key_id=os.environ["HEADRACE_S3_ACCESS_KEY"],
        aws_secret_access_key=os.environ["HEADRACE_S3_SECRET_KEY"],
        region_name="us-east-1",
    )
    client.create_bucket(Bucket=bucket)
    with TransferManager(client) as manager:
        files = [path for path in folder.rglob("*") if path.is_file()]
        sent = [manager.upload(str(path), bucket, path.relative_to(folder).as_posix()) for path in files]
        for one in sent:
            one.result()


if __name__ == "__main__":
    {"headrace": headrace, "boto3": boto3}[sys.argv[1]](Path(sys.argv[2]), sys.argv[3])
