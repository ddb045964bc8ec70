import { alipayHkKeyType, alipayHkType, notificationReceiverType } from 'types.bicep'

@export()
@description('What AlipayHK sent, or null while all of it is missing. If only a part is missing, the type of alipayHk rejects the empty value.')
func alipayHkFrom(baseAddress string, clientId string, publicKeys string) alipayHkType? =>
  empty('${baseAddress}${clientId}${publicKeys}')
    ? null
    : {
        baseAddress: baseAddress
        clientId: clientId
        publicKeys: map(listFrom(publicKeys), entry => alipayHkKeyFrom(entry))
      }

@description('One entry of ALIPAYHK_PUBLIC_KEYS: keyVersion, a colon, the key.')
func alipayHkKeyFrom(entry string) alipayHkKeyType => {
  keyVersion: first(split(entry, ':'))!
  publicKey: last(split(entry, ':'))!
}

@export()
@description('The expiry of each key version, from the text that infra/preflight.sh prints: 1=2028-11-27T00:00:00Z, several with commas between them.')
func expiryFrom(list string) { *: string } => toObject(listFrom(list), entry => split(entry, '=')[0], entry => last(split(entry, '=')))

@export()
@description('The entries of a list that has commas between them.')
func listFrom(list string) string[] => empty(list) ? [] : split(replace(list, ' ', ''), ',')

@export()
@description('Null where the variable is empty.')
func optionalFrom(value string) string? => empty(value) ? null : value

@export()
@description('The receivers of notifications, from NOTIFICATION_RECEIVERS: secret name, an equals sign, the address; several with commas between them.')
func receiversFrom(list string) notificationReceiverType[] => map(listFrom(list), entry => receiverFrom(entry))

@description('One entry of NOTIFICATION_RECEIVERS.')
func receiverFrom(entry string) notificationReceiverType => {
  secretName: first(split(entry, '='))!
  address: last(split(entry, '='))!
}
