metadata description = 'Two accounts: one for what the Functions host needs for itself, one for ledger and catalog.'

@description('Name of the account that holds host state and the published package.')
param hostAccountName string

@description('Name of the account that holds ledger and catalog.')
param dataAccountName string

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags { *: string }

@description('Name of the container that the app is published to.')
param packageContainerName string

@description('Name of the container that holds the catalog.')
param catalogContainerName string

@description('Name of the container in which resyncs keep their runs and plans.')
param stateContainerName string

@description('Name of the ledger\'s table.')
param ledgerTableName string

@description('Name of the table of a resync\'s lanes.')
param laneTableName string

@description('Keep copies in three zones.')
param zoneRedundant bool

@description('Close the accounts to everything but private endpoints.')
param privateNetwork bool

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
  publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
  networkAcls: {
    bypass: 'None'
    defaultAction: privateNetwork ? 'Deny' : 'Allow'
  }
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
  properties: accountProperties
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
  properties: accountProperties
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

// A run deletes its plan when it ends; what a crash left behind goes by its age.
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

// Each item reads and writes several times, so their logs would cost more than the storage. Packages and catalogs are
// written seldom, and the ledger never deletes: those are worth a record.
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

@description('Resource id of the host\'s account.')
output hostAccountId string = hostAccount.id

@description('Resource id of the data account.')
output dataAccountId string = dataAccount.id

@description('Address of the container that the app is published to.')
output packageContainerUri string = '${hostAccount.properties.primaryEndpoints.blob}${packageContainer.name}'

@description('Address of the container that holds the catalog.')
output catalogContainerUri string = '${dataAccount.properties.primaryEndpoints.blob}${catalogContainer.name}'

@description('Address of the container in which resyncs keep their runs and plans.')
output stateContainerUri string = '${dataAccount.properties.primaryEndpoints.blob}${stateContainer.name}'

@description('Address of the table service of ledger and lanes.')
output tableEndpoint string = dataAccount.properties.primaryEndpoints.table
