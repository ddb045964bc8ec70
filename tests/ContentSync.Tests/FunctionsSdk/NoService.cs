namespace Azure.Messaging.ServiceBus;

/// <summary>What a double throws where the real member would call a service: a test that gets here forgot to put a recorder in.</summary>
internal static class NoService
{
    public static NotSupportedException Here() => new("A double calls no service; derive a recorder from it.");
}
