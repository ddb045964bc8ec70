metadata name = 'ContentSync'
metadata description = 'Everything the app needs to synchronize items with AlipayHK, in one resource group.'

import { accessType, alertingType, alipayHkType, capacityType, notificationReceiverType, schedulesType, signingType } from 'types.bicep'

@description('Short name of this environment, such as prod or uat: lower-case letters, digits and hyphens. Part of every name.')
@minLength(2)
@maxLength(10)
param environmentName string

@description('Azure region. It must offer Flex Consumption.')
param location string = resourceGroup().location

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

var names = {
  base: environmentName == toLower(environmentName) && !contains(environmentName, '_')
    ? 'csync-${environmentName}'
    : fail('environmentName is ${environmentName}: use lower-case letters, digits and hyphens')
  suffix: uniqueString(subscription().id, resourceGroup().id, environmentName)
  // Purge protection reserves the name of a deleted vault for 90 days.
  vaultSuffix: signing.vaultGeneration == 1
    ? uniqueString(subscription().id, resourceGroup().id, environmentName)
    : uniqueString(subscription().id, resourceGroup().id, environmentName, string(signing.vaultGeneration))
}
var allTags = union(tags, {
  workload: 'csync'
  environment: environmentName
})

// The app reads these names from its settings, except for the package container.
var contentQueueName = 'content'
var resyncQueueName = 'content-resync'
var ledgerTableName = 'syncrecords'
var laneTableName = 'resynclanes'
var catalogContainerName = 'catalog'
var stateContainerName = 'resync'
var packageContainerName = 'app-package'

var identityName = '${names.base}-id'
var applicationInsightsName = '${names.base}-insights'
var functionAppName = '${names.base}-${names.suffix}'
var hostAccountName = 'csynchost${names.suffix}'
var dataAccountName = 'csyncdata${names.suffix}'
var namespaceName = '${names.base}-bus-${names.suffix}'
var vaultNames = [for i in range(1, signing.vaultCount): 'csync-kv${i}-${names.vaultSuffix}']
var keyName = 'alipayhk-v${signing.keyVersion}'
var keyVersions = union([signing.keyVersion], signing.?nextKeyVersion == null ? [] : [signing.?nextKeyVersion!])
var keyNames = map(keyVersions, version => 'alipayhk-v${version}')
var keyExpiries = map(
  keyVersions,
  version =>
    contains(signing.keyExpiry, version)
      ? dateTimeToEpoch(signing.keyExpiry[version])
      : fail('signing.keyExpiry has no entry for keyVersion ${version}: run infra/preflight.sh, which keeps the expiry of each key from one deployment to the next')
)
var placedVaultNames = signing.placedVaults > signing.vaultCount
  ? fail('signing.placedVaults is ${signing.placedVaults}, but signing.vaultCount makes only ${signing.vaultCount} vaults')
  : take(vaultNames, signing.placedVaults)

// A vault allows 4,000 RSA-2048 operations in 10 seconds, half as many in hardware. A tenth stays free for operators.
var vaultSignaturesPerSecond = signing.hardware ? 180 : 360

module identity 'modules/identity.bicep' = {
  name: 'identity'
  params: {
    name: identityName
    location: location
    tags: allTags
  }
}

module observability 'modules/observability.bicep' = {
  name: 'observability'
  params: {
    workspaceName: '${names.base}-logs'
    applicationInsightsName: applicationInsightsName
    actionGroupName: '${names.base}-alerts'
    location: location
    tags: allTags
    dailyCapGB: capacity.dailyTelemetryCapGB
    retentionDays: capacity.retentionDays
    alerting: alerting
  }
}

