"""The model that a server holds, and the one way of a request through it."""
