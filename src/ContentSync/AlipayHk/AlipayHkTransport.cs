using ContentSync.Diagnostics.Trends;

namespace ContentSync.AlipayHk;

/// <summary>The innermost handler, which sends requests to AlipayHK. The client that uses it disposes of it.</summary>
/// <param name="Handler">Must not follow redirects or decompress responses: see <see cref="AlipayHkSocket"/>.</param>
public sealed record AlipayHkTransport(HttpMessageHandler Handler)
{
    /// <summary>A socket to the gateway of the options, with metrics of each request.</summary>
    public static AlipayHkTransport Open(AlipayHkOptions options, TimeProvider time, TrendRecorder? trends = null) =>
        new(new RequestTelemetryHandler(AlipayHkSocket.Open(options), time, trends));
}
