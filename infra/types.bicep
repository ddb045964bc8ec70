@export()
@sealed()
@description('Size limits of the app. Whatever they are, the calls to the key vaults and to AlipayHK stay within the agreed rates.')
type capacityType = {
  @description('Memory of one instance in MB. Azure assigns CPU in proportion.')
  instanceMemoryMB: 512 | 2048 | 4096

  @description('Maximum number of on-demand instances of each scale group. All HTTP functions form one group; each queue function is a group of its own. Always-ready instances come on top. Some regions refuse less than 40. The rates do not depend on it: instances lease their parts of them.')
  @minValue(1)
  @maxValue(1000)
  maximumInstanceCount: int

  @sealed()
  @description('Instances of each scale group that run all the time. With zoneRedundant, either none or at least 2.')
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

  @description('Messaging units of a Premium namespace. Ignored without access.privateData.')
  messagingUnits: 1 | 2 | 4 | 8 | 16

  @description('Gigabytes of telemetry a day. Beyond it the workspace drops data until the next day.')
  @minValue(1)
  @maxValue(1000)
  dailyTelemetryCapGB: int

  @description('Days for which telemetry and the audit log of the vaults are kept.')
  @minValue(30)
  @maxValue(730)
  retentionDays: int
}

@export()
@sealed()
@description('The signing key and the vaults that hold it.')
type signingType = {
  @description('Number of vaults that share the load. Each one makes at most 400 signatures a second.')
  @minValue(1)
  @maxValue(5)
  vaultCount: int

  @description('Number of vaults, counted from the first, that hold the key already. The template creates the key in the first vault only; infra/place-key.sh copies it to the others.')
  @minValue(1)
  @maxValue(5)
  placedVaults: int

  @description('The keyVersion under which AlipayHK knows this key. Each keyVersion has a key of its own, so the two always change together.')
  @minLength(1)
  @maxLength(8)
  keyVersion: string

  @description('The keyVersion to rotate to. Its key is created, so that you can send AlipayHK the public half, but nothing signs with it yet.')
  @minLength(1)
  @maxLength(8)
  nextKeyVersion: string?

  @description('For each keyVersion, the instant at which its key expires: yyyy-MM-ddTHH:mm:ssZ. Key Vault refuses to write an existing key with another expiry, so the value must be the same in every deployment. infra/preflight.sh keeps it.')
  keyExpiry: {
    @description('Instant at which the key of this keyVersion expires.')
    @minLength(20)
    @maxLength(20)
    *: string
  }

  @description('1 at first. The number goes up when the vaults of this environment were deleted: purge protection reserves their names for 90 days. infra/preflight.sh keeps it.')
  @minValue(1)
  @maxValue(99)
  vaultGeneration: int

  @description('Keep the key in hardware: Premium vaults, half as many signatures a second.')
  hardware: bool
}

@export()
@sealed()
@description('A public key of AlipayHK.')
type alipayHkKeyType = {
  @description('The keyVersion in the Signature header of AlipayHK\'s responses.')
  @minLength(1)
  @maxLength(8)
  keyVersion: string

  @description('PEM, or base64 of the X.509 SubjectPublicKeyInfo. A public key, not a secret.')
  @minLength(300)
  @maxLength(2000)
  publicKey: string
}

@export()
@sealed()
@description('What AlipayHK sends after it has received our public key and our source address.')
type alipayHkType = {
  @description('Scheme and host without a path: https://...')
  @minLength(10)
  @maxLength(200)
  baseAddress: string

  @description('The Client-Id header.')
  @minLength(1)
  @maxLength(64)
  clientId: string

  @description('AlipayHK\'s public keys: the old and the new one while AlipayHK rotates.')
  @minLength(1)
  @maxLength(5)
  publicKeys: alipayHkKeyType[]
}

@export()
@sealed()
@description('Who can reach the deployment, and from where.')
type accessType = {
  @description('Reach storage, vaults and Service Bus through private endpoints, and close their public endpoints to everyone but operatorAddresses. Service Bus becomes Premium, the only tier with private endpoints.')
  privateData: bool

  @description('Accept HTTPS calls to the app from the internet: webhooks, the API, the smoke test. Function keys and webhook signatures still apply. If false, the app has a private endpoint and nothing else.')
  publicIngress: bool

  @description('Public IPv4 addresses, or ranges up to /30, from which callers may reach a public app. Empty: from everywhere.')
  @maxLength(50)
  callerAddresses: string[]

  @description('Public IPv4 addresses, or ranges up to /30, of the people and pipelines that publish the app, place keys and upload catalogs. They pass the firewalls of storage, vaults and Service Bus, and nobody else may publish to a public app. Empty: operators work inside the network.')
  @maxLength(20)
  operatorAddresses: string[]

  @description('Resource group that holds your existing privatelink DNS zones, as a resource id. They must resolve in the network of this deployment. Null: the template creates the zones.')
  @minLength(30)
  @maxLength(200)
  dnsZonesGroupId: string?
}

@export()
@sealed()
@description('Who is notified, and at which thresholds.')
type alertingType = {
  @description('E-mail addresses that receive the alerts.')
  @minLength(1)
  @maxLength(20)
  emails: string[]

  @description('Seconds for which an accepted item may wait.')
  @minValue(60)
  @maxValue(86400)
  oldestPendingSeconds: int

  @description('Percent of the calls to AlipayHK within 15 minutes that may end without a verdict on the item.')
  @minValue(1)
  @maxValue(100)
  alipayHkErrorPercent: int

  @description('Function failures within 15 minutes that raise no alert.')
  @minValue(0)
  @maxValue(100000)
  functionFailures: int

  @description('Messages that may stay in the dead-letter queue of the content queue before someone must drain it. They take up the quota of the queue.')
  @minValue(1)
  @maxValue(1000000)
  deadLettersKept: int

  @description('Hours within which a resync of the catalog must succeed. Raise it if schedules.resync is less frequent than daily.')
  @minValue(2)
  @maxValue(47)
  resyncOverdueHours: int
}

@export()
@sealed()
@description('When the timers fire: NCRONTAB expressions with six fields, in UTC.')
type schedulesType = {
  @description('When the whole catalog is reconciled with AlipayHK.')
  @minLength(11)
  @maxLength(60)
  resync: string

  @description('When items that lost their message are queued again.')
  @minLength(11)
  @maxLength(60)
  sweep: string
}

@export()
@sealed()
@description('Receives notifications: of refused resyncs, stopped sending, parked items and so on.')
type notificationReceiverType = {
  @description('Where notifications are posted: https.')
  @minLength(12)
  @maxLength(2000)
  address: string

  @description('Name of the secret in the first vault that signs them. Create it before you name it here.')
  @minLength(1)
  @maxLength(127)
  secretName: string
}
