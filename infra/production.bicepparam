using 'main.bicep'

import { production } from 'sizes.bicep'
import { alipayHkFrom, expiryFrom, listFrom, optionalFrom, receiversFrom } from 'environment.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'prod')
param capacity = production
param zoneRedundant = true
param lockResources = true
param access = {
  privateData: true
  publicIngress: readEnvironmentVariable('PUBLIC_INGRESS', 'true') == 'true'
  callerAddresses: listFrom(readEnvironmentVariable('CALLER_ADDRESSES', ''))
  operatorAddresses: listFrom(readEnvironmentVariable('OPERATOR_ADDRESSES', ''))
  dnsZonesGroupId: optionalFrom(readEnvironmentVariable('PRIVATE_DNS_ZONES_GROUP_ID', ''))
}
// A vault signs 360 times a second; a key in hardware only half as often. Production has one to spare, and at least three.
var sendsPerSecond = int(readEnvironmentVariable('ALIPAYHK_SENDS_PER_SECOND', '200'))

param signing = {
  vaultCount: max(3, (sendsPerSecond + 359) / 360 + 1)
  placedVaults: int(readEnvironmentVariable('SIGNING_PLACED_VAULTS', '1'))
  keyVersion: readEnvironmentVariable('SIGNING_KEY_VERSION', '1')
  nextKeyVersion: optionalFrom(readEnvironmentVariable('SIGNING_NEXT_KEY_VERSION', ''))
  keyExpiry: expiryFrom(readEnvironmentVariable('SIGNING_KEY_EXPIRY', ''))
  vaultGeneration: int(readEnvironmentVariable('VAULT_GENERATION', '1'))
  hardware: false
}
param alipayHk = alipayHkFrom(
  readEnvironmentVariable('ALIPAYHK_BASE_ADDRESS', ''),
  readEnvironmentVariable('ALIPAYHK_CLIENT_ID', ''),
  readEnvironmentVariable('ALIPAYHK_PUBLIC_KEYS', '')
)
param maxSendsPerSecond = sendsPerSecond
param alerting = {
  emails: listFrom(readEnvironmentVariable('ALERT_EMAILS', ''))
  oldestPendingSeconds: 900
  alipayHkErrorPercent: 20
  functionFailures: 0
  deadLettersKept: 1000
  resyncOverdueHours: 26
}
param webhookSecretNames = listFrom(readEnvironmentVariable('WEBHOOK_SECRET_NAMES', ''))
param notificationReceivers = receiversFrom(readEnvironmentVariable('NOTIFICATION_RECEIVERS', ''))
