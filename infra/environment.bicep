import { partnerType } from 'types.bicep'

@export()
@description('What AlipayHK handed over, or null while nothing of it is there. A part that is missing fails the length that its type asks for.')
func partnerFrom(baseAddress string, clientId string, keyVersion string, publicKey string) partnerType? =>
  empty('${baseAddress}${clientId}${publicKey}')
    ? null
    : {
        baseAddress: baseAddress
        clientId: clientId
        publicKeys: [
          {
            keyVersion: keyVersion
            publicKey: publicKey
          }
        ]
      }

@export()
@description('The parts of a list with commas.')
func listFrom(list string) string[] => empty(list) ? [] : split(replace(list, ' ', ''), ',')
