metadata description = 'A page that shows throughput, outcomes, latency, backlog and cost.'

@description('Title of the workbook.')
param title string

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags { *: string }

@description('Resource id of the workspace that holds the telemetry.')
param workspaceId string

@description('Resource id of the Service Bus namespace.')
param namespaceId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, title)
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: title
    category: 'workbook'
    version: '1.0'
    sourceId: workspaceId
    serializedData: replace(
      replace(string(loadJsonContent('../workbook.json')), '{workspaceId}', workspaceId),
      '{namespaceId}',
      namespaceId
    )
  }
}
