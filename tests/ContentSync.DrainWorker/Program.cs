using ContentSync.Benchmarks.Ratios;
using ContentSync.Diagnostics;
using ContentSync.DrainWorker;
using ContentSync.Functions;
using ContentSync.Signing;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Azure.Functions.Worker.OpenTelemetry;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry;

// The app's own program, without Application Insights, and with the benchmark's vault.
var builder = FunctionsApplication.CreateBuilder(args);
builder.UseMiddleware<InvocationTracker>();
builder.ConfigureFunctionsWebApplication();
builder.Services.AddSingleton<IRequestSigner>(new VaultSigner(new Uri(builder.Configuration[OutsideCalls.VaultSetting]!)));
builder.Services.AddSingleton<OutsideCalls>();
await builder.Services.AddFunctionsHostAsync(builder.Configuration, CancellationToken.None).ConfigureAwait(false);
builder.Services.AddHostedService(services => services.GetRequiredService<InvocationTracker>());
builder.Logging.SetMinimumLevel(LogLevel.Warning);
if (builder.Configuration[OutsideCalls.TelemetrySetting] != "off")
{
    builder.Services.AddOpenTelemetry()
        .UseFunctionsWorkerDefaults()
        .WithTracing(traces => traces.AddSource(Telemetry.Name))
        .WithMetrics(metrics => metrics.AddMeter(Telemetry.Name));
}

await builder.Build().RunAsync().ConfigureAwait(false);
