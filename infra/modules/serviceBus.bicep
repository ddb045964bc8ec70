metadata description = 'The queue for single items and the session queue for the packs of a resync.'

import { accessType } from '../types.bicep'

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

@description('Messaging units of a Premium namespace. Ignored without access.privateData.')
param messagingUnits int

@description('Spread a Premium namespace over the region\'s zones.')
param zoneRedundant bool

@description('Who can reach the namespace. Only Premium has private endpoints and a firewall, so this decides the tier.')
param access accessType

@description('Resource id of the workspace for diagnostics.')
param workspaceId string

var tier = access.privateData ? 'Premium' : 'Standard'

resource namespace 'Microsoft.ServiceBus/namespaces@2024-01-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: tier
    tier: tier
    capacity: access.privateData ? messagingUnits : null
  }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    publicNetworkAccess: access.privateData && empty(access.operatorAddresses) ? 'Disabled' : 'Enabled'
    zoneRedundant: access.privateData ? zoneRedundant : null
  }
}

resource firewall 'Microsoft.ServiceBus/namespaces/networkRuleSets@2024-01-01' = if (access.privateData) {
  parent: namespace
  name: 'default'
  properties: {
    publicNetworkAccess: empty(access.operatorAddresses) ? 'Disabled' : 'Enabled'
    defaultAction: 'Deny'
    trustedServiceAccessEnabled: false
    ipRules: map(access.operatorAddresses, address => {
      action: 'Allow'
      ipMask: address
    })
  }
}

resource contentQueue 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' = {
  parent: namespace
  name: contentQueueName
  properties: {
    // Longer than an item takes with all its immediate retries: AlipayHk__TotalTimeout (40 s) within the lease (60 s).
    lockDuration: 'PT2M'
    // A delayed retry is a scheduled copy, so only a crash or a lost lock adds to this count.
    maxDeliveryCount: 10
    requiresDuplicateDetection: true
    // Shorter than the 15 minutes after which the sweep enqueues an overdue item again under the same message id.
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
    // The broker's maximum. The host renews it while a lane is busy.
    lockDuration: 'PT5M'
    maxDeliveryCount: 10
    requiresDuplicateDetection: true
    duplicateDetectionHistoryTimeWindow: 'PT10M'
    requiresSession: true
    // Within two days the next nightly run has planned the same items again from the ledger.
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
