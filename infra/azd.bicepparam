using 'azd.bicep'

import { production, small } from 'sizes.bicep'
import { listFrom, partnerFrom } from 'environment.bicep'

// small or production; anything else is an error at the parameter capacity.
var size = readEnvironmentVariable('CSYNC_SIZE', 'small')
var isProduction = size == 'production'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION', 'eastasia')
param capacity = { small: small, production: production }[size]
param zoneRedundant = isProduction
param privateNetwork = isProduction
param signing = {
  vaultCount: isProduction ? 3 : 1
  placedVaults: int(readEnvironmentVariable('SIGNING_PLACED_VAULTS', '1'))
  keyVersion: readEnvironmentVariable('SIGNING_KEY_VERSION', '1')
  nextKeyVersion: readEnvironmentVariable('SIGNING_NEXT_KEY_VERSION', '') == ''
    ? null
    : readEnvironmentVariable('SIGNING_NEXT_KEY_VERSION', '')
  hardware: false
}
param partner = partnerFrom(
  readEnvironmentVariable('ALIPAYHK_BASE_ADDRESS', ''),
  readEnvironmentVariable('ALIPAYHK_CLIENT_ID', ''),
  readEnvironmentVariable('ALIPAYHK_KEY_VERSION', '1'),
  readEnvironmentVariable('ALIPAYHK_PUBLIC_KEY', '')
)
param partnerSendsPerSecond = int(readEnvironmentVariable('ALIPAYHK_SENDS_PER_SECOND', '200'))
param alerting = {
  emails: listFrom(readEnvironmentVariable('ALERT_EMAILS', ''))
  oldestPendingSeconds: isProduction ? 900 : 3600
  partnerErrorPercent: isProduction ? 20 : 50
  functionFailures: isProduction ? 0 : 5
}
param webhookSecretNames = listFrom(readEnvironmentVariable('WEBHOOK_SECRET_NAMES', ''))
