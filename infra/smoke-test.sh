#!/usr/bin/env bash
# Sends one item to a deployed app and reads its status until AlipayHK has acknowledged it.
#
#   smoke-test.sh URL [ITEM.json]
#
#   URL           https://APP.azurewebsites.net, or http://localhost:7071 for the local host
#   ITEM.json     one item; default: a delisted SKU, which shows nowhere
#   FUNCTION_KEY  environment variable: a function key of the app; not needed locally
#   TIMEOUT       environment variable: seconds to wait for the acknowledgement (120)
#   INTERVAL      environment variable: seconds between two status calls (2)
#
# Exit 0: synchronized. 1: refused, parked or not in time. 2: wrong usage.
set -uo pipefail

fail() {
  echo "smoke test: $1" >&2
  exit "${2:-1}"
}

[[ $# -ge 1 && $# -le 2 ]] || fail "usage: [FUNCTION_KEY=...] [TIMEOUT=120] smoke-test.sh URL [ITEM.json]" 2
command -v curl >/dev/null || fail "curl is not installed" 2

url=${1%/}
timeout=${TIMEOUT:-120}
[[ $url =~ ^https?://[^/]+$ ]] || fail "$1 is not an address like https://APP.azurewebsites.net" 2
[[ $timeout =~ ^[0-9]+$ ]] || fail "TIMEOUT=$timeout is not a number of seconds" 2

if [[ $# -eq 2 ]]; then
  [[ -r $2 ]] || fail "$2 cannot be read" 2
  item=$(<"$2")
else
  item='{"contentId":"smoke-test","contentType":"SKU","contentStatus":0,"contentInfo":{"title":"Smoke test","checkedAt":"'$(date -u +%Y-%m-%dT%H:%M:%SZ)'"}}'
fi

id=$(sed -nE 's/.*"contentId"[[:space:]]*:[[:space:]]*"([^"\\]+)".*/\1/p' <<<"$item" | head -n 1)
[[ -n $id ]] || fail "the item has no contentId" 2
[[ $id =~ ^[A-Za-z0-9._~-]+$ ]] || fail "contentId $id has characters that are not allowed in an address; use another id" 2

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# The key goes in by file, so that no process list shows it.
(umask 077 && printf 'header = "x-functions-key: %s"\n' "${FUNCTION_KEY:-}" >"$folder/headers")

call() {
  status=$(curl --silent --show-error --max-time 60 --config "$folder/headers" --output "$folder/body" \
    --write-out '%{http_code}' "$@" 2>"$folder/error") || fail "no response from $url: $(<"$folder/error")"
  body=$(<"$folder/body")
}

# The state of the item in the response, in lower case.
state() {
  sed -nE 's/.*"state"[[:space:]]*:[[:space:]]*"([^"]+)".*/\1/p' <<<"$(tr -d '\n' <<<"$body")" | tr '[:upper:]' '[:lower:]'
}

deadline=$((SECONDS + timeout))

call --request POST "$url/api/content" --header 'Content-Type: application/json' --data-binary "$item"
case $status in
  200 | 202 | 503) ;;
  401 | 403) fail "HTTP $status: FUNCTION_KEY is missing or not this app's" ;;
  404) fail "HTTP 404: no app is published at $url yet" ;;
  400) fail "the item is invalid: $body" ;;
  409) fail "a newer revision of $id was accepted before: $body" ;;
  422) fail "AlipayHK rejected the item: $body" ;;
  *) fail "HTTP $status: $body" ;;
esac
echo "accepted $id (HTTP $status)"

while true; do
  call "$url/api/content/$id"
  [[ $status == 200 ]] || fail "reading the status gave HTTP $status: $body"

  case $(state) in
    synchronized)
      echo "synchronized $id"
      exit 0
      ;;
    parked) fail "$id is parked: $body" ;;
  esac

  ((SECONDS < deadline)) || fail "$id was not acknowledged within $timeout s. Its last status: $body"
  sleep "${INTERVAL:-2}"
done
