using Azure.Monitor.OpenTelemetry.Exporter;
using ContentSync;
using ContentSync.Content;
using ContentSync.Diagnostics;
using ContentSync.Functions;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Azure.Functions.Worker.OpenTelemetry;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry;

var builder = FunctionsApplication.CreateBuilder(args);
builder.UseMiddleware<InvocationTracker>();
builder.ConfigureFunctionsWebApplication();
try
{
    await builder.Services.AddFunctionsHostAsync(builder.Configuration, CancellationToken.None).ConfigureAwait(false);
}
catch (Exception e) when (e is InvalidSettingsException or ContentSchemaException)
{
    await StartFailure.WriteAsync(Console.Error, e.Message).ConfigureAwait(false);
    return 1;
}

builder.Services.AddHostedService(services => services.GetRequiredService<InvocationTracker>());

// host.json's levels apply to the host only. App settings such as Logging__LogLevel__Default override this one.
builder.Logging.SetMinimumLevel(LogLevel.Warning);
var telemetry = builder.Services.AddOpenTelemetry()
    .UseFunctionsWorkerDefaults()
    .WithTracing(traces => traces.AddSource(Telemetry.Name))
    .WithMetrics(metrics => metrics.AddMeter(Telemetry.Name));
if (builder.Configuration[SettingsChecks.ApplicationInsightsSetting] is { Length: > 0 } connection)
{
    var credential = AzureIdentity.Read(builder.Configuration).CreateCredential();
    telemetry
        .WithTracing(traces => traces.AddAzureMonitorTraceExporter(exporter => exporter.ConnectionString = connection, credential))
        .WithMetrics(metrics => metrics.AddAzureMonitorMetricExporter(exporter => exporter.ConnectionString = connection, credential))
        .WithLogging(logs => logs.AddAzureMonitorLogExporter(exporter => exporter.ConnectionString = connection, credential));
}

await builder.Build().RunAsync().ConfigureAwait(false);
return 0;
