#!/usr/bin/env bash
# Prints the public half of a signing key in the form that AlipayHK asks for: base64 of the X.509 SubjectPublicKeyInfo, one line.
set -euo pipefail

if [[ $# -ne 2 ]]; then
  echo "usage: public-key.sh VAULT_NAME KEY_NAME" >&2
  exit 2
fi

for tool in az openssl; do
  command -v "$tool" >/dev/null || { echo "public-key.sh: $tool is not installed" >&2; exit 2; }
done

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

if ! az keyvault key download --vault-name "$1" --name "$2" --encoding PEM --file "$folder/key.pem" --output none; then
  echo "public-key.sh: key $2 cannot be read in vault $1. You need the role Key Vault Reader on the vault, and your address in OPERATOR_ADDRESSES if the vault has a firewall." >&2
  exit 1
fi

openssl pkey -pubin -in "$folder/key.pem" -outform DER | openssl base64 -A
echo
