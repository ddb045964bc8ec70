metadata description = 'The Flex Consumption plan, the app and its settings.'

import { capacityType, partnerType, schedulesType } from '../types.bicep'

@description('Name of the plan.')
param planName string

@description('Name of the app.')
param name string

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags { *: string }

@description('How much the app may run.')
param capacity capacityType

@description('Spread the instances over the region\'s zones.')
param zoneRedundant bool

@description('Close the app to everything but its private endpoint.')
param privateNetwork bool

@description('Subnet the app sends from.')
param subnetId string

@description('Resource id of the identity the app runs as.')
param identityId string

@description('Client id of that identity.')
param identityClientId string

@description('Account that holds host state.')
param hostAccountName string

@description('Container that the app is published to.')
param packageContainerUri string

@description('Where telemetry is sent. No secret: local authentication is off.')
param applicationInsightsConnection string

@description('Table service of the ledger.')
param tableEndpoint string

@description('Name of the ledger\'s table.')
param ledgerTableName string

@description('Name of the table of a resync\'s lanes.')
param laneTableName string

@description('Container that holds the catalog.')
param catalogContainerUri string

@description('Container in which resyncs keep their runs and plans.')
param stateContainerUri string

@description('Host name of the Service Bus namespace.')
param serviceBusHostName string

@description('Name of the queue for single items.')
param contentQueueName string

@description('Name of the queue for packs.')
param resyncQueueName string

@description('Versioned id of the signing key in each vault.')
param keyIds string[]

@description('AlipayHK\'s keyVersion of that key.')
param keyVersion string

@description('Most signatures per second that all instances together may ask of one vault.')
param vaultSignaturesPerSecond int

@description('What AlipayHK handed over; null until then.')
param partner partnerType?

@description('Most requests per second that all instances together may send to AlipayHK.')
param partnerSendsPerSecond int

@description('When the timers fire.')
param schedules schedulesType

@description('Addresses of the webhook secrets, without version.')
param webhookSecretUris string[]

@description('Further app settings; they win over the template\'s.')
param additionalSettings { *: string }

@description('Resource id of the workspace for diagnostics.')
param workspaceId string

// Three scale groups sign: the HTTP functions and the two queue functions. Pacing is per instance, so each gets its
// share of what a vault can take, and the vault stays below its limit however many run.
var signingInstances = 3 * capacity.maximumInstanceCount + capacity.alwaysReady.http + capacity.alwaysReady.content + capacity.alwaysReady.resync
var signaturesPerSecond = signingInstances > vaultSignaturesPerSecond
  ? fail('capacity.maximumInstanceCount and alwaysReady allow ${signingInstances} instances that sign: a vault takes ${vaultSignaturesPerSecond} signatures a second, less than one for each')
  : vaultSignaturesPerSecond / signingInstances

// Likewise for AlipayHK: bulk is paced over all lanes by the whole rate, and no instance sends more than its share of it.
var sendsPerSecond = signingInstances > partnerSendsPerSecond
  ? fail('capacity.maximumInstanceCount and alwaysReady allow ${signingInstances} instances that send: partnerSendsPerSecond is ${partnerSendsPerSecond}, less than one for each')
  : partnerSendsPerSecond / signingInstances

var alwaysReady = filter(
  [
    {
      name: 'http'
      instanceCount: capacity.alwaysReady.http
    }
    {
      name: 'function:ProcessContentMessage'
      instanceCount: capacity.alwaysReady.content
    }
    {
      name: 'function:ProcessResyncPack'
      instanceCount: capacity.alwaysReady.resync
    }
  ],
  group => group.instanceCount > 0
)

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  // The tag is how azd finds the resource that its service is published to.
  tags: union(tags, {
    'azd-service-name': 'functions'
  })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
    virtualNetworkSubnetId: subnetId
    keyVaultReferenceIdentity: identityId
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      http20Enabled: true
      ftpsState: 'Disabled'
      remoteDebuggingEnabled: false
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageContainerUri
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'dotnet-isolated'
        version: '10.0'
      }
      scaleAndConcurrency: {
        instanceMemoryMB: capacity.instanceMemoryMB
        maximumInstanceCount: capacity.maximumInstanceCount
        alwaysReady: zoneRedundant && contains(map(alwaysReady, group => group.instanceCount), 1)
          ? fail('capacity.alwaysReady must be 0 or at least 2 in each group when zoneRedundant is on')
          : alwaysReady
      }
    }
  }
}

resource noFtpPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource noPublishingPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'scm'
  properties: {
    allow: false
  }
}

var partnerSettings = partner == null
  ? {}
  : union(
      {
        AlipayHk__BaseAddress: startsWith(partner!.baseAddress, 'https://')
          ? partner!.baseAddress
          : fail('partner.baseAddress is ${partner!.baseAddress}: AlipayHK is called by https only')
        AlipayHk__ClientId: partner!.clientId
      },
      toObject(
        range(0, length(partner!.publicKeys)),
        i => 'AlipayHk__PartnerKeys__${i}__KeyVersion',
        i => partner!.publicKeys[i].keyVersion
      ),
      toObject(range(0, length(partner!.publicKeys)), i => 'AlipayHk__PartnerKeys__${i}__PublicKey', i => partner!.publicKeys[i].publicKey)
    )

resource settings 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: app
  name: 'appsettings'
  properties: union(
    {
      AZURE_CLIENT_ID: identityClientId
      AzureWebJobsStorage__accountName: hostAccountName
      AzureWebJobsStorage__credential: 'managedidentity'
      AzureWebJobsStorage__clientId: identityClientId
      APPLICATIONINSIGHTS_CONNECTION_STRING: applicationInsightsConnection
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
      ServiceBus__fullyQualifiedNamespace: serviceBusHostName
      ServiceBus__credential: 'managedidentity'
      ServiceBus__clientId: identityClientId
      Queues__Content: contentQueueName
      Queues__Resync: resyncQueueName
      Ledger__TableEndpoint: tableEndpoint
      Ledger__TableName: ledgerTableName
      Catalog__ContainerUri: catalogContainerUri
      Resync__StateContainerUri: stateContainerUri
      Resync__LaneTableName: laneTableName
      Resync__SendsPerSecond: string(partnerSendsPerSecond)
      AlipayHk__MaxSendsPerSecond: string(sendsPerSecond)
      Schedules__Resync: schedules.resync
      Schedules__Sweep: schedules.sweep
      Signing__SignaturesPerSecond: string(signaturesPerSecond)
    },
    toObject(range(0, length(keyIds)), i => 'Signing__Keys__${i}__KeyId', i => keyIds[i]),
    toObject(range(0, length(keyIds)), i => 'Signing__Keys__${i}__KeyVersion', i => keyVersion),
    toObject(
      range(0, length(webhookSecretUris)),
      i => 'Webhook__Secrets__${i}',
      i => '@Microsoft.KeyVault(SecretUri=${webhookSecretUris[i]})'
    ),
    partnerSettings,
    additionalSettings
  )
}

resource appDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: app
  properties: {
    workspaceId: workspaceId
    // FunctionAppLogs would bring every log line a second time, beside Application Insights.
    metrics: [
      {
        category: 'AllMetrics'
        enabled: true
      }
    ]
  }
}

resource planDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: plan
  properties: {
    workspaceId: workspaceId
    metrics: [
      {
        category: 'AllMetrics'
        enabled: true
      }
    ]
  }
}

@description('Resource id of the app.')
output id string = app.id

@description('Host name of the app.')
output hostName string = app.properties.defaultHostName
