using System.Diagnostics;
using System.Globalization;
using ContentSync.Diagnostics;
using ContentSync.Diagnostics.Trends;

namespace ContentSync.AlipayHk;

/// <summary>Wraps the socket and measures every request to AlipayHK, without signing.</summary>
public sealed class RequestTelemetryHandler(HttpMessageHandler socket, TimeProvider time, TrendRecorder? trends = null) : DelegatingHandler(socket)
{
    /// <inheritdoc/>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using var activity = Telemetry.StartRequest();
        var startedAt = time.GetTimestamp();
        var status = "none";
        try
        {
            var response = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
            status = ((int)response.StatusCode).ToString(CultureInfo.InvariantCulture);
            if (activity is not null) Describe(activity, response);
            return response;
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            activity?.SetStatus(ActivityStatusCode.Error, e.Message);
            throw;
        }
        finally
        {
            var duration = time.GetElapsedTime(startedAt);
            Telemetry.AlipayHkDuration.Record(duration.TotalSeconds, new KeyValuePair<string, object?>("status", status));
            trends?.CountRequest(duration);
        }
    }

    private static void Describe(Activity activity, HttpResponseMessage response) => activity
        .SetTag("http.response.status_code", (int)response.StatusCode)
        .SetTag(
            Telemetry.TracerIdTag,
            WireHeaders.Find(response, WireHeaders.TracerId) ?? WireHeaders.Find(response, WireHeaders.TracerIdAlternative));
}
