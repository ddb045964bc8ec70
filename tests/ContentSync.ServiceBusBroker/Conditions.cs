using System.Globalization;

namespace ContentSync.ServiceBusBroker;

/// <summary>Error conditions of Service Bus over AMQP, with their descriptions.</summary>
internal static class Conditions
{
    public const string MessageLockLost = "com.microsoft:message-lock-lost";
    public const string SessionLockLost = "com.microsoft:session-lock-lost";
    public const string SessionCannotBeLocked = "com.microsoft:session-cannot-be-locked";
    public const string MessageNotFound = "com.microsoft:message-not-found";
    public const string Timeout = "com.microsoft:timeout";
    public const string ServerBusy = "com.microsoft:server-busy";
    public const string NotAllowed = "amqp:not-allowed";
    public const string NotFound = "amqp:not-found";
    public const string DetachForced = "amqp:link:detach-forced";
    public const string MessageSizeExceeded = "amqp:link:message-size-exceeded";

    public const string LockInvalid =
        "The lock supplied is invalid. Either the lock expired, or the message has already been removed from the queue.";
    public const string Busy = "The request was terminated because the namespace is being throttled. Please wait 10 seconds and try again.";

    public static BrokerRefusal TooLarge(int bytes, int limit) => new(
        MessageSizeExceeded,
        string.Create(CultureInfo.InvariantCulture, $"The received message ({bytes} bytes) exceeds the limit of the link ({limit} bytes)."));
}
