metadata name = 'ContentSync'
metadata description = 'Everything the app needs to synchronize content with AlipayHK, in one resource group.'

import { alertingType, capacityType, partnerType, schedulesType, signingType } from 'types.bicep'

@description('Short name of this environment, lower-case letters, digits and hyphens: prod, uat ... Part of every name.')
@minLength(2)
@maxLength(10)
param environmentName string

@description('Azure region. Flex Consumption must be offered there.')
param location string = resourceGroup().location

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

var names = {
  base: environmentName == toLower(environmentName) && !contains(environmentName, '_')
    ? 'csync-${environmentName}'
    : fail('environmentName is ${environmentName}: use lower-case letters, digits and hyphens')
  suffix: uniqueString(subscription().id, resourceGroup().id, environmentName)
}
var allTags = union(tags, {
  workload: 'csync'
  environment: environmentName
})

// The app binds to all but the last by setting, so the names stand here and nowhere else.
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
var vaultNames = [for i in range(1, signing.vaultCount): 'csync-kv${i}-${names.suffix}']
var keyName = 'alipayhk-v${signing.keyVersion}'
var keyNames = union([keyName], signing.?nextKeyVersion == null ? [] : ['alipayhk-v${signing.?nextKeyVersion!}'])
var placedVaultNames = signing.placedVaults > signing.vaultCount
  ? fail('signing.placedVaults is ${signing.placedVaults}, but signing.vaultCount makes only ${signing.vaultCount} vaults')
  : take(vaultNames, signing.placedVaults)

// A vault takes 4,000 RSA-2048 operations in ten seconds, half as many in hardware; a tenth is left for others.
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
    privateNetwork: privateNetwork
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
    privateNetwork: privateNetwork
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
      hardware: signing.hardware
      keyExpiry: dateTimeToEpoch('${signingKeyExpiresOn}T00:00:00Z')
      privateNetwork: privateNetwork
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
    vaultNames: placedVaultNames
    keyName: keyName
    webhookSecretNames: webhookSecretNames
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

module storeEndpoints 'modules/privateEndpoints.bicep' = if (privateNetwork) {
  name: 'storeEndpoints'
  params: {
    baseName: names.base
    location: location
    tags: allTags
    networkId: network.outputs.networkId
    subnetId: network.outputs.endpointsSubnetId
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
    privateNetwork: privateNetwork
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
    partner: partner
    partnerSendsPerSecond: partnerSendsPerSecond
    schedules: schedules
    webhookSecretUris: [
      for secretName in webhookSecretNames: 'https://${vaultNames[0]}${environment().suffixes.keyvaultDns}/secrets/${secretName}'
    ]
    additionalSettings: additionalSettings
    workspaceId: observability.outputs.workspaceId
  }
  // The host reads its account and its keys as soon as it starts.
  dependsOn: [
    roles
    storeEndpoints
  ]
}

module appEndpoint 'modules/privateEndpoints.bicep' = if (privateNetwork) {
  name: 'appEndpoint'
  params: {
    baseName: names.base
    location: location
    tags: allTags
    networkId: network.outputs.networkId
    subnetId: network.outputs.endpointsSubnetId
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
    queueNames: [
      contentQueueName
      resyncQueueName
    ]
    vaultIds: [for i in range(0, signing.vaultCount): vaults[i].outputs.id]
    alerting: alerting
    canRun: partner != null
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

@description('Name of the app, to publish to.')
output functionAppName string = functionAppName

@description('Where callers post content.')
output functionAppUrl string = 'https://${functionApp.outputs.hostName}'

@description('The source address AlipayHK has to let in.')
output outboundAddress string = network.outputs.outboundAddress

@description('The vaults; the first holds the key, the others get copies.')
output vaultNames string[] = vaultNames

@description('Names of the signing keys in the first vault; their public halves go to AlipayHK.')
output signingKeyNames string[] = keyNames

@description('Account of ledger and catalog.')
output dataAccountName string = dataAccountName

@description('Service Bus namespace of the two queues.')
output serviceBusNamespace string = serviceBus.outputs.hostName
