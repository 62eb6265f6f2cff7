"""AutoGluon's own holdout, for rows of which only the target is known: one line of JSON in, one out.

Run by the interpreter of AutoGluon's environment. In: ``target`` (list), ``task``, ``seed``. Out: ``test``, the places
of the rows that AutoGluon would hold out, by its own share for so many rows.
"""

import json
import sys

import pandas as pd
from autogluon.core.utils.utils import default_holdout_frac, generate_train_test_split

for line in sys.stdin:
    asked = json.loads(line)
    target = pd.Series(asked["target"])
    places = pd.DataFrame({"place": range(len(target))})
    try:
        _, held, _, _ = generate_train_test_split(
            places,
            target,
            problem_type=asked["task"],
            test_size=default_holdout_frac(len(target)),
            random_state=asked["seed"],
        )
        answer = {"test": sorted(int(place) for place in held["place"])}
    except (AssertionError, ValueError) as error:
        answer = {"refused": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
