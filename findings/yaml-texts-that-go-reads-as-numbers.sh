#!/usr/bin/env bash
# PyYAML 6.0.3 beside sigs.k8s.io/yaml v1.6.0 (what kubectl and Kubernetes' webhooks read by). Guess: a text that PyYAML writes
# comes back as a text. Seen: safe_dump leaves "1e-3", "04109" and "0o17" without quotes, because they are texts in its own YAML 1.1
# dialect; read by Kubernetes they are the numbers 0.001, 4109 and 15. An object made by safe_dump is then refused where the API has a text.
set -euo pipefail
command -v go >/dev/null || { echo "needs Go"; exit 1; }
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check PyYAML==6.0.3
cd "$folder"
venv/bin/python - <<'PYTHON' > made.yaml
import yaml
print(yaml.safe_dump({"exponent": "1e-3", "postcode": "04109", "octal": "0o17", "plain": "0.5"}), end="")
PYTHON
cat > main.go <<'GO'
package main

import (
	"fmt"
	"os"
	"sort"

	"sigs.k8s.io/yaml"
)

func main() {
	text, _ := os.ReadFile("made.yaml")
	found := map[string]any{}
	if err := yaml.Unmarshal(text, &found); err != nil {
		panic(err)
	}
	names := []string{}
	for name := range found {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Printf("%s %T %v\n", name, found[name], found[name])
	}
}
GO
export GOFLAGS=-mod=mod GOMODCACHE="$folder/modules" GOCACHE="$folder/cache"
go mod init example.org/finding >/dev/null 2>&1
go get sigs.k8s.io/yaml@v1.6.0 >/dev/null 2>&1
echo "written by PyYAML:"; cat made.yaml
echo "read by Go:"; go run . | tee read.txt
grep -q '^exponent: 1e-3$' made.yaml || { echo "changed: PyYAML quotes 1e-3 now"; exit 1; }
grep -q '^exponent float64 0.001$' read.txt || { echo "changed: Go reads 1e-3 as something else now"; exit 1; }
grep -q '^postcode float64 4109$' read.txt || { echo "changed: Go reads 04109 as something else now"; exit 1; }
grep -q '^plain string 0.5$' read.txt || { echo "changed: a quoted number is no text any more"; exit 1; }
