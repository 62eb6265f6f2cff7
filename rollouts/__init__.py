"""A new version takes over from the stable one step by step, with a decision after each.

``controller`` has ``traffic`` divide the requests (``replay_table`` on this machine; ``canary``, ``knative`` or
``inference_graph`` on KServe), reads the servers' counters (``server_metrics`` or ``prometheus``, summed by
``record.counter_totals``), compares the versions (``decisions.comparisons``), decides (``decisions.gate``), and writes
the record (``record``) where users can see it and send commands (``record_store``, ``config_map_store``). ``local``
and ``kserve`` assemble the parts, ``controller.start`` begins, resumes or aborts a rollout, and ``step`` runs one in a
pipeline.
"""
