"""How an endpoint's requests are divided, and how they are counted."""
