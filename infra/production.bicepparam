using 'main.bicep'

import { production } from 'sizes.bicep'
import { listFrom, partnerFrom } from 'environment.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'prod')
param capacity = production
param zoneRedundant = true
param privateNetwork = true
param signing = {
  vaultCount: 3
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
  oldestPendingSeconds: 900
  partnerErrorPercent: 20
  functionFailures: 0
}
param webhookSecretNames = listFrom(readEnvironmentVariable('WEBHOOK_SECRET_NAMES', ''))
