metadata description = 'The queue for single items and the session queue for packs of a resync.'

@description('Name of the namespace.')
param name string

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags { *: string }

@description('Name of the queue for single items.')
param contentQueueName string

@description('Name of the queue for packs.')
param resyncQueueName string

@description('Messaging units; read only where privateNetwork is on.')
param messagingUnits int

@description('Spread a Premium namespace over the region\'s zones.')
param zoneRedundant bool

@description('Close the namespace to everything but private endpoints. Only Premium can, so this decides the tier.')
param privateNetwork bool

@description('Resource id of the workspace for diagnostics.')
param workspaceId string

var tier = privateNetwork ? 'Premium' : 'Standard'

resource namespace 'Microsoft.ServiceBus/namespaces@2024-01-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: tier
    tier: tier
    capacity: privateNetwork ? messagingUnits : null
  }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
    zoneRedundant: privateNetwork ? zoneRedundant : null
  }
}

resource contentQueue 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' = {
  parent: namespace
  name: contentQueueName
  properties: {
    // Longer than one item takes with all its quick retries (40 s) and a slow signature (10 s).
    lockDuration: 'PT2M'
    // A retry by policy is a scheduled copy, so only a crash or a lost lock counts here.
    maxDeliveryCount: 10
    requiresDuplicateDetection: true
    duplicateDetectionHistoryTimeWindow: 'PT10M'
    requiresSession: false
    defaultMessageTimeToLive: 'P14D'
    deadLetteringOnMessageExpiration: true
    enablePartitioning: false
    maxSizeInMegabytes: 5120
  }
}

resource resyncQueue 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' = {
  parent: namespace
  name: resyncQueueName
  properties: {
    // A pack of 50 items at a lane's share of the send budget.
    lockDuration: 'PT5M'
    maxDeliveryCount: 10
    requiresDuplicateDetection: true
    duplicateDetectionHistoryTimeWindow: 'PT10M'
    requiresSession: true
    // The next run plans again from the ledger, so a pack older than that is worth nothing but a look.
    defaultMessageTimeToLive: 'P2D'
    deadLetteringOnMessageExpiration: true
    enablePartitioning: false
    maxSizeInMegabytes: 5120
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: namespace
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'OperationalLogs'
        enabled: true
      }
    ]
    metrics: [
      {
        category: 'AllMetrics'
        enabled: true
      }
    ]
  }
}

@description('Resource id of the namespace.')
output id string = namespace.id

@description('Host name of the namespace.')
output hostName string = replace(replace(namespace.properties.serviceBusEndpoint, 'https://', ''), ':443/', '')
