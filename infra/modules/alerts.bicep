metadata description = 'The alerts.'

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

@description('Name of the queue for single items.')
param contentQueueName string

@description('Name of the queue for packs.')
param resyncQueueName string

@description('Resource ids of the vaults.')
param vaultIds string[]

@description('Thresholds.')
param alerting alertingType

@description('Whether the app has all required settings.')
param canRun bool

@sealed()
@description('An alert on the result of a query.')
type logAlertType = {
  @description('Last part of the name.')
  name: string

  @description('What is wrong, and what to do first.')
  description: string

  @description('1: act now. 2: act today. 3: act soon.')
  severity: 1 | 2 | 3

  @description('Period that the query covers. Telemetry arrives with a delay of some minutes, so no period is shorter than 15 minutes.')
  window: 'PT15M' | 'PT30M' | 'PT1H' | 'P1D'

  @description('Period that the query covers where it is longer than any window that Azure offers.')
  timeRange: 'P2D'?

  @description('Interval between two evaluations.')
  every: 'PT5M' | 'PT15M' | 'PT1H'

  @description('Query that returns one row.')
  query: string

  @description('Column of that row.')
  measure: string

  @description('The alert fires above this value.')
  above: int
}

// The Azure Monitor exporter writes the points of an instrument to AppMetrics: Name is the name of the instrument,
// Properties holds the tags, and Sum and ItemCount hold the values. A point of a gauge has an ItemCount of 1. Every sweep
// writes contentsync.oldest_pending.age, also with the value 0, so a missing point means that the sweep did not run.
var logAlerts logAlertType[] = [
  {
    name: 'parked'
    description: 'Items are parked: AlipayHK rejected them, or the app gave up. GET /api/content/{contentId} shows the reason. Correct the data, then replay the item.'
    severity: 2
    window: 'PT15M'
    every: 'PT15M'
    query: '''
      AppMetrics
      | where Name == 'contentsync.parked'
      | summarize Parked = coalesce(sum(Sum), 0.0)
    '''
    measure: 'Parked'
    above: 0
  }
  {
    name: 'oldest-pending'
    description: 'An accepted item has waited too long. First check whether sending is stopped (configuration fault, open circuit breaker, throttled vault), then whether there is a backlog.'
    severity: 2
    window: 'PT15M'
    every: 'PT5M'
    query: '''
      AppMetrics
      | where Name == 'contentsync.oldest_pending.age'
      | summarize arg_max(TimeGenerated, Sum, ItemCount)
      | extend Seconds = Sum / ItemCount
    '''
    measure: 'Seconds'
    above: alerting.oldestPendingSeconds
  }
  {
    name: 'silence'
    description: 'No sweep has run for 30 minutes. The app does not run, its timers do not fire, or telemetry does not arrive. No other log alert is reliable until this one ends. Restart the app; if its timers stay dead, publish it again.'
    severity: 1
    window: 'PT30M'
    every: 'PT15M'
    query: '''
      AppMetrics
      | where Name == 'contentsync.oldest_pending.age'
      | summarize Sweeps = count()
      | extend Silent = iff(Sweeps == 0, 1, 0)
    '''
    measure: 'Silent'
    above: 0
  }
  {
    name: 'unusable-messages'
    description: 'Messages on a queue could not be read and were dead-lettered. Their items are in no ledger. The description of each message names the field and the rule; correct the sender and send the items again.'
    severity: 2
    window: 'PT15M'
    every: 'PT15M'
    query: '''
      AppMetrics
      | where Name == 'contentsync.dead_lettered'
      | where tostring(Properties.reason) == 'InvalidMessage'
      | summarize Messages = coalesce(sum(Sum), 0.0)
    '''
    measure: 'Messages'
    above: 0
  }
  {
    name: 'verification-failures'
    description: 'A response did not carry a valid signature of AlipayHK. Either AlipayHK rotated its key and alipayHk.publicKeys lacks the new one, or the response is not from AlipayHK.'
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
    name: 'alipayhk-errors'
    description: 'Too many calls to AlipayHK end without a verdict on the item: errors, timeouts, unusable responses. The workbook shows the result codes.'
    severity: 2
    window: 'PT15M'
    every: 'PT5M'
    query: '''
      AppMetrics
      | where Name == 'contentsync.outcomes'
      | extend Code = tostring(Properties.code)
      | where isnotempty(Code)
      | summarize Responses = sum(Sum), Errors = sumif(Sum, Code !in ('SUCCESS', 'PARAM_ILLEGAL', 'CONTENT_RISKY'))
      | extend ErrorPercent = iff(Responses >= 20, 100.0 * Errors / Responses, 0.0)
    '''
    measure: 'ErrorPercent'
    above: alerting.alipayHkErrorPercent
  }
  {
    name: 'function-failures'
    description: 'Functions end with an exception. In a healthy app none does: it responds 4xx to a request that it refuses and 503 to one that must be repeated. See AppExceptions.'
    severity: 2
    window: 'PT15M'
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
    name: 'resync-refused'
    description: 'A resync refused the catalog: the file is cut short, damaged, or still being written. Nothing was sent. GET /api/resyncs names the line. Upload the whole file under a new name.'
    severity: 2
    window: 'PT1H'
    every: 'PT15M'
    query: '''
      AppMetrics
      | where Name == 'contentsync.resync.runs'
      | where tostring(Properties.result) == 'Refused'
      | summarize Runs = coalesce(sum(Sum), 0.0)
    '''
    measure: 'Runs'
    above: 0
  }
  {
    name: 'resync-stopped'
    description: 'A resync stopped before it sent anything because it would delist too much or the catalog shrank. GET /api/resyncs gives the shares. If the catalog is right, start a resync with allowDelist.'
    severity: 2
    window: 'PT1H'
    every: 'PT15M'
    query: '''
      AppMetrics
      | where Name == 'contentsync.resync.runs'
      | where tostring(Properties.result) == 'Stopped'
      | summarize Runs = coalesce(sum(Sum), 0.0)
    '''
    measure: 'Runs'
    above: 0
  }
  {
    name: 'resync-no-catalog'
    description: 'A resync found no catalog: the container is empty, or Catalog__ContainerUri or Catalog__Prefix is wrong. Upload the catalog into the container catalog.'
    severity: 2
    window: 'PT1H'
    every: 'PT15M'
    query: '''
      AppMetrics
      | where Name == 'contentsync.resync.runs'
      | where tostring(Properties.result) == 'NoCatalog'
      | summarize Runs = coalesce(sum(Sum), 0.0)
    '''
    measure: 'Runs'
    above: 0
  }
  {
    name: 'resync-failures'
    description: 'A resync ended, but some of its items failed. They are pending and are sent again. GET /api/resyncs counts them; GET /api/content?state=pending lists them.'
    severity: 3
    window: 'PT1H'
    every: 'PT15M'
    query: '''
      AppMetrics
      | where Name == 'contentsync.resync.runs'
      | where tostring(Properties.result) == 'CompletedWithFailures'
      | summarize Runs = coalesce(sum(Sum), 0.0)
    '''
    measure: 'Runs'
    above: 0
  }
  {
    name: 'resync-overdue'
    description: 'No resync of the catalog has succeeded within alerting.resyncOverdueHours. Check GET /api/resyncs for a run that does not end, and the alert silence for timers that do not fire.'
    severity: 2
    window: 'P1D'
    timeRange: 'P2D'
    every: 'PT1H'
    query: '''
      AppMetrics
      | where Name in ('contentsync.resync.runs', 'contentsync.oldest_pending.age')
      | extend Source = tostring(Properties.source), Result = tostring(Properties.result)
      | summarize FirstPoint = min(TimeGenerated), LastSuccess = maxif(TimeGenerated, Source == 'catalog' and Result in ('Completed', 'HandledAlready'))
      | extend HoursWithout = datetime_diff('minute', now(), coalesce(LastSuccess, FirstPoint)) / 60.0
    '''
    measure: 'HoursWithout'
    above: alerting.resyncOverdueHours
  }
  {
    name: 'telemetry-cap'
    description: 'The daily telemetry cap is reached. Until the next day no other log alert works. Raise capacity.dailyTelemetryCapGB, or find what writes so much.'
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
      // An app without its settings does not start, so these two would fire from the first deployment on.
      enabled: !contains(['silence', 'resync-overdue'], alert.name) || canRun
      autoMitigate: true
      // A new workspace has no tables to validate the query against.
      skipQueryValidation: true
      scopes: [
        workspaceId
      ]
      evaluationFrequency: alert.every
      windowSize: alert.window
      overrideQueryTimeRange: alert.?timeRange
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

// A rejected item stays dead-lettered on the content queue until someone drains it, because the broker never expires dead
// letters. An alert on the first one would stay on for good, and the alert parked reports the rejection already.
resource deadLettersKept 'Microsoft.Insights/metricAlerts@2026-01-01' = {
  name: '${baseName}-dead-letters-kept'
  location: 'global'
  tags: tags
  properties: {
    description: 'The dead-letter queue of the content queue is filling up. Inspect and drain it; the alert ends when it is below alerting.deadLettersKept. Rejected items stay in the ledger, so draining loses nothing.'
    severity: 3
    enabled: true
    autoMitigate: true
    scopes: [
      namespaceId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'dead letters kept'
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.ServiceBus/namespaces'
          metricName: 'DeadletteredMessages'
          timeAggregation: 'Maximum'
          operator: 'GreaterThan'
          threshold: alerting.deadLettersKept
          dimensions: [
            {
              name: 'EntityName'
              operator: 'Include'
              values: [
                contentQueueName
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

// A rejected item leaves its pack, so every dead letter of the resync queue is a fault.
resource resyncDeadLetters 'Microsoft.Insights/metricAlerts@2026-01-01' = {
  name: '${baseName}-resync-dead-letters'
  location: 'global'
  tags: tags
  properties: {
    description: 'Messages of a resync are dead-lettered. The reason and the description are in each message. The alert ends when the dead-letter queue is drained; the next resync plans the items again.'
    severity: 2
    enabled: true
    autoMitigate: true
    scopes: [
      namespaceId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'resync dead letters'
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
              values: [
                resyncQueueName
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

resource vaultThrottled 'Microsoft.Insights/metricAlerts@2026-01-01' = {
  name: '${baseName}-vault-throttled'
  location: 'global'
  tags: tags
  properties: {
    description: 'A key vault throttles signatures. Place the key in another vault (signing.vaultCount), or find out who else uses it.'
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
