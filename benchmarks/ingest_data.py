"""The table of the ingest benchmark: mixed columns, missing values, violations and repeated rows, by a seed."""

from pathlib import Path

import numpy as np
import polars as pl

SEED = 20261123
CHUNK_ROWS = 500_000
ZONES = [f"Zone {number}" for number in range(250)]
COLORS = ["yellow", "green", "blue"]
PAYMENTS = ["cash", "credit card", "app"]
CONTRACT = f"""\
format: 1
name: trips
task: binary
positive: "1"
keys: [trip]
columns:
  - {{name: trip, dtype: integer, role: id}}
  - {{name: customer, dtype: integer}}
  - {{name: pickup, dtype: timestamp, role: timestamp}}
  - {{name: dropoff, dtype: timestamp, role: timestamp}}
  - {{name: passengers, dtype: integer, minimum: 1, maximum: 6}}
  - {{name: distance, dtype: number, minimum: 0}}
  - {{name: fare, dtype: number, minimum: 0}}
  - {{name: tip, dtype: number}}
  - {{name: color, dtype: string, categories: {COLORS}}}
  - {{name: payment, dtype: string, categories: {PAYMENTS}}}
  - {{name: zone, dtype: string, categories: {ZONES}}}
  - {{name: plate, dtype: string, role: ignore}}
  - {{name: tipped, dtype: integer, role: target, categories: ["0", "1"]}}
features:
  - {{name: weekday, kind: day_of_week, columns: [pickup]}}
  - {{name: weekend, kind: weekend, columns: [pickup]}}
  - {{name: month, kind: month, columns: [pickup]}}
  - {{name: hour, kind: hour, columns: [pickup]}}
  - {{name: holiday, kind: holiday, columns: [pickup], country: US}}
  - {{name: minutes, kind: elapsed, columns: [pickup, dropoff]}}
  - {{name: fare_per_mile, kind: ratio, columns: [fare, distance]}}
"""


def write_table(path: Path, *, rows: int) -> None:
    """Write the CSV of so many rows; the first rows of a longer table are not those of a shorter one."""
    hidden = path.with_suffix(".part")
    with hidden.open("wb") as stream:
        for start in range(0, rows, CHUNK_ROWS):
            frame = _chunk(start, min(CHUNK_ROWS, rows - start))
            frame.write_csv(stream, include_header=start == 0, datetime_format="%Y-%m-%d %H:%M:%S")
    hidden.replace(path)


def _chunk(start: int, rows: int) -> pl.DataFrame:
    draw = np.random.default_rng([SEED, start])
    pickup = np.datetime64("2023-01-01T00:00:00", "us") + draw.integers(0, 63_072_000, rows) * 1_000_000
    distance = np.round(draw.gamma(2, 2, rows), 2)
    frame = pl.DataFrame(
        {
            "trip": np.arange(start, start + rows) + 10_000_000,
            "customer": draw.integers(0, 200_000, rows),
            "pickup": pickup,
            "dropoff": pickup + draw.integers(60, 7_200, rows) * 1_000_000,
            "passengers": draw.integers(1, 7, rows),
            "distance": distance,
            "fare": np.round(3 + 2.5 * distance + draw.gamma(1, 1, rows), 2),
            "tip": np.round(draw.random(rows) * 5, 2),
            "color": pl.Series(COLORS)[draw.integers(0, 3, rows)],
            "payment": pl.Series(PAYMENTS)[draw.integers(0, 3, rows)],
            "zone": pl.Series(ZONES)[draw.integers(0, 250, rows)],
            "plate": [f"{number:x}" for number in draw.integers(2**36, 2**40, rows)],
            "tipped": draw.integers(0, 2, rows),
        }
    )
    return _repeated(_spoiled(frame, draw), draw)


def _spoiled(frame: pl.DataFrame, draw: np.random.Generator) -> pl.DataFrame:
    """Missing values, and about one violation of each kind in 10,000 rows."""

    def some(share: float) -> pl.Series:
        return pl.Series(draw.random(frame.height) < share)

    return frame.with_columns(
        tip=pl.when(~some(0.05)).then("tip"),
        payment=pl.when(~some(0.2)).then("payment"),
        passengers=pl.when(some(1e-4)).then(9).otherwise("passengers"),
        distance=pl.when(some(1e-4)).then(-1.0).otherwise("distance"),
        fare=pl.when(some(1e-4)).then(pl.lit("unknown")).otherwise(pl.col("fare").cast(pl.String)),
        dropoff=pl.when(some(1e-4)).then(pl.lit("soon")).otherwise(pl.col("dropoff").dt.strftime("%Y-%m-%d %H:%M:%S")),
        color=pl.when(some(1e-4)).then(pl.lit("purple")).otherwise("color"),
        tipped=pl.when(~some(1e-4)).then("tipped"),
    )


def _repeated(frame: pl.DataFrame, draw: np.random.Generator) -> pl.DataFrame:
    """One row in a thousand stands twice, and one key in two thousand names two rows."""
    rows = frame.height
    place = np.arange(rows)
    copies = draw.integers(0, rows, rows // 1_000)
    place[draw.integers(0, rows, copies.size)] = copies
    repeated = frame[place]
    keys = repeated.get_column("trip").to_numpy().copy()
    keys[draw.integers(0, rows, rows // 2_000)] = keys[draw.integers(0, rows, rows // 2_000)]
    return repeated.with_columns(trip=pl.Series(keys))
