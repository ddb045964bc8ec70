using Azure.Messaging.ServiceBus;
using Microsoft.Azure.Functions.Worker;

namespace ContentSync.Tests.FunctionsSdk;

/// <summary>Records how the host settles one message.</summary>
internal sealed class RecordingMessageActions : ServiceBusMessageActions
{
    /// <summary>The settlements in order: complete, abandon or deadLetter.</summary>
    public List<string> Settlements { get; } = [];

    public string? Reason { get; private set; }

    public string? Description { get; private set; }

    public IReadOnlyDictionary<string, object> Properties { get; private set; } = new Dictionary<string, object>();

    /// <summary>Called right before each settlement.</summary>
    public Action<string>? Settling { get; set; }

    public override Task CompleteMessageAsync(ServiceBusReceivedMessage message, CancellationToken cancellationToken = default) => Settle("complete", cancellationToken);

    public override Task AbandonMessageAsync(ServiceBusReceivedMessage message, IDictionary<string, object>? propertiesToModify = default, CancellationToken cancellationToken = default) =>
        Settle("abandon", cancellationToken);

    public override Task DeadLetterMessageAsync(
        ServiceBusReceivedMessage message,
        Dictionary<string, object>? propertiesToModify = default,
        string? deadLetterReason = default,
        string? deadLetterErrorDescription = default,
        CancellationToken cancellationToken = default)
    {
        (Reason, Description, Properties) = (deadLetterReason, deadLetterErrorDescription, propertiesToModify ?? []);
        return Settle("deadLetter", cancellationToken);
    }

    private Task Settle(string how, CancellationToken cancellationToken)
    {
        Settling?.Invoke(how);
        cancellationToken.ThrowIfCancellationRequested();
        Settlements.Add(how);
        return Task.CompletedTask;
    }
}
