namespace ContentSync.Tests.ServiceBus;

/// <summary>One after the other: an emulator has one pair of queues for all of them.</summary>
[CollectionDefinition(nameof(ServiceBusWorld))]
public sealed class ServiceBusCollection;
