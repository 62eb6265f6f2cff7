"""Two good versions of a model in an object store."""

import pytest

from headrace.core.base.settings import StoreSettings
from headrace.stores.bundles.bundle_store import publish
from headrace.stores.objects.object_store import connect
from tests.rollouts import bundles
from tests.stores.conftest import rclone_settings

__all__ = ["rclone_settings", "uris"]


@pytest.fixture(scope="session")
def uris(rclone_settings: StoreSettings, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Their addresses."""
    folder, store = tmp_path_factory.mktemp("versions"), connect(rclone_settings)
    kinds = (bundles.stable, bundles.CANDIDATES["good"])
    return [publish(make(folder / str(number)).folder, store) for number, make in enumerate(kinds)]
