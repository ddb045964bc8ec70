metadata description = 'All permissions of the app, each at the narrowest scope that works. No other template grants it any.'

@description('Name of the identity of the app.')
param identityName string

@description('Name of the custom role that signs. Unique in the tenant.')
param signerRoleName string

@description('Name of the custom role that reads queue lengths. Unique in the tenant.')
param queueLengthRoleName string

@description('Vaults that hold the signing key.')
param vaultNames string[]

@description('Name of the signing key.')
param keyName string

@description('Names of the secrets in the first vault that verify webhooks or sign notifications.')
param secretNames string[]

@description('Name of the Service Bus namespace.')
param namespaceName string

@description('Name of the queue for single items.')
param contentQueueName string

@description('Name of the queue for packs.')
param resyncQueueName string

@description('Name of the account for host state and the published package. It holds nothing else.')
param hostAccountName string

@description('Name of the account for ledger and catalog.')
param dataAccountName string

@description('Name of the ledger table.')
param ledgerTableName string

@description('Name of the table for the lanes of a resync.')
param laneTableName string

@description('Name of the catalog container.')
param catalogContainerName string

@description('Name of the container for the runs and plans of resyncs.')
param stateContainerName string

@description('Name of Application Insights.')
param applicationInsightsName string

// Names: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
var serviceBusDataReceiver = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0')
var serviceBusDataSender = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39')
var storageTableDataContributor = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3')
var storageBlobDataReader = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1')
var storageBlobDataContributor = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'ba92f5b4-2d11-453d-a403-e96b0029c9fe')
var storageBlobDataOwner = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b')
var monitoringMetricsPublisher = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '3913510d-42f4-4e42-8a64-420c390055eb')
var keyVaultSecretsUser = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '4633458b-17de-408a-b874-0445c86b69e6')

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}

// No built-in role allows signing and nothing else.
resource signerRole 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(resourceGroup().id, signerRoleName)
  properties: {
    roleName: signerRoleName
    description: 'Signs with a key in a vault. Cannot read the key, list it, or use it for anything else.'
    type: 'CustomRole'
    assignableScopes: [
      resourceGroup().id
    ]
    permissions: [
      {
        actions: []
        notActions: []
        dataActions: [
          'Microsoft.KeyVault/vaults/keys/sign/action'
        ]
        notDataActions: []
      }
    ]
  }
}

// The scale controller asks the queue for its length as the identity of the app. Data Receiver and Data Sender do not
// include that; without it, scaling falls back to peeking and reports no error. Data Owner does, with far more.
resource queueLengthRole 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(resourceGroup().id, queueLengthRoleName)
  properties: {
    roleName: queueLengthRoleName
    description: 'Reads the properties of a queue, its length among them. Cannot read or send messages.'
    type: 'CustomRole'
    assignableScopes: [
      resourceGroup().id
    ]
    permissions: [
      {
        actions: [
          'Microsoft.ServiceBus/namespaces/queues/read'
        ]
        notActions: []
        dataActions: []
        notDataActions: []
      }
    ]
  }
}

resource vaults 'Microsoft.KeyVault/vaults@2024-11-01' existing = [
  for vaultName in vaultNames: {
    name: vaultName
  }
]

resource keys 'Microsoft.KeyVault/vaults/keys@2024-11-01' existing = [
  for (vaultName, i) in vaultNames: {
    parent: vaults[i]
    name: keyName
  }
]

resource maySign 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (vaultName, i) in vaultNames: {
    name: guid(keys[i].id, identity.id, signerRole.id)
    scope: keys[i]
    properties: {
      principalId: identity.properties.principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: signerRole.id
      description: 'Signs requests to AlipayHK.'
    }
  }
]

resource secrets 'Microsoft.KeyVault/vaults/secrets@2024-11-01' existing = [
  for secretName in secretNames: {
    parent: vaults[0]
    name: secretName
  }
]

