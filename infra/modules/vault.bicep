metadata description = 'One key vault. The first one holds the keys; the others get copies by backup and restore.'

import { accessType } from '../types.bicep'

@description('Name of the vault.')
param name string

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags { *: string }

@description('Names of the keys to create here. None in a vault that gets a copy.')
param keyNames string[]

@description('Keep keys in hardware.')
param hardware bool

@description('For each key, the seconds from 1970-01-01 to its expiry. Key Vault refuses another value for a key that exists.')
param keyExpiries int[]

@description('Which set of vaults of this environment it belongs to. infra/preflight.sh reads the tag.')
param generation int

@description('Who can reach the vault.')
param access accessType

@description('Protect the vault against deletion.')
param lockResources bool

@description('Resource id of the workspace for diagnostics.')
param workspaceId string

@description('Resource id of the action group that is notified before a key expires.')
param actionGroupId string

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: name
  location: location
  tags: union(tags, { generation: string(generation) })
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
    publicNetworkAccess: access.privateData && empty(access.operatorAddresses) ? 'Disabled' : 'Enabled'
    networkAcls: {
      // Resource Manager creates the keys. It passes the firewall as a trusted service.
      bypass: 'AzureServices'
      defaultAction: access.privateData ? 'Deny' : 'Allow'
      ipRules: access.privateData ? map(access.operatorAddresses, address => { value: address }) : []
    }
  }
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (lockResources) {
  name: 'keep'
  scope: vault
  properties: {
    level: 'CanNotDelete'
    notes: 'Holds the signing key. AlipayHK trusts this key and no other.'
  }
}

// Resource Manager creates a key that is absent and never writes a new version of one that exists. A new version would
// not be the key that AlipayHK knows, so the policy only notifies; a rotation creates a key with another name.
@batchSize(1)
resource keys 'Microsoft.KeyVault/vaults/keys@2024-11-01' = [
  for (keyName, i) in keyNames: {
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
        exp: keyExpiries[i]
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
    // Event Grid reports only keys that are created after the subscription.
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
    // Resource-specific tables: the audit records go to AZKVAuditLogs, which is on the Basic plan.
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
    // The Monitor alert destination accepts no other schema.
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
        description: 'A signing key expires within 60 days or has expired. Rotate it: create the next key, send AlipayHK its public half, and switch when AlipayHK confirms.'
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

@description('For each key created here, the version that the vault assigned.')
output keyVersionIds string[] = [for (keyName, i) in keyNames: last(split(keys[i].properties.keyUriWithVersion, '/'))]
