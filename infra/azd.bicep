targetScope = 'subscription'

metadata name = 'ContentSync for azd'
metadata description = 'Makes the resource group and puts main.bicep in it, since azd deploys at subscription scope. The parameters are main.bicep\'s.'

import { alertingType, capacityType, partnerType, schedulesType, signingType } from 'types.bicep'

@description('Short name of this environment, lower-case letters, digits and hyphens: prod, uat ... Part of every name.')
@minLength(2)
@maxLength(10)
param environmentName string

@description('Azure region. Flex Consumption must be offered there.')
param location string = deployment().location

@description('Tags of every resource, beside the environment\'s own.')
param tags { *: string } = {}

@description('How much the app may run.')
param capacity capacityType

@description('Spread over the region\'s availability zones whatever can be. The NAT gateway cannot: it lives in one zone.')
param zoneRedundant bool

@description('Private endpoints, DNS zones, and public access closed, the app\'s own included. Service Bus goes Premium with it, since only Premium has private endpoints.')
param privateNetwork bool

@description('Address space of the network: a /24 or larger that overlaps nothing it will be joined to.')
@minLength(9)
@maxLength(18)
param networkAddressPrefix string = '10.80.0.0/24'

@description('The key that signs.')
param signing signingType

@description('Day on which a signing key made by this deployment expires, as yyyy-MM-dd. A key that exists keeps its date.')
@minLength(10)
@maxLength(10)
param signingKeyExpiresOn string = dateTimeAdd(utcNow(), 'P2Y', 'yyyy-MM-dd')

@description('What AlipayHK handed over: base address, Client-Id, public keys. Null until they have; nothing can be synchronized before.')
param partner partnerType?

@description('Most requests per second, over all instances, that AlipayHK agreed to.')
@minValue(1)
@maxValue(100000)
param partnerSendsPerSecond int = 200

@description('When the timers fire.')
param schedules schedulesType = {
  resync: '0 0 19 * * *'
  sweep: '0 */5 * * * *'
}

@description('Whom to tell, and when.')
param alerting alertingType

@description('Names of secrets in the first vault with which webhook callers sign. They must exist before they are named here.')
@maxLength(5)
param webhookSecretNames string[] = []

@description('Further app settings, Content__MaxItemBytes for one. No secrets: everybody who can read the app can read them.')
param additionalSettings { *: string } = {}

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: 'rg-csync-${environmentName}'
  location: location
  tags: union(tags, {
    workload: 'csync'
    environment: environmentName
    'azd-env-name': environmentName
  })
}

module main 'main.bicep' = {
  name: 'csync'
  scope: group
  params: {
    environmentName: environmentName
    location: location
    tags: tags
    capacity: capacity
    zoneRedundant: zoneRedundant
    privateNetwork: privateNetwork
    networkAddressPrefix: networkAddressPrefix
    signing: signing
    signingKeyExpiresOn: signingKeyExpiresOn
    partner: partner
    partnerSendsPerSecond: partnerSendsPerSecond
    schedules: schedules
    alerting: alerting
    webhookSecretNames: webhookSecretNames
    additionalSettings: additionalSettings
  }
}

// azd keeps the outputs in its environment under these names; the scripts beside this file read them there.
@description('Resource group that azd publishes into.')
output AZURE_RESOURCE_GROUP string = group.name

@description('Name of the app.')
output FUNCTION_APP_NAME string = main.outputs.functionAppName

@description('Where callers post content.')
output FUNCTION_APP_URL string = main.outputs.functionAppUrl

@description('The source address AlipayHK has to let in.')
output OUTBOUND_ADDRESS string = main.outputs.outboundAddress

@description('The vaults, with blanks between; the first holds the keys.')
output SIGNING_VAULTS string = join(main.outputs.vaultNames, ' ')

@description('Names of the signing keys, with blanks between.')
output SIGNING_KEYS string = join(main.outputs.signingKeyNames, ' ')
