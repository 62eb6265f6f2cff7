"""MOJOs: models of H2O as it exports them, and what their inputs and outputs are in terms of the contract."""
