"""The group under which the readers of a store read a topic."""

import hashlib
from pathlib import Path

from headrace.stores.objects.folder_objects import FolderStore
from headrace.stores.objects.open_objects import StorePlace


def name_group(purpose: str, place: StorePlace, model: str) -> str:
    """Return the name of a group, which is another one for each store: what one has, another may lack.

    Args:
        purpose: What is read, such as ``collect``.
        place: The monitoring store.
        model: Name of the model.
    """
    store = place.store
    address = f"{Path(store.folder).absolute() / place.prefix}" if isinstance(store, FolderStore) else str(place)
    return f"headrace-{purpose}-{model}-{hashlib.sha256(address.encode()).hexdigest()[:8]}"
