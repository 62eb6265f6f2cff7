"""What KServe's sklearnserver does, on KServe's own server: load a model, predict, answer in V1.

python kserve_server.py MODEL.joblib PORT
"""

import sys
from typing import Any

import joblib
import numpy as np

model_file, port = sys.argv[1:3]
sys.argv[1:] = []

import kserve  # noqa: E402 - it parses the arguments when it is imported
from kserve.utils.utils import get_predict_input, get_predict_response  # noqa: E402


class SklearnModel(kserve.Model):
    """A scikit-learn model behind KServe's server."""

    def load(self) -> bool:
        """Load the model."""
        self._model = joblib.load(model_file)
        self.ready = True
        return self.ready

    def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:  # noqa: ARG002
        """Probabilities of the rows."""
        instances = get_predict_input(payload)
        result = self._model.predict_proba(np.asarray(instances))
        return get_predict_response(payload, result, self.name)


if __name__ == "__main__":
    model = SklearnModel("bench")
    model.load()
    kserve.ModelServer(
        http_port=int(port), enable_grpc=False, enable_latency_logging=False, access_log_format=""
    ).start([model])
