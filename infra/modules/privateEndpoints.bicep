metadata description = 'Private endpoints and the DNS zones in which their names resolve.'

@description('Base of the names.')
param baseName string

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags { *: string }

@description('Network in which the names resolve.')
param networkId string

@description('Subnet of the endpoints.')
param subnetId string

@description('Resource group of existing DNS zones. Null: create the zones and link them to the network.')
param dnsZonesGroupId string?

@description('One entry for each endpoint.')
param targets targetType[]

@sealed()
@description('A resource to reach privately.')
type targetType = {
  @description('Short name, unique here.')
  name: string

  @description('Resource to reach.')
  resourceId: string

  @description('Which of its services.')
  group: 'blob' | 'table' | 'namespace' | 'vault' | 'sites'
}

var zoneNames = {
  blob: 'privatelink.blob.${environment().suffixes.storage}'
  table: 'privatelink.table.${environment().suffixes.storage}'
  namespace: 'privatelink.servicebus.windows.net'
  vault: 'privatelink.vaultcore.azure.net'
  sites: 'privatelink.azurewebsites.net'
}

var groups = union(map(targets, target => target.group), [])
var zonesGroupId = dnsZonesGroupId ?? resourceGroup().id

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for group in dnsZonesGroupId == null ? groups : []: {
    name: zoneNames[group]
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (group, i) in dnsZonesGroupId == null ? groups : []: {
    parent: zones[i]
    name: '${baseName}-${group}'
    location: 'global'
    tags: tags
    properties: {
      registrationEnabled: false
      virtualNetwork: {
        id: networkId
      }
    }
  }
]

resource endpoints 'Microsoft.Network/privateEndpoints@2025-05-01' = [
  for target in targets: {
    name: '${baseName}-pe-${target.name}'
    location: location
    tags: tags
    properties: {
      subnet: {
        id: subnetId
      }
      customNetworkInterfaceName: '${baseName}-nic-${target.name}'
      privateLinkServiceConnections: [
        {
          name: target.name
          properties: {
            // The ids are parameters; the linter rule looks at property names only.
            #disable-next-line use-resource-id-functions
            privateLinkServiceId: target.resourceId
            groupIds: [
              target.group
            ]
          }
        }
      ]
    }
  }
]

resource zoneGroups 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-05-01' = [
  for (target, i) in targets: {
    parent: endpoints[i]
    name: 'default'
    dependsOn: [
      zones
    ]
    properties: {
      privateDnsZoneConfigs: [
        {
          name: target.group
          properties: {
            privateDnsZoneId: resourceId(
              split(zonesGroupId, '/')[2],
              split(zonesGroupId, '/')[4],
              'Microsoft.Network/privateDnsZones',
              zoneNames[target.group]
            )
          }
        }
      ]
    }
  }
]
