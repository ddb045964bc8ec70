metadata description = 'What gets somebody told.'

import { alertingType } from '../types.bicep'

@description('Base of the names.')
param baseName string

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags { *: string }

@description('Resource id of the workspace that holds the telemetry.')
param workspaceId string

@description('Resource id of the action group.')
param actionGroupId string

@description('Resource id of the Service Bus namespace.')
param namespaceId string

@description('Names of the queues.')
param queueNames string[]

@description('Resource ids of the vaults.')
param vaultIds string[]

@description('Thresholds.')
param alerting alertingType

@description('Whether the app has everything it needs to run.')
param canRun bool

@sealed()
@description('One alert on what a query finds.')
type logAlertType = {
  @description('Last part of the name.')
  name: string

  @description('What is wrong, and what to do first.')
  description: string

  @description('1 = somebody must act now, 2 = today, 3 = soon.')
  severity: 1 | 2 | 3

  @description('How far back the query looks, and how often it runs.')
  window: 'PT5M' | 'PT15M' | 'PT30M' | 'PT1H'

  @description('How often it runs.')
  every: 'PT5M' | 'PT15M' | 'PT30M'

  @description('Query that gives one row.')
  query: string

  @description('Column of that row.')
  measure: string

  @description('The alert fires above this value.')
  above: int
}

// The Azure Monitor exporter writes an instrument's points to AppMetrics: Name is the instrument's, Properties holds
// the tags, Sum and ItemCount what was recorded. A gauge's point has an ItemCount of 1.
var logAlerts logAlertType[] = [
  {
    name: 'parked'
    description: 'Items are parked: AlipayHK or this app refused them for good. Read the reason by GET /api/content/{contentId}, mend the data, replay.'
    severity: 2
    window: 'PT15M'
    every: 'PT15M'
    query: '''
      AppMetrics
      | where Name == 'contentsync.parked'
      | summarize Parked = coalesce(max(Sum / ItemCount), 0.0)
    '''
    measure: 'Parked'
    above: 0
  }
  {
    name: 'oldest-pending'
    description: 'An accepted item has waited too long. Look for a pause (configuration fault, open breaker, throttled vault) first, then for a backlog.'
    severity: 2
    window: 'PT15M'
    every: 'PT5M'
    query: '''
      AppMetrics
      | where Name == 'contentsync.oldest_pending.age'
      | summarize arg_max(TimeGenerated, Sum, ItemCount)
      | extend Seconds = Sum / ItemCount
      | summarize Seconds = coalesce(max(Seconds), 0.0)
    '''
    measure: 'Seconds'
    above: alerting.oldestPendingSeconds
  }
  {
    name: 'verification-failures'
    description: 'An answer did not carry AlipayHK\'s valid signature. Either AlipayHK rotated its key and the new public key is missing in partner.publicKeys, or somebody else answers.'
    severity: 1
    window: 'PT15M'
    every: 'PT5M'
    query: '''
      AppMetrics
      | where Name == 'contentsync.verification.failures'
      | summarize Failures = coalesce(sum(Sum), 0.0)
    '''
    measure: 'Failures'
    above: 0
  }
  {
    name: 'partner-errors'
    description: 'Too large a share of the calls to AlipayHK ends without a verdict on the content: errors, timeouts, unusable answers. The workbook shows which codes.'
    severity: 2
    window: 'PT15M'
    every: 'PT5M'
    query: '''
      AppMetrics
      | where Name == 'contentsync.outcomes'
      | extend Code = tostring(Properties.code)
      | where isnotempty(Code)
      | summarize Answers = sum(Sum), Errors = sumif(Sum, Code !in ('SUCCESS', 'PARAM_ILLEGAL', 'CONTENT_RISKY'))
      | extend ErrorPercent = iff(Answers >= 20, 100.0 * Errors / Answers, 0.0)
    '''
    measure: 'ErrorPercent'
    above: alerting.partnerErrorPercent
  }
  {
    name: 'function-failures'
    description: 'Functions end in an exception, which a healthy app never lets happen: what it refuses is answered 4xx, what must be retried 503. See AppExceptions.'
    severity: 2
    window: 'PT5M'
    every: 'PT5M'
    query: '''
      AppRequests
      | where Success == false
      | extend Code = coalesce(toint(ResultCode), 0)
      | where Code != 503 and not(Code between (400 .. 499))
      | summarize Failures = coalesce(sum(ItemCount), 0)
    '''
    measure: 'Failures'
    above: alerting.functionFailures
  }
  {
    name: 'silence'
    description: 'No telemetry for half an hour, not even from the sweep. The app does not run, or telemetry does not arrive; no other alert can be trusted until it does.'
    severity: 1
    window: 'PT30M'
    every: 'PT15M'
    query: '''
      AppMetrics
      | where Name startswith 'contentsync.'
      | summarize Points = count()
      | extend Silent = iff(Points == 0, 1, 0)
    '''
    measure: 'Silent'
    above: 0
  }
  {
    name: 'telemetry-cap'
    description: 'The daily telemetry cap is reached: until the next day every other log alert is blind. Raise capacity.dailyTelemetryCapGB or find what talks too much.'
    severity: 2
    window: 'PT1H'
    every: 'PT15M'
    query: '''
      _LogOperation
      | where Category =~ 'Ingestion' and Detail has 'OverQuota'
      | summarize Reached = count()
    '''
    measure: 'Reached'
    above: 0
  }
]

