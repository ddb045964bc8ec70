@export()
@sealed()
@description('How much the app may run. The counts bound the calls to the key vaults and to AlipayHK.')
type capacityType = {
  @description('Memory of one instance in MB; CPU follows it.')
  instanceMemoryMB: 512 | 2048 | 4096

  @description('Most on-demand instances of each scale group. The HTTP functions are one group, each queue function is one of its own; always-ready instances come on top.')
  @minValue(1)
  @maxValue(1000)
  maximumInstanceCount: int

  @sealed()
  @description('Instances that run all the time, for each scale group. At least 2 or none where zoneRedundant is on.')
  alwaysReady: {
    @description('For the HTTP functions together.')
    @minValue(0)
    @maxValue(100)
    http: int

    @description('For ProcessContentMessage.')
    @minValue(0)
    @maxValue(100)
    content: int

    @description('For ProcessResyncPack.')
    @minValue(0)
    @maxValue(100)
    resync: int
  }

  @description('Messaging units of a Premium namespace; read only where privateNetwork is on.')
  messagingUnits: 1 | 2 | 4 | 8 | 16

  @description('Gigabytes of telemetry a day after which the workspace takes no more until the next day.')
  @minValue(1)
  @maxValue(1000)
  dailyTelemetryCapGB: int

  @description('Days for which telemetry is kept.')
  @minValue(30)
  @maxValue(730)
  retentionDays: int
}

@export()
@sealed()
@description('The key that signs, and where it lies.')
type signingType = {
  @description('How many vaults share the load; each signs at most 400 times a second.')
  @minValue(1)
  @maxValue(5)
  vaultCount: int

  @description('In how many of them, counted from the first, the key has been placed. The template makes the key in the first vault only; a copy gets there by backup and restore.')
  @minValue(1)
  @maxValue(5)
  placedVaults: int

  @description('The keyVersion AlipayHK knows this key by. Each keyVersion has a key of its own, so the two cannot drift apart.')
  @minLength(1)
  @maxLength(8)
  keyVersion: string

  @description('The keyVersion to rotate to: its key is made, so that its public half can be sent to AlipayHK, but nothing is signed with it yet.')
  @minLength(1)
  @maxLength(8)
  nextKeyVersion: string?

  @description('Keep the key in hardware: Premium vaults, half the signatures per second.')
  hardware: bool
}

@export()
@sealed()
@description('One of AlipayHK\'s public keys.')
type partnerKeyType = {
  @description('As the keyVersion of AlipayHK\'s Signature header names it.')
  @minLength(1)
  @maxLength(8)
  keyVersion: string

  @description('PEM, or bare base64 of the X.509 SubjectPublicKeyInfo. A public key, not a secret.')
  @minLength(300)
  @maxLength(2000)
  publicKey: string
}

@export()
@sealed()
@description('What AlipayHK hands over once it has our public key and our source address.')
type partnerType = {
  @description('Scheme and host, no path: https://...')
  @minLength(10)
  @maxLength(200)
  baseAddress: string

  @description('The Client-Id header.')
  @minLength(1)
  @maxLength(64)
  clientId: string

  @description('AlipayHK\'s public keys; old and new side by side while AlipayHK rotates.')
  @minLength(1)
  @maxLength(5)
  publicKeys: partnerKeyType[]
}

@export()
@sealed()
@description('Whom to tell, and when.')
type alertingType = {
  @description('Addresses that get the alerts.')
  @minLength(1)
  @maxLength(20)
  emails: string[]

  @description('Seconds an accepted item may wait before somebody is told.')
  @minValue(60)
  @maxValue(86400)
  oldestPendingSeconds: int

  @description('Percent of the calls to AlipayHK, over a quarter of an hour, that may end without a verdict on the content.')
  @minValue(1)
  @maxValue(100)
  partnerErrorPercent: int

  @description('Function failures within five minutes that are let pass.')
  @minValue(0)
  @maxValue(100000)
  functionFailures: int
}

@export()
@sealed()
@description('NCRONTAB with six fields, in UTC.')
type schedulesType = {
  @description('When the whole catalog is reconciled.')
  @minLength(11)
  @maxLength(60)
  resync: string

  @description('When accepted items that lost their message are queued again.')
  @minLength(11)
  @maxLength(60)
  sweep: string
}
