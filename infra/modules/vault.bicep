metadata description = 'One key vault. The first also gets the keys; the others get copies by backup and restore.'

@description('Name of the vault.')
param name string

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags { *: string }

@description('Names of the keys to make here; none in a vault that gets a copy.')
param keyNames string[]

@description('Keep keys in hardware.')
param hardware bool

@description('Seconds since 1970-01-01 at which a key made now expires. A key that exists keeps its date.')
param keyExpiry int

@description('Close the vault to everything but private endpoints.')
param privateNetwork bool

@description('Resource id of the workspace for diagnostics.')
param workspaceId string

@description('Resource id of the action group that hears of a key near its expiry.')
param actionGroupId string

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: hardware ? 'premium' : 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    enabledForDeployment: false
    enabledForDiskEncryption: false
    enabledForTemplateDeployment: false
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
    networkAcls: {
      // Resource Manager makes the keys, and is let in as a trusted service.
      bypass: 'AzureServices'
      defaultAction: privateNetwork ? 'Deny' : 'Allow'
    }
  }
}

// Made if absent, never changed: a new version under the same name would no longer be the key AlipayHK knows.
// So the policy only gives notice; a rotation makes a key with a name of its own.
@batchSize(1)
resource keys 'Microsoft.KeyVault/vaults/keys@2024-11-01' = [
  for keyName in keyNames: {
    parent: vault
    name: keyName
    tags: tags
    properties: {
      kty: hardware ? 'RSA-HSM' : 'RSA'
      keySize: 2048
      keyOps: [
        'sign'
        'verify'
      ]
      attributes: {
        enabled: true
        exportable: false
        exp: keyExpiry
      }
      rotationPolicy: {
        attributes: {
          expiryTime: 'P2Y'
        }
        lifetimeActions: [
          {
            action: {
              type: 'notify'
            }
            trigger: {
              timeBeforeExpiry: 'P60D'
            }
          }
        ]
      }
    }
    // Event Grid tells only of keys that are made after the subscription.
    dependsOn: [
      keyNearExpiry
    ]
  }
]

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: vault
  properties: {
    workspaceId: workspaceId
    // Resource-specific tables: the audit records land in AZKVAuditLogs, which is on the Basic plan.
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      {
        category: 'AuditEvent'
        enabled: true
      }
    ]
  }
}

resource events 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: '${name}-events'
  location: location
  tags: tags
  properties: {
    source: vault.id
    topicType: 'Microsoft.KeyVault.vaults'
  }
}

resource keyNearExpiry 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: events
  name: 'key-near-expiry'
  properties: {
    // The Monitor alert destination takes no other schema.
    eventDeliverySchema: 'CloudEventSchemaV1_0'
    filter: {
      includedEventTypes: [
        'Microsoft.KeyVault.KeyNearExpiry'
        'Microsoft.KeyVault.KeyExpired'
      ]
    }
    destination: {
      endpointType: 'MonitorAlert'
      properties: {
        severity: 'Sev1'
        description: 'A signing key is near its expiry or past it. Rotate: make the next key, send AlipayHK its public half, switch on their word.'
        actionGroups: [
          actionGroupId
        ]
      }
    }
  }
}

resource eventsDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: events
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'DeliveryFailures'
        enabled: true
      }
    ]
  }
}

@description('Resource id of the vault.')
output id string = vault.id

@description('For each key made here, the version the vault gave it.')
output keyVersionIds string[] = [for (keyName, i) in keyNames: last(split(keys[i].properties.keyUriWithVersion, '/'))]
