"""A new version takes over from the stable one step by step, watched by its own numbers.

The way of a rollout: ``engine`` asks ``traffic`` to divide the requests (``replay`` here; ``canary``, ``knative`` or
``graph`` on KServe, by way of ``endpoint``), reads what the servers count (``servers`` or ``prometheus``, added up by
``meter``), compares the two (``checks``), decides (``gate``), and writes it down (``record``) where others can look and
interfere (``memory``, ``config_map``). ``local`` and ``on_kserve`` put the parts together, ``start`` begins, goes on or
ends, and ``step`` is all of it for a pipeline.
"""
