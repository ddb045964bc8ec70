using System.Net;

namespace ContentSync.AlipayHk;

/// <summary>Creates the handler that connects to AlipayHK.</summary>
public static class AlipayHkSocket
{
    // AlipayHK's host name may resolve to new addresses; a connection that lives forever would never notice.
    private static readonly TimeSpan ConnectionLifetime = TimeSpan.FromMinutes(10);

    /// <summary>
    /// The handler does not follow redirects, keep cookies or decompress responses (the signature covers the bytes as received).
    /// TLS checks are the platform's defaults. A loopback gateway is called without the system proxy.
    /// </summary>
    public static SocketsHttpHandler Open(AlipayHkOptions options) => new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        AutomaticDecompression = DecompressionMethods.None,
        PooledConnectionLifetime = ConnectionLifetime,
        UseProxy = options.BaseAddress?.IsLoopback != true,

        // Our trace ids stay internal: AlipayHK does not use them.
        ActivityHeadersPropagator = null,
    };
}