resource queryRules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for alert in logAlerts: {
    name: '${baseName}-${alert.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: '${baseName} ${alert.name}'
      description: alert.description
      severity: alert.severity
      // An app that cannot run yet is silent by right.
      enabled: alert.name != 'silence' || canRun
      autoMitigate: true
      // A workspace that has no data yet has no tables to check the query against.
      skipQueryValidation: true
      scopes: [
        workspaceId
      ]
      evaluationFrequency: alert.every
      windowSize: alert.window
      criteria: {
        allOf: [
          {
            query: alert.query
            metricMeasureColumn: alert.measure
            timeAggregation: 'Maximum'
            operator: 'GreaterThan'
            threshold: alert.above
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      actions: {
        actionGroups: [
          actionGroupId
        ]
      }
    }
  }
]

resource deadLetters 'Microsoft.Insights/metricAlerts@2026-01-01' = {
  name: '${baseName}-dead-letters'
  location: 'global'
  tags: tags
  properties: {
    description: 'Messages are in a dead-letter queue. The reason and description stand in each message.'
    severity: 2
    enabled: true
    autoMitigate: true
    scopes: [
      namespaceId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT5M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'dead letters'
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.ServiceBus/namespaces'
          metricName: 'DeadletteredMessages'
          timeAggregation: 'Maximum'
          operator: 'GreaterThan'
          threshold: 0
          dimensions: [
            {
              name: 'EntityName'
              operator: 'Include'
              values: queueNames
            }
          ]
        }
      ]
    }
    actions: [
      {
        actionGroupId: actionGroupId
      }
    ]
  }
}

resource vaultThrottled 'Microsoft.Insights/metricAlerts@2026-01-01' = {
  name: '${baseName}-vault-throttled'
  location: 'global'
  tags: tags
  properties: {
    description: 'A key vault refuses signatures because too many are asked of it. Place the key in another vault (signing.vaultCount) or lower capacity.maximumInstanceCount.'
    severity: 2
    enabled: true
    autoMitigate: true
    scopes: vaultIds
    targetResourceType: 'Microsoft.KeyVault/vaults'
    targetResourceRegion: location
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.MultipleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'throttled'
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.KeyVault/vaults'
          metricName: 'ServiceApiResult'
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          dimensions: [
            {
              name: 'StatusCode'
              operator: 'Include'
              values: [
                '429'
              ]
            }
          ]
        }
      ]
    }
    actions: [
      {
        actionGroupId: actionGroupId
      }
    ]
  }
}
