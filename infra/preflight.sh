#!/usr/bin/env bash
# Run before every deployment. Checks that Azure can deploy this size over what exists, and keeps the two values that
# must not change between deployments: the expiry of each signing key and the generation of the vaults.
#
#   preflight.sh RESOURCE_GROUP small|production
#
#   SIGNING_KEY_VERSION       environment variable: keyVersion of the key in use (1)
#   SIGNING_NEXT_KEY_VERSION  environment variable: keyVersion to rotate to, if any
#   SIGNING_KEY_EXPIRY        environment variable: expiries that an earlier run printed, if any
#   SIGNING_KEY_YEARS         environment variable: lifetime in years of a key that does not exist yet (2)
#   AZD                       environment variable: if 1, store the values in the azd environment instead of printing them
#
# Prints an export command for the shell. Exit 0: deploy. 1: this deployment would fail. 2: wrong usage.
set -euo pipefail

fail() {
  echo "preflight: $1" >&2
  exit "${2:-1}"
}

[[ $# -eq 2 && $2 =~ ^(small|production)$ ]] || fail "usage: preflight.sh RESOURCE_GROUP small|production" 2
command -v az >/dev/null || fail "az is not installed" 2

group=$1
size=$2
years=${SIGNING_KEY_YEARS:-2}
[[ $years =~ ^[1-9]$ ]] || fail "SIGNING_KEY_YEARS=$years is not a number from 1 to 9" 2

# One line per resource of the group with the type: the named property of each, empty if it has none.
of_type() {
  az resource list --resource-group "$group" --resource-type "$1" --query "[?tags.workload=='csync'].$2" --output tsv
}

errors=$(mktemp)
trap 'rm -f "$errors"' EXIT
generation=1
vault=
if [[ $(az group exists --name "$group") == true ]]; then
  wanted=Standard
  if [[ $size == production ]]; then wanted=Premium; fi
  tier=$(of_type Microsoft.ServiceBus/namespaces sku.name | head -n 1)
  if [[ -n $tier && $tier != "$wanted" ]]; then
    fail "resource group $group is not $size: its Service Bus namespace is $tier. Azure changes neither the tier of a namespace nor the zones of an address in place. Create a second environment of size $size and move to it; see infra/README.md, Changing the size."
  fi

  live=$(of_type Microsoft.KeyVault/vaults tags.generation | sort -n | tail -n 1)
  if [[ -n $live ]]; then
    generation=$live
    vault=$(az resource list --resource-group "$group" --resource-type Microsoft.KeyVault/vaults \
      --query "[?tags.workload=='csync' && tags.generation=='$generation' && starts_with(name,'csync-kv1-')].id" --output tsv)
  fi
fi

# The names of deleted vaults stay reserved for 90 days.
if [[ -z $vault ]]; then
  deleted=$(az keyvault list-deleted --resource-type vault \
    --query "[?contains(properties.vaultId, '/resourceGroups/$group/')].properties.tags.generation" --output tsv | sort -n | tail -n 1)
  if [[ -n $deleted ]]; then
    generation=$((deleted + 1))
    echo "preflight: the vaults of $group were deleted. This deployment creates new vaults with a new key, which AlipayHK must be sent. To keep the old key, recover the vaults instead; see infra/README.md, Restoring." >&2
  fi
fi

# The expiry that the key has in Azure, or that an earlier run printed, or a new one.
expiry_of() {
  local version=$1 epoch= entry
  if [[ -n $vault ]]; then
    epoch=$(az resource show --ids "$vault/keys/alipayhk-v$version" --api-version 2024-11-01 \
      --query properties.attributes.exp --output tsv 2>"$errors") || grep -q NotFound "$errors" || fail "$(<"$errors")"
    if [[ -n $epoch ]]; then
      date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null || date -u -r "$epoch" +%Y-%m-%dT%H:%M:%SZ
      return
    fi
  fi

  local IFS=,
  for entry in ${SIGNING_KEY_EXPIRY:-}; do
    if [[ ${entry%%=*} == "$version" ]]; then
      echo "${entry#*=}"
      return
    fi
  done

  echo "$(($(date -u +%Y) + years))-$(date -u +%m)-28T00:00:00Z"
}

expiry=
for version in "${SIGNING_KEY_VERSION:-1}" ${SIGNING_NEXT_KEY_VERSION:-}; do
  at=$(expiry_of "$version")
  expiry+=${expiry:+,}$version=$at
done

if [[ ${AZD:-} == 1 ]]; then
  azd env set SIGNING_KEY_EXPIRY "$expiry"
  azd env set VAULT_GENERATION "$generation"
else
  echo "export SIGNING_KEY_EXPIRY=$expiry VAULT_GENERATION=$generation"
fi