resource mayReadSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (secretName, i) in secretNames: {
    name: guid(secrets[i].id, identity.id, keyVaultSecretsUser)
    scope: secrets[i]
    properties: {
      principalId: identity.properties.principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: keyVaultSecretsUser
      description: 'Verifies webhooks or signs notifications with this secret.'
    }
  }
]

resource namespace 'Microsoft.ServiceBus/namespaces@2024-01-01' existing = {
  name: namespaceName

  resource contentQueue 'queues' existing = {
    name: contentQueueName
  }

  resource resyncQueue 'queues' existing = {
    name: resyncQueueName
  }
}

resource maySendContent 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(namespace::contentQueue.id, identity.id, serviceBusDataSender)
  scope: namespace::contentQueue
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: serviceBusDataSender
    description: 'Queues accepted items and schedules their retries.'
  }
}

resource mayReceiveContent 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(namespace::contentQueue.id, identity.id, serviceBusDataReceiver)
  scope: namespace::contentQueue
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: serviceBusDataReceiver
    description: 'Receives and settles items.'
  }
}

resource maySendResync 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(namespace::resyncQueue.id, identity.id, serviceBusDataSender)
  scope: namespace::resyncQueue
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: serviceBusDataSender
    description: 'Queues the packs of a resync.'
  }
}

resource mayReceiveResync 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(namespace::resyncQueue.id, identity.id, serviceBusDataReceiver)
  scope: namespace::resyncQueue
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: serviceBusDataReceiver
    description: 'Receives and settles packs.'
  }
}

resource mayMeasureContent 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(namespace::contentQueue.id, identity.id, queueLengthRole.id)
  scope: namespace::contentQueue
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: queueLengthRole.id
    description: 'Scales by the length of the queue.'
  }
}

resource mayMeasureResync 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(namespace::resyncQueue.id, identity.id, queueLengthRole.id)
  scope: namespace::resyncQueue
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: queueLengthRole.id
    description: 'Scales by the length of the queue.'
  }
}

resource dataAccount 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: dataAccountName

  resource blobs 'blobServices' existing = {
    name: 'default'

    resource catalog 'containers' existing = {
      name: catalogContainerName
    }

    resource state 'containers' existing = {
      name: stateContainerName
    }
  }

  resource tables 'tableServices' existing = {
    name: 'default'

    resource ledger 'tables' existing = {
      name: ledgerTableName
    }

    resource lanes 'tables' existing = {
      name: laneTableName
    }
  }
}

resource mayKeepLedger 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(dataAccount::tables::ledger.id, identity.id, storageTableDataContributor)
  scope: dataAccount::tables::ledger
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: storageTableDataContributor
    description: 'Reads and writes the ledger.'
  }
}

resource mayKeepLanes 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(dataAccount::tables::lanes.id, identity.id, storageTableDataContributor)
  scope: dataAccount::tables::lanes
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: storageTableDataContributor
    description: 'Counts the progress of the lanes of a resync.'
  }
}

resource mayKeepResyncs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(dataAccount::blobs::state.id, identity.id, storageBlobDataContributor)
  scope: dataAccount::blobs::state
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: storageBlobDataContributor
    description: 'Stores the runs of resyncs and their plans.'
  }
}

resource mayReadCatalog 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(dataAccount::blobs::catalog.id, identity.id, storageBlobDataReader)
  scope: dataAccount::blobs::catalog
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: storageBlobDataReader
    description: 'Reads the catalog for a resync.'
  }
}

resource hostAccount 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: hostAccountName
}

// The Functions host creates its own containers for timer locks and access keys and needs this role on the account. The
// account holds only those and the published package.
resource mayKeepHostState 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(hostAccount.id, identity.id, storageBlobDataOwner)
  scope: hostAccount
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: storageBlobDataOwner
    description: 'Host state: timer locks, access keys, the published package.'
  }
}

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsightsName
}

resource mayPublishTelemetry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(applicationInsights.id, identity.id, monitoringMetricsPublisher)
  scope: applicationInsights
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: monitoringMetricsPublisher
    description: 'Sends telemetry.'
  }
}
