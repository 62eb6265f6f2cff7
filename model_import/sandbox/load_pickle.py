"""Loads a pickle and writes it as skops: the text that runs in the sandbox, whose output nobody trusts."""

LOADER = """
import os, sys
out = os.dup(1)
os.dup2(2, 1)
name, *paths = sys.argv[1:]
sys.path[:0] = paths
import pickle
import skops.io
with open(name, "rb") as stream:
    try:
        model = pickle.load(stream)
    except Exception as error:
        first = error
        try:
            import joblib
            model = joblib.load(name)
        except Exception:
            raise first
written = skops.io.dumps(model)
with os.fdopen(out, "wb") as stream:
    stream.write(written)
"""
