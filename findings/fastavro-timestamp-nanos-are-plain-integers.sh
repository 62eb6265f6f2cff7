#!/usr/bin/env bash
# fastavro 1.13.1 and the Apache avro package 1.12.1 on one Avro file with a column of each logical type for moments.
# Guess: a reader that turns timestamp-millis and timestamp-micros into moments does so with timestamp-nanos, which Avro 1.12 has
# added, or says that it does not know it. Seen: both give the bare integer, avro with a warning, fastavro without a word; whoever
# moves a column from micros to nanos gets numbers of 19 digits where there were moments, and the schema shows nothing amiss.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check fastavro==1.13.1 avro==1.12.1
cd "$folder"
venv/bin/python - <<'PYTHON' | tee seen.txt
import io
import warnings

import avro.datafile
import avro.io
import fastavro

warnings.simplefilter("always")
names = ["timestamp-millis", "timestamp-micros", "timestamp-nanos"]
fields = [{"name": name.replace("-", "_"), "type": {"type": "long", "logicalType": name}} for name in names]
schema = fastavro.parse_schema({"type": "record", "name": "event", "fields": fields})
moment = 1_767_225_600_000
file = io.BytesIO()
fastavro.writer(file, schema, [{"timestamp_millis": moment, "timestamp_micros": moment * 1000, "timestamp_nanos": moment * 1_000_000}])
file.seek(0)
with warnings.catch_warnings(record=True) as of_fastavro:
    (row,) = fastavro.reader(file)
file.seek(0)
with warnings.catch_warnings(record=True) as of_avro:
    (same,) = avro.datafile.DataFileReader(file, avro.io.DatumReader())
for name in row:
    print(f"{name}: fastavro {type(row[name]).__name__}, avro {type(same[name]).__name__}")
print(f"warnings: fastavro {len(of_fastavro)}, avro {len({str(one.message) for one in of_avro})}")
PYTHON
diff seen.txt - <<'EXPECTED' || { echo "changed"; exit 1; }
timestamp_millis: fastavro datetime, avro datetime
timestamp_micros: fastavro datetime, avro datetime
timestamp_nanos: fastavro int, avro int
warnings: fastavro 0, avro 1
EXPECTED
