using System.Net;

namespace ContentSync.AlipayHk;

/// <summary>How connections to AlipayHK are made.</summary>
public static class AlipayHkSocket
{
    // AlipayHK's host may move to other addresses; a connection that lives for ever would not notice.
    private static readonly TimeSpan ConnectionLifetime = TimeSpan.FromMinutes(10);

    /// <summary>
    /// Redirects are not followed, cookies not kept, answers not decompressed (the signature is over the bytes as received), and
    /// the platform's TLS checks are left as they are. A loopback gateway is called without the machine's proxy.
    /// </summary>
    public static SocketsHttpHandler Open(AlipayHkOptions options) => new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        AutomaticDecompression = DecompressionMethods.None,
        PooledConnectionLifetime = ConnectionLifetime,
        UseProxy = options.BaseAddress?.IsLoopback != true,

        // Our trace ids mean nothing to AlipayHK and are none of its business.
        ActivityHeadersPropagator = null,
    };
}
