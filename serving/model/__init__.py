"""The model that a server holds, and the execution of requests, whatever their protocol."""
