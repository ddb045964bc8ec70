#!/usr/bin/env bash
# Waits until a published app is healthy. A deployment also succeeds for an app that does not start.
#
#   check-health.sh URL
#
#   URL       https://APP.azurewebsites.net
#   TIMEOUT   environment variable: seconds to wait (300; a fresh app may wait some minutes for its roles)
#   INTERVAL  environment variable: seconds between two calls (5)
#
# Exit 0: healthy. 1: not healthy in time. 2: wrong usage.
set -uo pipefail

fail() {
  echo "check-health: $1" >&2
  exit "${2:-1}"
}

[[ $# -eq 1 ]] || fail "usage: [TIMEOUT=300] check-health.sh URL" 2
command -v curl >/dev/null || fail "curl is not installed" 2

url=${1%/}
timeout=${TIMEOUT:-300}
[[ $url =~ ^https?://[^/]+$ ]] || fail "$1 is not an address like https://APP.azurewebsites.net" 2
[[ $timeout =~ ^[0-9]+$ ]] || fail "TIMEOUT=$timeout is not a number of seconds" 2

body=$(mktemp)
trap 'rm -f "$body"' EXIT
deadline=$((SECONDS + timeout))

while true; do
  status=$(curl --silent --show-error --max-time 30 --output "$body" --write-out '%{http_code}' "$url/api/health" 2>/dev/null)
  if [[ $status == 200 ]]; then
    echo "healthy: $url"
    exit 0
  fi

  # 000 is curl's code where there was no response.
  if ((SECONDS >= deadline)); then
    [[ $status == 000 ]] && reason="no response" || reason="HTTP $status: $(head -c 1000 "$body")"
    fail "$url/api/health is not healthy within $timeout s ($reason). If the app does not start, its log stream in the portal lists the settings that are missing or wrong."
  fi

  sleep "${INTERVAL:-5}"
done
