"""The engine of a bundle with a MOJO of H2O: h2o-genmodel in a Java process."""

from headrace.core.inference.engine import Floats
from headrace.core.mojo.mojo_scorer import MojoScorer


class MojoEngine(MojoScorer):
    """A MOJO as an ``Engine``; see ``MojoScorer``."""

    name = "mojo"

    def __call__(self, matrix: Floats) -> Floats:
        """Compute the scores of a matrix; see ``Engine``."""
        return self.predict(matrix)
