metadata description = 'Two accounts: one for the Functions host, one for ledger and catalog.'

import { accessType } from '../types.bicep'

@description('Name of the account for host state and the published package.')
param hostAccountName string

@description('Name of the account for ledger and catalog.')
param dataAccountName string

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags { *: string }

@description('Name of the container for the published package.')
param packageContainerName string

@description('Name of the catalog container.')
param catalogContainerName string

@description('Name of the container for the runs and plans of resyncs.')
param stateContainerName string

@description('Name of the ledger table.')
param ledgerTableName string

@description('Name of the table for the lanes of a resync.')
param laneTableName string

@description('Keep copies in three zones. Azure cannot change this for an existing account by a deployment.')
param zoneRedundant bool

@description('Who can reach the accounts.')
param access accessType

@description('Protect the data account against deletion.')
param lockResources bool

@description('Resource id of the workspace for diagnostics.')
param workspaceId string

var skuName = zoneRedundant ? 'Standard_ZRS' : 'Standard_LRS'

var accountProperties = {
  accessTier: 'Hot'
  allowBlobPublicAccess: false
  allowCrossTenantReplication: false
  allowSharedKeyAccess: false
  defaultToOAuthAuthentication: true
  minimumTlsVersion: 'TLS1_2'
  supportsHttpsTrafficOnly: true
  encryption: {
    keySource: 'Microsoft.Storage'
    requireInfrastructureEncryption: true
    services: {
      blob: {
        enabled: true
        keyType: 'Account'
      }
      table: {
        enabled: true
        keyType: 'Account'
      }
    }
  }
}

resource hostAccount 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: hostAccountName
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: skuName
  }
  // Only the app uses this account, through the network.
  properties: union(accountProperties, {
    publicNetworkAccess: access.privateData ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'None'
      defaultAction: access.privateData ? 'Deny' : 'Allow'
    }
  })
}

resource hostBlobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' = {
  parent: hostAccount
  name: 'default'
  properties: {
    deleteRetentionPolicy: {
      enabled: true
      days: 7
    }
  }
}

resource packageContainer 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = {
  parent: hostBlobs
  name: packageContainerName
  properties: {
    publicAccess: 'None'
  }
}

resource dataAccount 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: dataAccountName
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: skuName
  }
  // The lifecycle rule reaches the blobs as a trusted service, and only while the public endpoint is not disabled
  // altogether. With privateData the firewall denies everyone else but the operators.
  properties: union(accountProperties, {
    publicNetworkAccess: 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: access.privateData ? 'Deny' : 'Allow'
      ipRules: access.privateData
        ? map(access.operatorAddresses, address => {
            action: 'Allow'
            value: address
          })
        : []
    }
  })
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (lockResources) {
  name: 'keep'
  scope: dataAccount
  properties: {
    level: 'CanNotDelete'
    notes: 'Holds the ledger: what AlipayHK has acknowledged, and every accepted item.'
  }
}

resource dataBlobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' = {
  parent: dataAccount
  name: 'default'
  properties: {
    deleteRetentionPolicy: {
      enabled: true
      days: 30
    }
    containerDeleteRetentionPolicy: {
      enabled: true
      days: 30
    }
  }
}

resource catalogContainer 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = {
  parent: dataBlobs
  name: catalogContainerName
  properties: {
    publicAccess: 'None'
  }
}

resource stateContainer 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = {
  parent: dataBlobs
  name: stateContainerName
  properties: {
    publicAccess: 'None'
  }
}

// A run deletes its plan when it ends. This rule deletes plans that a crash left behind.
resource dataLifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2025-06-01' = {
  parent: dataAccount
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'forgotten-plans'
          type: 'Lifecycle'
          enabled: true
          definition: {
            filters: {
              blobTypes: ['blockBlob']
              prefixMatch: ['${stateContainerName}/plans/']
            }
            actions: {
              baseBlob: {
                delete: {
                  daysAfterModificationGreaterThan: 60
                }
              }
            }
          }
        }
      ]
    }
  }
}

resource dataTables 'Microsoft.Storage/storageAccounts/tableServices@2025-06-01' = {
  parent: dataAccount
  name: 'default'
}

resource ledgerTable 'Microsoft.Storage/storageAccounts/tableServices/tables@2025-06-01' = {
  parent: dataTables
  name: ledgerTableName
}

resource laneTable 'Microsoft.Storage/storageAccounts/tableServices/tables@2025-06-01' = {
  parent: dataTables
  name: laneTableName
}

// Each item causes several reads and writes, and their logs would cost more than the storage. Writes of packages and
// catalogs are rare, and the app never deletes from the ledger, so these are logged.
resource hostBlobDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: hostBlobs
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'StorageDelete'
        enabled: true
      }
    ]
  }
}

resource dataBlobDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: dataBlobs
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'StorageWrite'
        enabled: true
      }
      {
        category: 'StorageDelete'
        enabled: true
      }
    ]
  }
}

resource dataTableDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: dataTables
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'StorageDelete'
        enabled: true
      }
    ]
  }
}

@description('Resource id of the host account.')
output hostAccountId string = hostAccount.id

@description('Resource id of the data account.')
output dataAccountId string = dataAccount.id

@description('Address of the package container.')
output packageContainerUri string = '${hostAccount.properties.primaryEndpoints.blob}${packageContainer.name}'

@description('Address of the catalog container.')
output catalogContainerUri string = '${dataAccount.properties.primaryEndpoints.blob}${catalogContainer.name}'

@description('Address of the container for the runs and plans of resyncs.')
output stateContainerUri string = '${dataAccount.properties.primaryEndpoints.blob}${stateContainer.name}'

@description('Address of the table service.')
output tableEndpoint string = dataAccount.properties.primaryEndpoints.table
