metadata description = 'The Flex Consumption plan, the app and its settings.'

import { accessType, alipayHkType, capacityType, notificationReceiverType, schedulesType } from '../types.bicep'

@description('Name of the plan.')
param planName string

@description('Name of the app.')
param name string

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags { *: string }

@description('Size limits of the app.')
param capacity capacityType

@description('Spread the instances over the availability zones.')
param zoneRedundant bool

@description('Who can reach the app and its publishing endpoint.')
param access accessType

@description('Subnet of the app.')
param subnetId string

@description('Resource id of the identity of the app.')
param identityId string

@description('Client id of that identity.')
param identityClientId string

@description('Storage account of the Functions host.')
param hostAccountName string

@description('Address of the package container.')
param packageContainerUri string

@description('Connection string of Application Insights. Not a secret: local authentication is off.')
param applicationInsightsConnection string

@description('Address of the table service of the ledger.')
param tableEndpoint string

@description('Name of the ledger table.')
param ledgerTableName string

@description('Name of the table for the lanes of a resync.')
param laneTableName string

@description('Address of the catalog container.')
param catalogContainerUri string

@description('Address of the container for the runs and plans of resyncs.')
param stateContainerUri string

@description('Host name of the Service Bus namespace.')
param serviceBusHostName string

@description('Name of the queue for single items.')
param contentQueueName string

@description('Name of the queue for packs.')
param resyncQueueName string

@description('Versioned id of the signing key in each vault.')
param keyIds string[]

@description('The keyVersion under which AlipayHK knows that key.')
param keyVersion string

@description('Maximum number of signatures per second that all instances together may request from one vault.')
param vaultSignaturesPerSecond int

@description('What AlipayHK sent. Null until then.')
param alipayHk alipayHkType?

@description('Maximum number of requests per second that all instances together may send to AlipayHK.')
param maxSendsPerSecond int

@description('When the timers fire.')
param schedules schedulesType

@description('Address of the first vault.')
param vaultUri string

@description('Names of the secrets that verify webhooks.')
param webhookSecretNames string[]

@description('Who receives notifications.')
param notificationReceivers notificationReceiverType[]

@description('More app settings. They override the settings of the template.')
param additionalSettings { *: string }

@description('Resource id of the workspace for diagnostics.')
param workspaceId string

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

@sealed()
@description('One access restriction of the app.')
type restrictionType = {
  @description('Unique name.')
  name: string

  @description('What happens to calls from the address.')
  action: 'Allow'

  @description('Order of evaluation, lowest first.')
  priority: int

  @description('IPv4 range.')
  ipAddress: string
}

@description('Access restrictions that allow these addresses.')
func restrictionsFor(addresses string[]) restrictionType[] =>
  map(range(0, length(addresses)), i => {
    name: 'allowed-${i + 1}'
    action: 'Allow'
    priority: 100 + i
    ipAddress: contains(addresses[i], '/') ? addresses[i] : '${addresses[i]}/32'
  })

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
  // azd finds the app by this tag.
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
    publicNetworkAccess: access.publicIngress ? 'Enabled' : 'Disabled'
    virtualNetworkSubnetId: subnetId
    keyVaultReferenceIdentity: identityId
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      http20Enabled: true
      remoteDebuggingEnabled: false
      ipSecurityRestrictionsDefaultAction: empty(access.callerAddresses) ? 'Allow' : 'Deny'
      ipSecurityRestrictions: restrictionsFor(empty(access.callerAddresses) ? [] : union(access.callerAddresses, access.operatorAddresses))
      scmIpSecurityRestrictionsUseMain: false
      scmIpSecurityRestrictionsDefaultAction: access.privateData || !empty(access.operatorAddresses) ? 'Deny' : 'Allow'
      scmIpSecurityRestrictions: restrictionsFor(access.operatorAddresses)
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
      // Drains and replaces the instances batch by batch, so that an update interrupts no call.
      // Documented for every API version from 2023-12-01 on; the type metadata of Bicep lacks it.
      #disable-next-line BCP037
      siteUpdateStrategy: {
        type: 'RollingUpdate'
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

var alipayHkSettings = alipayHk == null
  ? {}
  : union(
      {
        AlipayHk__BaseAddress: startsWith(alipayHk!.baseAddress, 'https://')
          ? alipayHk!.baseAddress
          : fail('alipayHk.baseAddress is ${alipayHk!.baseAddress}: use https, AlipayHK accepts nothing else')
        AlipayHk__ClientId: alipayHk!.clientId
      },
      toObject(
        range(0, length(alipayHk!.publicKeys)),
        i => 'AlipayHk__PublicKeys__${i}__KeyVersion',
        i => alipayHk!.publicKeys[i].keyVersion
      ),
      toObject(range(0, length(alipayHk!.publicKeys)), i => 'AlipayHk__PublicKeys__${i}__PublicKey', i => alipayHk!.publicKeys[i].publicKey)
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
      // The scale controller reads the settings of binding expressions literally, so these four names have no sections.
      ContentQueue: contentQueueName
      ResyncQueue: resyncQueueName
      ResyncSchedule: schedules.resync
      SweepSchedule: schedules.sweep
      Ledger__TableEndpoint: tableEndpoint
      Ledger__TableName: ledgerTableName
      Catalog__ContainerUri: catalogContainerUri
      Resync__StateContainerUri: stateContainerUri
      Resync__LaneTableName: laneTableName
      // The rates of all instances together: they lease their parts of them.
      AlipayHk__MaxSendsPerSecond: string(maxSendsPerSecond)
      Signing__SignaturesPerSecond: string(vaultSignaturesPerSecond)
    },
    toObject(range(0, length(keyIds)), i => 'Signing__Keys__${i}__KeyId', i => keyIds[i]),
    toObject(range(0, length(keyIds)), i => 'Signing__Keys__${i}__KeyVersion', i => keyVersion),
    toObject(
      range(0, length(webhookSecretNames)),
      i => 'Webhook__Secrets__${i}',
      i => '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/${webhookSecretNames[i]})'
    ),
    toObject(range(0, length(notificationReceivers)), i => 'Notifications__Receivers__${i}__Address', i => notificationReceivers[i].address),
    toObject(
      range(0, length(notificationReceivers)),
      i => 'Notifications__Receivers__${i}__Secret',
      i => '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/${notificationReceivers[i].secretName})'
    ),
    alipayHkSettings,
    additionalSettings
  )
}

resource appDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: app
  properties: {
    workspaceId: workspaceId
    // FunctionAppLogs would duplicate every log line in Application Insights.
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
