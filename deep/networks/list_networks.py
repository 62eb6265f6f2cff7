"""All networks by name; a new one is added here, and its family in ``core/models/networks``."""

from headrace.deep.network import Network
from headrace.deep.networks import autoencoder, cnn, mlp_embeddings, sequences

NETWORKS: dict[str, Network] = {
    "autoencoder": autoencoder.NETWORK,
    "cnn": cnn.NETWORK,
    "gru": sequences.GRU,
    "lstm": sequences.LSTM,
    "mlp_embeddings": mlp_embeddings.NETWORK,
    "tcn": sequences.TCN,
}
