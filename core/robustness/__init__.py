"""How a model's answers change when its inputs do: small changes, noise, missing inputs, wrong units, odd rows."""
