using System.Reflection;
using Amqp;
using Amqp.Framing;

namespace ContentSync.ServiceBusBroker;

/// <summary>
/// Works around a race in AMQPNetLite 2.5.5. Microsoft's client announces the max window, 2^32 - 1 transfers. If a flow is read after a transfer was
/// written but before it was counted, the window becomes zero, and all later transfers wait for the next flow: messages stay locked at the broker
/// without being sent, and requests get no response.
/// </summary>
internal static class SessionWindow
{
    private const BindingFlags Private = BindingFlags.NonPublic | BindingFlags.Instance;

    private static readonly FieldInfo Window = typeof(Session).GetField("outgoingWindow", Private)!;
    private static readonly FieldInfo NextId = typeof(Session).GetField("nextOutgoingId", Private)!;
    private static readonly FieldInfo SequenceValue = NextId.FieldType.GetFields(Private)[0];
    private static readonly MethodInfo OnFlow = typeof(Session).GetMethod("OnFlow", Private, [typeof(Flow)])!;

    /// <summary>Reopens a closed window and writes the waiting transfers. Call after each send, on the sending thread.</summary>
    public static void Reopen(Session session)
    {
        if ((uint)Window.GetValue(session)! > 0) return;
        var next = unchecked((uint)Convert.ToInt64(SequenceValue.GetValue(NextId.GetValue(session)), null));
        OnFlow.Invoke(session, [new Flow { NextIncomingId = next, IncomingWindow = int.MaxValue }]);
    }
}
