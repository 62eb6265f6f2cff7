"""Object stores, as the tests of stores have them."""

from tests.stores.conftest import minio_settings, rclone_settings, settings, store

__all__ = ["minio_settings", "rclone_settings", "settings", "store"]
