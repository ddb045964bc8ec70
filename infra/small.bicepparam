using 'main.bicep'

import { small } from 'sizes.bicep'
import { alipayHkFrom, expiryFrom, listFrom, optionalFrom, receiversFrom } from 'environment.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'uat')
param capacity = small
param zoneRedundant = false
param lockResources = false
param access = {
  privateData: false
  publicIngress: true
  callerAddresses: listFrom(readEnvironmentVariable('CALLER_ADDRESSES', ''))
  operatorAddresses: listFrom(readEnvironmentVariable('OPERATOR_ADDRESSES', ''))
}
// A vault signs 360 times a second; a key in hardware only half as often.
var sendsPerSecond = int(readEnvironmentVariable('ALIPAYHK_SENDS_PER_SECOND', '200'))

param signing = {
  vaultCount: (sendsPerSecond + 359) / 360
  placedVaults: 1
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
  oldestPendingSeconds: 3600
  alipayHkErrorPercent: 50
  functionFailures: 5
  deadLettersKept: 1000
  resyncOverdueHours: 26
}
param webhookSecretNames = listFrom(readEnvironmentVariable('WEBHOOK_SECRET_NAMES', ''))
param notificationReceivers = receiversFrom(readEnvironmentVariable('NOTIFICATION_RECEIVERS', ''))
