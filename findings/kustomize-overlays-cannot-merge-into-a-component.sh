#!/usr/bin/env bash
# kustomize 5.7.1. An overlay takes a Component that generates a ConfigMap and changes one key of it
# by configMapGenerator with behavior: merge, as one does with a base. Guess: a component's resources are there like a base's, so the
# keys merge. Seen: "does not exist; cannot merge or replace": an overlay's generators run before its components. The same
# files build where the component is the overlay's resource by way of a Kustomization between, or where a strategic merge patch changes the key.
set -euo pipefail
command -v go >/dev/null || { echo "needs Go"; exit 1; }
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
GOPATH="$folder/go" GOBIN="$folder" GOFLAGS=-mod=mod go install sigs.k8s.io/kustomize/kustomize/v5@v5.7.1 2>"$folder/go.log" || { cat "$folder/go.log"; exit 1; }
cd "$folder"
mkdir component base between direct by-base by-between by-patch
settings='configMapGenerator: [{name: settings, literals: [A=1, B=2]}]
generatorOptions: {disableNameSuffixHash: true}'
merge='configMapGenerator: [{name: settings, behavior: merge, literals: [B=3]}]'
printf 'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n%s\n' "$settings" > component/kustomization.yaml
write() { printf 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n%s\n' "$2" > "$1/kustomization.yaml"; }
write base "$settings"
write between 'components: [../component]'
write direct "components: [../component]
$merge"
write by-base "resources: [../base]
$merge"
write by-between "resources: [../between]
$merge"
write by-patch 'components: [../component]
patches: [{patch: "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {B: \"3\"}}"}]'
for overlay in direct by-base by-between by-patch; do
  if ./kustomize build "$overlay" >built.yaml 2>error.txt; then
    echo "$overlay: built, B is $(sed -n 's/^  B: //p' built.yaml)"
  else
    echo "$overlay: $(grep -o 'does not exist; cannot merge or replace' error.txt || cat error.txt)"
  fi
done | tee seen.txt
diff seen.txt - <<'EXPECTED' || { echo "changed"; exit 1; }
direct: does not exist; cannot merge or replace
by-base: built, B is "3"
by-between: built, B is "3"
by-patch: built, B is "3"
EXPECTED
