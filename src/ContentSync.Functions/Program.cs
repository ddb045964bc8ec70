using Azure.Monitor.OpenTelemetry.Exporter;
using ContentSync.Content;
using ContentSync.Diagnostics;
using ContentSync.Functions;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Azure.Functions.Worker.OpenTelemetry;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

var builder = FunctionsApplication.CreateBuilder(args);
builder.ConfigureFunctionsWebApplication();
try
{
    await builder.Services.AddContentSyncAsync(builder.Configuration, CancellationToken.None);
}
catch (Exception e) when (e is InvalidSettingsException or ContentSchemaException)
{
    await Console.Error.WriteLineAsync(e.Message);
    return 1;
}

var telemetry = builder.Services.AddOpenTelemetry()
    .UseFunctionsWorkerDefaults()
    .WithTracing(traces => traces.AddSource(Telemetry.Name))
    .WithMetrics(metrics => metrics.AddMeter(Telemetry.Name));
if (builder.Configuration["APPLICATIONINSIGHTS_CONNECTION_STRING"] is { Length: > 0 } connection)
{
    var credential = AzureIdentity.Read(builder.Configuration).CreateCredential();
    telemetry
        .WithTracing(traces => traces.AddAzureMonitorTraceExporter(exporter => exporter.ConnectionString = connection, credential))
        .WithMetrics(metrics => metrics.AddAzureMonitorMetricExporter(exporter => exporter.ConnectionString = connection, credential))
        .WithLogging(logs => logs.AddAzureMonitorLogExporter(exporter => exporter.ConnectionString = connection, credential));
}

await builder.Build().RunAsync();
return 0;
