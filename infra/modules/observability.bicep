metadata description = 'The destination of telemetry and alerts.'

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

@description('Gigabytes of telemetry a day. Beyond it the workspace drops data until the next day.')
param dailyCapGB int

@description('Days for which telemetry and the audit log of the vaults are kept.')
param retentionDays int

@description('Who is notified.')
param alerting alertingType

// Local authentication is off, so only a principal with a role can write telemetry. The daily cap is set on the
// workspace because Application Insights stores everything there.
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

// Every signature is one audit record. The Basic plan stores them for a fraction of the price; no alert reads them. It can
// be queried for 30 days; older records, up to retentionDays, by a search job.
resource vaultAudit 'Microsoft.OperationalInsights/workspaces/tables@2025-07-01' = {
  parent: workspace
  name: 'AZKVAuditLogs'
  properties: {
    plan: 'Basic'
    totalRetentionInDays: retentionDays
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

@description('Connection string of Application Insights. Not a secret: local authentication is off.')
output applicationInsightsConnection string = applicationInsights.properties.ConnectionString

@description('Resource id of the action group.')
output actionGroupId string = actionGroup.id
