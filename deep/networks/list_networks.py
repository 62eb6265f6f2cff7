"""All networks by name; a new one is added here, and its family in ``core/models/networks``."""

from headrace.deep.network import Network
from headrace.deep.networks import cnn

NETWORKS: dict[str, Network] = {"cnn": cnn.NETWORK}