module network 'modules/network.bicep' = {
  name: 'network'
  params: {
    baseName: names.base
    location: location
    tags: allTags
    addressPrefix: networkAddressPrefix
    zoneRedundant: zoneRedundant
    workspaceId: observability.outputs.workspaceId
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  params: {
    hostAccountName: hostAccountName
    dataAccountName: dataAccountName
    location: location
    tags: allTags
    packageContainerName: packageContainerName
    catalogContainerName: catalogContainerName
    stateContainerName: stateContainerName
    ledgerTableName: ledgerTableName
    laneTableName: laneTableName
    zoneRedundant: zoneRedundant
    access: access
    lockResources: lockResources
    workspaceId: observability.outputs.workspaceId
  }
}

module serviceBus 'modules/serviceBus.bicep' = {
  name: 'serviceBus'
  params: {
    name: namespaceName
    location: location
    tags: allTags
    contentQueueName: contentQueueName
    resyncQueueName: resyncQueueName
    messagingUnits: capacity.messagingUnits
    zoneRedundant: zoneRedundant
    access: access
    workspaceId: observability.outputs.workspaceId
  }
}

module vaults 'modules/vault.bicep' = [
  for (vaultName, i) in vaultNames: {
    name: 'vault-${i + 1}'
    params: {
      name: vaultName
      location: location
      tags: allTags
      keyNames: i == 0 ? keyNames : []
      keyExpiries: i == 0 ? keyExpiries : []
      generation: signing.vaultGeneration
      hardware: signing.hardware
      access: access
      lockResources: lockResources
      workspaceId: observability.outputs.workspaceId
      actionGroupId: observability.outputs.actionGroupId
    }
  }
]

module roles 'modules/roles.bicep' = {
  name: 'roles'
  params: {
    identityName: identityName
    signerRoleName: 'ContentSync signer ${names.suffix}'
    queueLengthRoleName: 'ContentSync queue length ${names.suffix}'
    vaultNames: placedVaultNames
    keyName: keyName
    secretNames: union(webhookSecretNames, map(notificationReceivers, receiver => receiver.secretName))
    namespaceName: namespaceName
    contentQueueName: contentQueueName
    resyncQueueName: resyncQueueName
    hostAccountName: hostAccountName
    dataAccountName: dataAccountName
    ledgerTableName: ledgerTableName
    laneTableName: laneTableName
    catalogContainerName: catalogContainerName
    stateContainerName: stateContainerName
    applicationInsightsName: applicationInsightsName
  }
  dependsOn: [
    identity
    observability
    serviceBus
    storage
    vaults
  ]
}

module storeEndpoints 'modules/privateEndpoints.bicep' = if (access.privateData) {
  name: 'storeEndpoints'
  params: {
    baseName: names.base
    location: location
    tags: allTags
    networkId: network.outputs.networkId
    subnetId: network.outputs.endpointsSubnetId
    dnsZonesGroupId: access.?dnsZonesGroupId
    targets: concat(
      [
        {
          name: 'host-blob'
          resourceId: storage.outputs.hostAccountId
          group: 'blob'
        }
        {
          name: 'data-blob'
          resourceId: storage.outputs.dataAccountId
          group: 'blob'
        }
        {
          name: 'data-table'
          resourceId: storage.outputs.dataAccountId
          group: 'table'
        }
        {
          name: 'service-bus'
          resourceId: serviceBus.outputs.id
          group: 'namespace'
        }
      ],
      map(range(0, signing.vaultCount), i => {
        name: 'vault-${i + 1}'
        resourceId: resourceId('Microsoft.KeyVault/vaults', vaultNames[i])
        group: 'vault'
      })
    )
  }
  dependsOn: [
    vaults
  ]
}

module functionApp 'modules/functionApp.bicep' = {
  name: 'functionApp'
  params: {
    planName: '${names.base}-plan'
    name: functionAppName
    location: location
    tags: allTags
    capacity: capacity
    zoneRedundant: zoneRedundant
    access: access
    subnetId: network.outputs.functionsSubnetId
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    hostAccountName: hostAccountName
    packageContainerUri: storage.outputs.packageContainerUri
    applicationInsightsConnection: observability.outputs.applicationInsightsConnection
    tableEndpoint: storage.outputs.tableEndpoint
    ledgerTableName: ledgerTableName
    laneTableName: laneTableName
    catalogContainerUri: storage.outputs.catalogContainerUri
    stateContainerUri: storage.outputs.stateContainerUri
    serviceBusHostName: serviceBus.outputs.hostName
    contentQueueName: contentQueueName
    resyncQueueName: resyncQueueName
    keyIds: [
      for vaultName in placedVaultNames: 'https://${vaultName}${environment().suffixes.keyvaultDns}/keys/${keyName}/${vaults[0].outputs.keyVersionIds[0]}'
    ]
    keyVersion: signing.keyVersion
    vaultSignaturesPerSecond: vaultSignaturesPerSecond
    alipayHk: alipayHk
    maxSendsPerSecond: maxSendsPerSecond
    schedules: schedules
    vaultUri: 'https://${vaultNames[0]}${environment().suffixes.keyvaultDns}/'
    webhookSecretNames: webhookSecretNames
    notificationReceivers: notificationReceivers
    additionalSettings: additionalSettings
    workspaceId: observability.outputs.workspaceId
  }
  // The host reads its account and its keys when it starts.
  dependsOn: [
    roles
    storeEndpoints
  ]
}

module appEndpoint 'modules/privateEndpoints.bicep' = if (!access.publicIngress) {
  name: 'appEndpoint'
  params: {
    baseName: names.base
    location: location
    tags: allTags
    networkId: network.outputs.networkId
    subnetId: network.outputs.endpointsSubnetId
    dnsZonesGroupId: access.?dnsZonesGroupId
    targets: [
      {
        name: 'app'
        resourceId: functionApp.outputs.id
        group: 'sites'
      }
    ]
  }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  params: {
    baseName: names.base
    location: location
    tags: allTags
    workspaceId: observability.outputs.workspaceId
    actionGroupId: observability.outputs.actionGroupId
    namespaceId: serviceBus.outputs.id
    contentQueueName: contentQueueName
    resyncQueueName: resyncQueueName
    vaultIds: [for i in range(0, signing.vaultCount): vaults[i].outputs.id]
    alerting: alerting
    canRun: alipayHk != null
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  params: {
    title: 'ContentSync ${environmentName}'
    location: location
    tags: allTags
    workspaceId: observability.outputs.workspaceId
    namespaceId: serviceBus.outputs.id
  }
}

@description('Name of the app.')
output functionAppName string = functionAppName

@description('Base address of the HTTP API.')
output functionAppUrl string = 'https://${functionApp.outputs.hostName}'

@description('The source address that AlipayHK must allow.')
output outboundAddress string = network.outputs.outboundAddress

@description('The vaults. The first one holds the keys; the others get copies.')
output vaultNames string[] = vaultNames

@description('Names of the signing keys in the first vault. AlipayHK needs their public halves.')
output signingKeyNames string[] = keyNames

@description('Storage account of the ledger and the catalog.')
output dataAccountName string = dataAccountName

@description('Service Bus namespace of both queues.')
output serviceBusNamespace string = serviceBus.outputs.hostName
