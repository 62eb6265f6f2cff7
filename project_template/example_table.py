"""The table of a new project that has none yet: machines, and whether each failed within a month."""

import csv
import io
import math
import random

TARGET = "failed"
ROWS = 400
_PLANTS = ("Bergen", "Lyon", "Porto")


def example_table(seed: int = 0) -> str:
    """Return a table as CSV: 400 machines that are made up, of which about a third failed.

    Args:
        seed: Seed of all rows; the same one gives the same text.
    """
    random_numbers = random.Random(seed)  # noqa: S311 - an example, no secret
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["age_years", "temperature_c", "vibration_mm_s", "plant", "maintained", TARGET])
    for _ in range(ROWS):
        age, temperature = random_numbers.uniform(0, 20), random_numbers.gauss(60, 8)
        vibration, plant = random_numbers.lognormvariate(0.7, 0.4), random_numbers.choice(_PLANTS)
        maintained = random_numbers.random() < 0.6
        odds = 0.25 * (age - 10) + 0.12 * (temperature - 60) + 1.2 * (vibration - 2.2) - 2 * maintained
        failed = random_numbers.random() < 1 / (1 + math.exp(-odds))
        seen = "" if random_numbers.random() < 0.03 else f"{vibration:.2f}"
        writer.writerow(
            [f"{age:.1f}", f"{temperature:.1f}", seen, plant, *("yes" if one else "no" for one in (maintained, failed))]
        )
    return text.getvalue()
