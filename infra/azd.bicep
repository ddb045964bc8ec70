targetScope = 'subscription'

metadata name = 'ContentSync for azd'
metadata description = 'Creates the resource group and deploys main.bicep into it, because azd deploys at subscription scope. It has the parameters of main.bicep.'

import { accessType, alertingType, alipayHkType, capacityType, notificationReceiverType, schedulesType, signingType } from 'types.bicep'

@description('Short name of this environment, such as prod or uat: lower-case letters, digits and hyphens. Part of every name.')
@minLength(2)
@maxLength(10)
param environmentName string

@description('Azure region. It must offer Flex Consumption.')
param location string = deployment().location

@description('Tags of every resource, in addition to the tags of the environment.')
param tags { *: string } = {}

@description('Size limits of the app.')
param capacity capacityType

@description('Spread the resources over the availability zones of the region. The NAT gateway stays in one zone. Azure cannot change this for an existing environment.')
param zoneRedundant bool

@description('Who can reach the deployment, and from where.')
param access accessType

@description('Address space of the network: a /24 or larger that overlaps no network it will be joined to.')
@minLength(9)
@maxLength(18)
param networkAddressPrefix string = '10.80.0.0/24'

@description('The signing key and the vaults that hold it.')
param signing signingType

@description('What AlipayHK sent: base address, Client-Id, public keys. Null until then; the app does not start without it.')
param alipayHk alipayHkType?

@description('Requests per second that AlipayHK allows, over all instances.')
@minValue(1)
@maxValue(100000)
param maxSendsPerSecond int = 200

@description('When the timers fire.')
param schedules schedulesType = {
  resync: '0 0 19 * * *'
  sweep: '0 */5 * * * *'
}

@description('Who is notified, and at which thresholds.')
param alerting alertingType

@description('Names of the secrets in the first vault that verify webhooks. Create each secret before you name it here.')
@maxLength(5)
param webhookSecretNames string[] = []

@description('Who receives notifications of refused resyncs, stopped sending, parked items and so on.')
@maxLength(10)
param notificationReceivers notificationReceiverType[] = []

@description('Protect ledger, catalog and keys against deletion by a resource lock. You must remove the locks before you delete the environment.')
param lockResources bool

@description('More app settings, such as Content__MaxItemBytes. No secrets: everyone who can read the app can read them.')
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
    access: access
    networkAddressPrefix: networkAddressPrefix
    signing: signing
    alipayHk: alipayHk
    maxSendsPerSecond: maxSendsPerSecond
    schedules: schedules
    alerting: alerting
    webhookSecretNames: webhookSecretNames
    notificationReceivers: notificationReceivers
    lockResources: lockResources
    additionalSettings: additionalSettings
  }
}

// azd stores the outputs in its environment under these names. The hooks in azure.yaml read them there.
@description('Resource group of the app.')
output AZURE_RESOURCE_GROUP string = group.name

@description('Name of the app.')
output FUNCTION_APP_NAME string = main.outputs.functionAppName

@description('Base address of the HTTP API.')
output FUNCTION_APP_URL string = main.outputs.functionAppUrl

@description('The source address that AlipayHK must allow.')
output OUTBOUND_ADDRESS string = main.outputs.outboundAddress

@description('The vaults, separated by spaces. The first one holds the keys.')
output SIGNING_VAULTS string = join(main.outputs.vaultNames, ' ')

@description('Names of the signing keys, separated by spaces.')
output SIGNING_KEYS string = join(main.outputs.signingKeyNames, ' ')
