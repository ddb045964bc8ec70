metadata description = 'Where telemetry and alerts go.'

import { alertingType } from '../types.bicep'

@description('Name of the Log Analytics workspace.')
param workspaceName string

@description('Name of Application Insights.')
param applicationInsightsName string

@description('Name of the action group.')
param actionGroupName string

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags { *: string }

@description('Gigabytes a day after which no more telemetry is taken until the next day.')
param dailyCapGB int

@description('Days for which telemetry is kept.')
param retentionDays int

@description('Whom to tell.')
param alerting alertingType

// Local authentication is off, so nothing writes telemetry but a principal with a role. The daily cap is the
// workspace's: everything Application Insights takes in lands there.
resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' = {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: retentionDays
    workspaceCapping: {
      dailyQuotaGb: dailyCapGB
    }
    features: {
      disableLocalAuth: true
      enableLogAccessUsingOnlyResourcePermissions: true
    }
  }
}

// Every signature is one audit record. The Basic plan takes them at a fraction of the price; no alert reads them.
resource vaultAudit 'Microsoft.OperationalInsights/workspaces/tables@2025-07-01' = {
  parent: workspace
  name: 'AZKVAuditLogs'
  properties: {
    plan: 'Basic'
  }
}

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' = {
  name: applicationInsightsName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    IngestionMode: 'LogAnalytics'
    DisableLocalAuth: true
    DisableIpMasking: false
  }
}

resource workspaceDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: workspace
  properties: {
    workspaceId: workspace.id
    logs: [
      {
        category: 'Audit'
        enabled: true
      }
    ]
  }
}

resource actionGroup 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: actionGroupName
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'csync'
    emailReceivers: [
      for (email, i) in alerting.emails: {
        name: 'email-${i + 1}'
        emailAddress: contains(email, '@') ? email : fail('alerting.emails holds ${email}, which is not an e-mail address')
        useCommonAlertSchema: true
      }
    ]
  }
}

@description('Resource id of the workspace.')
output workspaceId string = workspace.id

@description('Where telemetry is sent. No secret: local authentication is off.')
output applicationInsightsConnection string = applicationInsights.properties.ConnectionString

@description('Resource id of the action group.')
output actionGroupId string = actionGroup.id
