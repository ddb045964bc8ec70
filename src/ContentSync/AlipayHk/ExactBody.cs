using System.Net;
using ContentSync.Budget;

namespace ContentSync.AlipayHk;

/// <summary>A request's content: exactly the bytes that are signed, written to the socket without a copy.</summary>
internal sealed class ExactBody : HttpContent
{
    public ExactBody(ReadOnlyMemory<byte> bytes, string contentType)
    {
        Bytes = bytes;
        Headers.TryAddWithoutValidation("Content-Type", contentType);
    }

    public ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>The claim on the app's probe that the request needs to leave; null unless it is one.</summary>
    public ProbeClaim? Probe { get; init; }

    /// <summary>How long the request may still leave; null without a limit.</summary>
    public SendDeadline? Deadline { get; init; }

    /// <summary>Set by the signing handler when it passes the request on. From then on, AlipayHK may have received it.</summary>
    public bool WasSent { get; set; }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken) =>
        stream.WriteAsync(Bytes, cancellationToken).AsTask();

    protected override bool TryComputeLength(out long length)
    {
        length = Bytes.Length;
        return true;
    }
}

/// <summary>
/// Until when a request of a call may leave: the lease of its item covers no later one. A process that froze, or whose machine slept, would
/// otherwise send an old version after another process has sent a newer one.
/// </summary>
/// <param name="time">Clock of the process. Its wall clock serves only to notice that the machine slept.</param>
/// <param name="duration">How long after its creation a request may leave.</param>
internal sealed class SendDeadline(TimeProvider time, TimeSpan duration)
{
    private readonly DateTimeOffset _beganAt = time.GetUtcNow();

    /// <summary>When it was created; a timestamp of the clock.</summary>
    public long Began { get; } = time.GetTimestamp();

    /// <summary>Whether no request may leave any more.</summary>
    public bool IsOver => time.GetElapsedTime(Began) >= duration || time.GetUtcNow() - _beganAt >= duration;
}
