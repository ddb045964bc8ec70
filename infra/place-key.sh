#!/usr/bin/env bash
# Copies the signing key of the first vault to further vaults by backup and restore. The copies keep the version and so
# the keyVersion that AlipayHK knows. Key Vault allows this within one Azure geography and one subscription.
set -euo pipefail

if [[ $# -lt 3 ]]; then
  echo "usage: place-key.sh KEY_NAME FIRST_VAULT FURTHER_VAULT..." >&2
  exit 2
fi

command -v az >/dev/null || { echo "place-key.sh: az is not installed" >&2; exit 2; }

key=$1
first=$2
shift 2

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

if ! az keyvault key backup --vault-name "$first" --name "$key" --file "$folder/key.backup" --output none; then
  echo "place-key.sh: key $key cannot be backed up from vault $first. You need the role Key Vault Crypto Officer on the vault, and your address in OPERATOR_ADDRESSES if the vault has a firewall." >&2
  exit 1
fi

version=$(az keyvault key show --vault-name "$first" --name "$key" --query key.kid --output tsv)
version=${version##*/}

for vault in "$@"; do
  if az keyvault key show --vault-name "$vault" --name "$key" --version "$version" --output none 2>/dev/null; then
    echo "$vault already has the key"
    continue
  fi

  if ! az keyvault key restore --vault-name "$vault" --file "$folder/key.backup" --output none; then
    echo "place-key.sh: key $key cannot be restored into vault $vault. You need the role Key Vault Crypto Officer on the vault, and the vault must be in the same geography and subscription." >&2
    exit 1
  fi

  echo "$vault now has the key"
done
