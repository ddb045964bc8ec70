using System.Collections;
using System.IO.Compression;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ContentSync.Ledger;

/// <summary>
/// The requests of an item that were sent before its newest attempt, one entry each however many attempts it took, in the order in which
/// they were last attempted: at most <see cref="MaxCount"/>. So a version that fails often does not displace the versions before it, as
/// it does in the <see cref="AttemptHistory"/>. Immutable; two histories are equal if their entries are.
/// </summary>
public sealed class SentHistory : IReadOnlyList<SentRequest>, IEquatable<SentHistory>
{
    /// <summary>Number of requests kept; the one of the newest attempt makes ten.</summary>
    public const int MaxCount = 9;

    /// <summary>Max bytes of all kept bodies together, compressed: one binary property of Table storage. The oldest are dropped first.</summary>
    public const int MaxStoredBytes = 64 * 1024;

    /// <summary>Max bytes of all kept bodies together before compression.</summary>
    public const int MaxBodyBytes = 1024 * 1024;

    // Successive versions of an item resemble each other, so a window over all of them stores little more than the differences.
    private const int Quality = 4;
    private const int WindowBits = 21;

    // Most histories are never inspected, so each form is converted on first use only.
    private SentRequest[]? _requests;
    private string? _text;
    private readonly byte[] _bodies;

    private SentHistory(SentRequest[]? requests, string? text, byte[] bodies) => (_requests, _text, _bodies) = (requests, text, bodies);

    /// <summary>No earlier request. This is the case for an item that has been sent in one version, and a ledger then stores nothing.</summary>
    public static SentHistory Empty { get; } = new([], null, []);

    public int Count => Requests.Length;

    public SentRequest this[int index] => Requests[index];

    private SentRequest[] Requests => _requests ??= Parse(_text!, _bodies);

    /// <summary>The kept bodies, compressed; empty if none is kept.</summary>
    public ReadOnlyMemory<byte> StoredBodies => _bodies;

    /// <summary>Adds a request as the newest one, in place of what is known of it; keeps a body that is known.</summary>
    public SentHistory With(SentRequest request)
    {
        var body = request.Body ?? Requests.FirstOrDefault(known => known.RequestId == request.RequestId)?.Body;
        var others = Requests.Where(known => known.RequestId != request.RequestId).TakeLast(MaxCount - 1);
        return Of([.. others, request with { Body = body }]);
    }

    /// <summary>The history without what was attempted before <paramref name="oldest"/>; the same instance if that is nothing.</summary>
    public SentHistory Since(DateTimeOffset oldest) =>
        Array.TrueForAll(Requests, request => request.At >= oldest) ? this : Of([.. Requests.Where(request => request.At >= oldest)]);

    /// <summary>The stored form without the bodies; null if there is no request.</summary>
    public string? ToText() => _text ??= Count == 0
        ? null
        : JsonSerializer.Serialize(Array.ConvertAll(Requests, StoredRequest.Of), SentHistoryJson.Relaxed.StoredRequestArray);

    /// <summary>Reads what <see cref="ToText"/> and <see cref="StoredBodies"/> returned.</summary>
    public static SentHistory Of(string? text, ReadOnlySpan<byte> storedBodies) =>
        string.IsNullOrEmpty(text) ? Empty : new SentHistory(null, text, storedBodies.ToArray());

    /// <summary>When the oldest request of a stored form was last attempted, without reading the bodies; null if there is none.</summary>
    public static DateTimeOffset? OldestIn(string? text) => string.IsNullOrEmpty(text)
        ? null
        : JsonSerializer.Deserialize(text, SentHistoryJson.Relaxed.StoredRequestArray)?.Min(request => (DateTimeOffset?)request.At);

    /// <summary>The history of these requests, oldest first; drops the oldest bodies if they are too large together.</summary>
    public static SentHistory Of(IReadOnlyList<SentRequest> requests)
    {
        if (requests.Count == 0) return Empty;
        SentRequest[] bounded = [.. requests.TakeLast(MaxCount)];
        for (var oldest = 0; ; oldest++)
        {
            if (TryCompress(bounded) is { } bodies) return new SentHistory(bounded, null, bodies);
            bounded[oldest] = bounded[oldest] with { Body = null };
        }
    }

