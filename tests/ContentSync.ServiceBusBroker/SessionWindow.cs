using System.Reflection;
using Amqp;
using Amqp.Framing;

namespace ContentSync.ServiceBusBroker;

/// <summary>
/// Mends a race in AMQPNetLite (2.5.5). Microsoft's client announces the largest window there is, 2^32 - 1 transfers. A flow that is read after a
/// transfer was written and before it was counted then makes a window of nothing, and whatever is sent afterwards waits for the next flow: messages
/// stand locked at the broker that never left it, and requests get no answer.
/// </summary>
internal static class SessionWindow
{
    private const BindingFlags Private = BindingFlags.NonPublic | BindingFlags.Instance;

    private static readonly FieldInfo Window = typeof(Session).GetField("outgoingWindow", Private)!;
    private static readonly FieldInfo NextId = typeof(Session).GetField("nextOutgoingId", Private)!;
    private static readonly FieldInfo SequenceValue = NextId.FieldType.GetFields(Private)[0];
    private static readonly MethodInfo OnFlow = typeof(Session).GetMethod("OnFlow", Private, [typeof(Flow)])!;

    /// <summary>Opens the window again if it was closed, and writes what waits. To be called after each send, on the thread that sends.</summary>
    public static void Reopen(Session session)
    {
        if ((uint)Window.GetValue(session)! > 0) return;
        var next = unchecked((uint)Convert.ToInt64(SequenceValue.GetValue(NextId.GetValue(session)), null));
        OnFlow.Invoke(session, [new Flow { NextIncomingId = next, IncomingWindow = int.MaxValue }]);
    }
}
