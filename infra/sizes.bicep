import { capacityType } from 'types.bicep'

@export()
@description('For trials and UAT: scales to zero, one zone, public endpoints that require an identity.')
var small capacityType = {
  instanceMemoryMB: 2048
  maximumInstanceCount: 40
  alwaysReady: {
    http: 0
    content: 0
    resync: 0
  }
  messagingUnits: 1
  dailyTelemetryCapGB: 1
  retentionDays: 30
}

@export()
@description('For a catalog of millions of items: no cold start for HTTP and the content queue, and a resync can run beside live changes.')
var production capacityType = {
  instanceMemoryMB: 2048
  maximumInstanceCount: 40
  alwaysReady: {
    http: 2
    content: 2
    resync: 0
  }
  messagingUnits: 1
  dailyTelemetryCapGB: 20
  retentionDays: 90
}