    public bool Equals(SentHistory? other) =>
        other is not null && ToText() == other.ToText() && StoredBodies.Span.SequenceEqual(other.StoredBodies.Span);

    public override bool Equals(object? obj) => Equals(obj as SentHistory);

    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(ToText() ?? "");

    public IEnumerator<SentRequest> GetEnumerator() => ((IEnumerable<SentRequest>)Requests).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private static byte[]? TryCompress(SentRequest[] requests)
    {
        var length = requests.Sum(request => (long)(request.Body?.Length ?? 0));
        if (length == 0) return [];
        if (length > MaxBodyBytes) return null;
        var (bodies, at) = (new byte[length], 0);
        foreach (var request in requests)
        {
            if (request.Body is not { } body) continue;
            body.Span.CopyTo(bodies.AsSpan(at));
            at += body.Length;
        }

        var stored = new byte[MaxStoredBytes];
        return BrotliEncoder.TryCompress(bodies, stored, out var written, Quality, WindowBits) ? stored[..written] : null;
    }

    private static SentRequest[] Parse(string text, byte[] storedBodies)
    {
        var stored = JsonSerializer.Deserialize(text, SentHistoryJson.Relaxed.StoredRequestArray) ?? [];
        var bodies = new byte[stored.Sum(request => request.BodyBytes ?? 0)];
        if (bodies.Length > 0 && (!BrotliDecoder.TryDecompress(storedBodies, bodies, out var written) || written != bodies.Length))
            throw new InvalidDataException("The stored bodies of earlier requests are damaged.");
        var (requests, at) = (new SentRequest[stored.Length], 0);
        for (var i = 0; i < requests.Length; i++)
        {
            var (requestId, time, code, attempted, bytes) = stored[i];
            requests[i] = new SentRequest(requestId, time, code, attempted);
            if (bytes is not { } length) continue;
            requests[i] = requests[i] with { Body = bodies.AsMemory(at, length) };
            at += length;
        }

        return requests;
    }
}

/// <summary>A request that was sent, or may have been.</summary>
/// <param name="RequestId">Its id, the same on every attempt.</param>
/// <param name="At">When its newest attempt ended.</param>
/// <param name="Code">The code of that attempt.</param>
/// <param name="Attempted">The version, the digest of the content and the outcome of that attempt.</param>
public sealed record SentRequest(string RequestId, DateTimeOffset At, string Code, AttemptedVersion Attempted)
{
    /// <summary>The exact bytes of the request body; null if they are not kept.</summary>
    public ReadOnlyMemory<byte>? Body { get; init; }

    /// <summary>The request of an attempt; null if nothing was sent, or if an earlier version of this program recorded the attempt.</summary>
    public static SentRequest? Of(SyncAttempt? attempt) => attempt?.Attempted is { WasSent: true } attempted
        ? new SentRequest(attempt.RequestId, attempt.At, attempt.Code, attempted)
        : null;
}

/// <summary>The stored form of a request.</summary>
/// <param name="RequestId">As <see cref="SentRequest.RequestId"/>.</param>
/// <param name="At">As <see cref="SentRequest.At"/>.</param>
/// <param name="Code">As <see cref="SentRequest.Code"/>.</param>
/// <param name="Attempted">As <see cref="SentRequest.Attempted"/>.</param>
/// <param name="BodyBytes">Length of the body, which is stored elsewhere; null if it is not kept.</param>
internal sealed record StoredRequest(string RequestId, DateTimeOffset At, string Code, AttemptedVersion Attempted, int? BodyBytes)
{
    public static StoredRequest Of(SentRequest request) =>
        new(request.RequestId, request.At, request.Code, request.Attempted, request.Body?.Length);
}

[JsonSerializable(typeof(StoredRequest[]))]
internal sealed partial class SentHistoryJson : JsonSerializerContext
{
    public static SentHistoryJson Relaxed { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
