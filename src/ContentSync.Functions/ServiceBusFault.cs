using Azure.Identity;
using Azure.Messaging.ServiceBus;

namespace ContentSync.Functions;

/// <summary>Faults of Service Bus, in sentences that a person can act on. The client's own messages name its types and connections.</summary>
internal static class ServiceBusFault
{
    /// <summary>Whether Service Bus failed, rather than this program.</summary>
    public static bool IsBroker(Exception e) =>
        e is ServiceBusException or UnauthorizedAccessException or AuthenticationFailedException or TimeoutException;

    /// <summary>What is wrong.</summary>
    public static string Sentence(Exception e) => e switch
    {
        ServiceBusException { Reason: ServiceBusFailureReason.ServiceBusy } => "Service Bus is throttled; try again later.",
        ServiceBusException { Reason: ServiceBusFailureReason.QuotaExceeded } => "The queue is full; empty its dead-letter queue.",
        ServiceBusException { Reason: ServiceBusFailureReason.MessagingEntityNotFound } => "The queue does not exist; create it first.",
        ServiceBusException { Reason: ServiceBusFailureReason.MessageSizeExceeded } => "The message is too large for the queue.",
        ServiceBusException { Reason: ServiceBusFailureReason.ServiceTimeout } or TimeoutException =>
            "Service Bus did not respond in time; try again later.",
        ServiceBusException { Reason: ServiceBusFailureReason.GeneralError or ServiceBusFailureReason.ServiceCommunicationProblem } =>
            "Service Bus cannot be reached; try again later.",
        ServiceBusException other => $"Service Bus refused the operation ({other.Reason}).",
        _ => "Service Bus refused access; the app's identity needs the roles Azure Service Bus Data Sender and Data Receiver on the queue.",
    };
}
