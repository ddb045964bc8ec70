import { capacityType } from 'types.bicep'

@export()
@description('For trying out and for UAT: scales to nothing, one zone, public endpoints with identity only.')
var small capacityType = {
  instanceMemoryMB: 2048
  maximumInstanceCount: 1
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
@description('For a catalog of millions: no cold start on either way in, a resync beside live changes.')
var production capacityType = {
  instanceMemoryMB: 2048
  maximumInstanceCount: 4
  alwaysReady: {
    http: 2
    content: 2
    resync: 0
  }
  messagingUnits: 1
  dailyTelemetryCapGB: 20
  retentionDays: 90
}
