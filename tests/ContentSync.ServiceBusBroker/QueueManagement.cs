using Amqp;
using Amqp.Framing;
using Amqp.Listener;
using Amqp.Types;

namespace ContentSync.ServiceBusBroker;

/// <summary>
/// A queue's <c>$management</c> node. "AMQP request/response operations" in the Service Bus documentation describes requests and responses.
/// </summary>
internal sealed class QueueManagement(BrokerQueue queue, BrokerLoop loop, BrokerFaults faults) : IRequestProcessor
{
    public int Credit => 100;

    public void Process(RequestContext requestContext) => loop.Post(() =>
    {
        var response = Respond(requestContext.Message);
        response.Properties = new Properties();
        response.Properties.SetCorrelationId(requestContext.Message.Properties.GetMessageId());
        try
        {
            requestContext.Complete(response);
            SessionWindow.Reopen(requestContext.ResponseLink.Session);
        }
        catch (Exception e) when (e is AmqpException or ObjectDisposedException)
        {
            // The connection is closed; the response cannot be delivered.
        }
    });

    private Message Respond(Message request)
    {
        try
        {
            faults.ThrowIfThrottled();
            var body = Execute(new Request(request));
            return body is null ? Response(204, "No content", []) : Response(200, "OK", body);
        }
        catch (BrokerRefusal e)
        {
            var response = Response(StatusOf(e.Condition), e.Message, []);
            response.ApplicationProperties["errorCondition"] = new Symbol(e.Condition);
            return response;
        }
    }

    /// <returns>The response's body; null if it has none.</returns>
    private Map? Execute(Request request) => request.Operation switch
    {
        "com.microsoft:renew-lock" => new Map { ["expirations"] = request.LockTokens.Select(token => queue.Renew(token).UtcDateTime).ToArray() },
        "com.microsoft:renew-session-lock" => new Map { ["expiration"] = queue.RenewSession(request.SessionId, request.LinkName).UtcDateTime },
        "com.microsoft:get-session-state" => new Map { ["session-state"] = queue.GetSessionState(request.SessionId, request.LinkName) },
        "com.microsoft:set-session-state" => SetSessionState(request),
        "com.microsoft:schedule-message" => Schedule(request),
        "com.microsoft:cancel-scheduled-message" => Cancel(request),
        "com.microsoft:update-disposition" => Settle(request),
        "com.microsoft:receive-by-sequence-number" => ReceiveDeferred(request),
        "com.microsoft:peek-message" => Peek(request),
        var other => throw new BrokerRefusal("amqp:not-implemented", $"This broker does not implement the operation '{other}'."),
    };

    private Map SetSessionState(Request request)
    {
        queue.SetSessionState(request.SessionId, request.LinkName, AmqpText.Binary(request.Body["session-state"]));
        return [];
    }

    private Map Schedule(Request request)
    {
        var messages = ((System.Collections.IEnumerable)request.Body["messages"]).Cast<Map>()
            .Select(entry => AmqpText.Binary(entry["message"])!).Select(encoded => (Encoded: encoded, Message: AmqpText.Decode(encoded))).ToList();
        foreach (var (encoded, message) in messages) queue.Check(message, encoded.Length);
        return new Map { ["sequence-numbers"] = messages.Select(scheduled => queue.Send(scheduled.Encoded, scheduled.Message)).ToArray() };
    }

    private Map Cancel(Request request)
    {
        foreach (var sequenceNumber in (long[])request.Body["sequence-numbers"]) queue.Cancel(sequenceNumber);
        return [];
    }

    private Map Settle(Request request)
    {
        var properties = request.Body["properties-to-modify"] as Map;
        foreach (var token in request.LockTokens)
        {
            var isHeld = request.Body["disposition-status"] switch
            {
                "completed" => queue.TryComplete(token),
                "abandoned" => queue.TryAbandon(token, properties),
                "defered" => queue.TryDefer(token, properties),
                "suspended" => queue.TryDeadLetter(token, DeadLetterInfo(request.Body, properties)),
                _ => false,
            };
            if (!isHeld) throw new BrokerRefusal(queue.LostCondition(null), Conditions.LockInvalid);
        }

        return [];
    }

    private static Map DeadLetterInfo(Map body, Map? properties)
    {
        var info = new Map();
        if (body["deadletter-reason"] is { } reason) info[DeadLetterProperties.Reason] = reason;
        if (body["deadletter-description"] is { } description) info[DeadLetterProperties.Description] = description;
        if (properties is null) return info;
        foreach (var name in properties.Keys) info[name] = properties[name];
        return info;
    }

    private Map ReceiveDeferred(Request request)
    {
        var deletesOnReceipt = Convert.ToInt32(request.Body["receiver-settle-mode"] ?? 1, null) == 0;
        var messages = new List();
        foreach (var sequenceNumber in (long[])request.Body["sequence-numbers"])
        {
            var message = queue.TakeDeferred(sequenceNumber, deletesOnReceipt);
            messages.Add(new Map { ["lock-token"] = message.LockToken, ["message"] = AmqpText.Encode(queue.ToWire(message, !deletesOnReceipt)) });
        }

        return new Map { ["messages"] = messages };
    }

    private Map? Peek(Request request)
    {
        var messages = new List();
        foreach (var message in queue.Peek((long)request.Body["from-sequence-number"], (int)request.Body["message-count"], request.SessionId))
            messages.Add(new Map { ["message"] = AmqpText.Encode(queue.ToWire(message, false)) });
        return messages.Count == 0 ? null : new Map { ["messages"] = messages };
    }

    private static int StatusOf(string condition) => condition switch
    {
        Conditions.MessageLockLost or Conditions.SessionLockLost => 410,
        Conditions.MessageNotFound => 404,
        Conditions.MessageSizeExceeded => 403,
        Conditions.ServerBusy => 503,
        "amqp:not-implemented" => 501,
        _ => 400,
    };

    private static Message Response(int status, string description, Map body) => new()
    {
        BodySection = new AmqpValue { Value = body },
        ApplicationProperties = new ApplicationProperties { ["statusCode"] = status, ["statusDescription"] = description },
    };

    private sealed class Request(Message message)
    {
        public Map Body { get; } = message.Body as Map ?? [];

        public string? Operation => message.ApplicationProperties?["operation"] as string;

        public string? LinkName => message.ApplicationProperties?["associated-link-name"] as string;

        public string? SessionId => Body["session-id"] as string;

        public IEnumerable<Guid> LockTokens => (Guid[])Body["lock-tokens"];
    }
}
