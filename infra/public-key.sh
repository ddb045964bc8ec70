#!/usr/bin/env bash
# Prints the public half of a signing key as AlipayHK asks for it: base64 of the X.509 SubjectPublicKeyInfo, one line.
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
  echo "public-key.sh: key $2 cannot be read in vault $1. Reading it takes the role Key Vault Reader on the vault, and a way into its network if public access is closed." >&2
  exit 1
fi

openssl pkey -pubin -in "$folder/key.pem" -outform DER | openssl base64 -A
echo
