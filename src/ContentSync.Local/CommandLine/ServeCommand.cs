using System.CommandLine;
using ContentSync.Catalog;
using ContentSync.Http.Webhooks;
using ContentSync.Local.Hosting;
using ContentSync.Local.Pipeline;
using ContentSync.Notifications;
using Microsoft.Extensions.Logging;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary>No command: syncs the bundled sample catalog, then serves the HTTP API until Ctrl-C.</summary>
internal sealed partial class ServeCommand(Terminal terminal)
{
    private readonly IAnsiConsole _screen = terminal.Notes;

    /// <summary>Also the port of Azure Functions Core Tools, so that the same requests work with either host.</summary>
    private const int DefaultPort = 7071;

    private const string Example = """{"contentId":"SKU-DEMO-1","contentType":"SKU","contentStatus":1,"contentInfo":{"name":"港式奶茶"}}""";

    private readonly PipelineArguments _pipeline = new();

    private readonly LogArguments _log = new();

    private readonly Option<int> _port = new("--port")
    {
        Description = "Port of the HTTP API on localhost; 0 picks a free one.",
        HelpName = "N",
        CustomParser = OptionValue.Whole(0, 65_535),
        DefaultValueFactory = _ => DefaultPort,
    };

    private readonly Option<bool> _noSample = new("--no-sample") { Description = "Serve without syncing the sample catalog first." };

    private readonly Option<string?> _catalog = new("--catalog")
    {
        Description = "The complete catalog for resyncs started through the API or the board: NDJSON or a JSON array, optionally gzipped. "
            + "Default: the sample catalog, unless --no-sample is given.",
        HelpName = "FILE",
    };

    private readonly MapArgument _map = new();

    private readonly Option<string?> _mappings = new("--mappings")
    {
        Description = "Folder of the mappings that requests and webhooks may name with ?map=NAME, for the file NAME.mapping.json.",
        HelpName = "FOLDER",
    };

    private readonly Option<string?> _apiKey = new("--api-key")
    {
        Description = "Key that callers must send in the header x-functions-key, as with Azure Functions. "
            + "Default: environment variable CONTENTSYNC_API_KEY, otherwise no key.",
        HelpName = "KEY",
    };

    private readonly Option<Uri?> _notify = new("--notify")
    {
        Description = "Post notifications there (CloudEvents): resyncs, stopped, paused and resumed sending, parked items. Needs --notify-secret.",
        HelpName = "URL",
        CustomParser = OptionValue.Address(
            uri => uri.Scheme == Uri.UriSchemeHttps || (uri.Scheme == Uri.UriSchemeHttp && uri.IsLoopback),
            "an https address, or http on this machine"),
    };

    private readonly Option<string?> _notifySecret = new("--notify-secret")
    {
        Description = "Sign notifications with this Standard Webhooks secret. Default: environment variable CONTENTSYNC_NOTIFY_SECRET.",
        HelpName = "SECRET",
    };

    private readonly Option<string[]> _webhookSecrets = new("--webhook-secret")
    {
        Description = "Accept webhooks signed with this Standard Webhooks secret; can be repeated. "
            + "Default: environment variable CONTENTSYNC_WEBHOOK_SECRET, otherwise the webhook is disabled.",
        HelpName = "SECRET",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<string[]> _shopifySecrets = new("--shopify-secret")
    {
        Description = "Accept Shopify's webhooks signed with this secret; can be repeated.",
        HelpName = "SECRET",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<string[]> _wooCommerceSecrets = new("--woocommerce-secret")
    {
        Description = "Accept WooCommerce's webhooks signed with this secret; can be repeated.",
        HelpName = "SECRET",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<string?> _eventGridTenant = new("--event-grid-tenant")
    {
        Description = "Accept deliveries of Azure Event Grid with tokens of this Microsoft Entra directory.",
        HelpName = "GUID",
    };

    private readonly Option<string?> _eventGridApplication = new("--event-grid-application")
    {
        Description = "Application that those tokens must be for: its id, or its application id URI.",
        HelpName = "ID",
    };

    public void AddTo(RootCommand root)
    {
        root.Options.Add(_apiKey);
        root.Options.Add(_notify);
        root.Options.Add(_notifySecret);
        root.Options.Add(_webhookSecrets);
        root.Options.Add(_shopifySecrets);
        root.Options.Add(_wooCommerceSecrets);
        root.Options.Add(_eventGridTenant);
        root.Options.Add(_eventGridApplication);
        root.Options.Add(_port);
        root.Options.Add(_noSample);
        root.Options.Add(_catalog);
        root.Options.Add(_map.Option);
        root.Options.Add(_mappings);
        _log.AddTo(root);
        _pipeline.AddTo(root);
        root.SetAction(RunAsync);
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        if (_map.IsGiven(parsed) && parsed.GetValue(_catalog) is null)
            throw new CommandException($"{_map.Option.Name} is for the catalog that {_catalog.Name} gives; name both.");
        if (parsed.GetValue(_mappings) is { } folder && !Directory.Exists(folder))
            throw new CommandException($"There is no folder '{folder}' ({_mappings.Name}).");
        var options = _pipeline.Read(parsed);
        options = options with
        {
            CatalogMapping = await _map.LoadAsync(parsed, cancellationToken).ConfigureAwait(false),
            Mappings = parsed.GetValue(_mappings),
            Catalog = parsed.GetValue(_catalog) ?? (parsed.GetValue(_noSample) ? null : SampleCatalog.File),
            Notifications = Notifications(parsed),
            Webhook = new WebhookOptions
            {
                Secrets = WebhookSecrets(parsed),
                ShopifySecrets = parsed.GetValue(_shopifySecrets)!,
                WooCommerceSecrets = parsed.GetValue(_wooCommerceSecrets)!,
                EventGrid = new EventGridOptions
                {
                    TenantId = parsed.GetValue(_eventGridTenant),
                    ApplicationId = parsed.GetValue(_eventGridApplication),
                },
            },
        };
        using var loggers = _log.ForHost(parsed, terminal);
        var logger = loggers.CreateLogger<ServeCommand>();
        var pipeline = await LocalPipeline.OpenAsync(options, TimeProvider.System, loggers, cancellationToken).ConfigureAwait(false);
        await using var closingPipeline = pipeline.ConfigureAwait(false);
        if (pipeline.Warning is { } warning) Say(parsed, () => _screen.Line($"[yellow]{warning}[/]"), () => LogWarning(logger, warning));
        var hostOptions = HostOptions(parsed);
        var host = await LocalHost.StartAsync(pipeline, hostOptions, cancellationToken).ConfigureAwait(false);
        await using var closingHost = host.ConfigureAwait(false);
        var sampleExit = ExitCodes.Done;
        if (!parsed.GetValue(_noSample)) sampleExit = await SyncSampleAsync(parsed, pipeline, cancellationToken).ConfigureAwait(false);
        if (cancellationToken.IsCancellationRequested) return ExitCodes.Stopped;

        // Only now, so that a resync of the sample catalog compares it with a ledger that already holds it.
        pipeline.Resync.Start();
        Say(parsed, () => ShowNextSteps(pipeline, host, hostOptions.ApiKey is not null), () => LogServing(logger, host.Address));
        await WaitForStopAsync(cancellationToken).ConfigureAwait(false);
        const string Stopping = "Stopping. Items in flight finish; the others stay pending for the next start.";
        Say(parsed, () => _screen.Line($"[grey]{Stopping}[/]"), () => LogStopping(logger, Stopping));
        return sampleExit == ExitCodes.Unusable ? sampleExit : ExitCodes.Done;
    }

    // A program that reads the log as JSON must find nothing else on standard error.
    private void Say(ParseResult parsed, Action show, Action log)
    {
        if (_log.IsJson(parsed)) log();
        else show();
    }

    private LocalHostOptions HostOptions(ParseResult parsed) => new(parsed.GetValue(_port))
    {
        ApiKey = parsed.GetValue(_apiKey) ?? EnvironmentVariable("CONTENTSYNC_API_KEY"),
    };

    private NotificationOptions Notifications(ParseResult parsed) => parsed.GetValue(_notify) is not { } address
        ? new NotificationOptions()
        : new NotificationOptions
        {
            Receivers =
            {
                new NotificationReceiverOptions
                {
                    Address = address,
                    Secret = parsed.GetValue(_notifySecret) ?? Environment.GetEnvironmentVariable("CONTENTSYNC_NOTIFY_SECRET") ?? "",
                },
            },
        };

    private string[] WebhookSecrets(ParseResult parsed)
    {
        var secrets = parsed.GetValue(_webhookSecrets)!;
        return secrets.Length == 0 && EnvironmentVariable("CONTENTSYNC_WEBHOOK_SECRET") is { } secret ? [secret] : secrets;
    }

    private static string? EnvironmentVariable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    private async Task<int> SyncSampleAsync(ParseResult parsed, LocalPipeline pipeline, CancellationToken cancellationToken)
    {
        var receiver = pipeline.Gateway is null ? pipeline.GatewayAddress.ToString() : "a simulated AlipayHK on this machine";
        if (!_log.IsJson(parsed)) _screen.Line($"Syncing the bundled sample catalog to {receiver} ...");
        var catalog = await CatalogFile
            .OpenAsync(SampleCatalog.File, new CatalogDeclaration(), null, TimeProvider.System, cancellationToken).ConfigureAwait(false);
        await using var closingCatalog = catalog.ConfigureAwait(false);
        var summary = await new CatalogRun(pipeline, _screen, TimeProvider.System).RunAsync(catalog, cancellationToken).ConfigureAwait(false);
        SummaryTable.Write(terminal, summary);
        return summary.ExitCode;
    }

    private void ShowNextSteps(LocalPipeline pipeline, LocalHost host, bool requiresKey)
    {
        var api = host.Address.ToString().TrimEnd('/');
        var key = requiresKey ? " -H \"x-functions-key: $KEY\"" : "";
        _screen.WriteLine();
        _screen.Line($"Serving on [green]{api}[/] until Ctrl-C.");
        _screen.Line($"Open it in a browser for the board, or [green]{api}/api/reference[/] for the API reference.");
        _screen.MarkupLine("Try these in another terminal:");
        _screen.WriteLine();
        Command($"curl -s {api}/api/content{key} -H 'Content-Type: application/json' -d '{Example}'");
        Command($"curl -s {api}/api/content/SKU-DEMO-1{key}");
        var source = pipeline.Resync.Sources.Keys()[0];
        Command($"curl -s {api}/api/resyncs{key} -H 'Content-Type: application/json' -d '{{\"source\":\"{source}\",\"dryRun\":true}}'");
        if (pipeline.Gateway is { } gateway)
            Command($"curl -s {gateway.Address.ToString().TrimEnd('/')}/simulator/content/SKU-DEMO-1   # what the simulated AlipayHK holds");
        _screen.WriteLine();
    }

    // Bypasses the screen, because the line is meant to be copied: it must not be wrapped or colored.
    private void Command(string line) => _screen.Profile.Out.Writer.WriteLine("  " + line);

    private static async Task WaitForStopAsync(CancellationToken cancellationToken)
    {
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = cancellationToken.Register(stopped.SetResult).ConfigureAwait(false);
        await stopped.Task.ConfigureAwait(false);
    }

    [LoggerMessage(EventId = 4501, Level = LogLevel.Information, Message = "Serving on {Address}")]
    private static partial void LogServing(ILogger logger, Uri address);

    [LoggerMessage(EventId = 4502, Level = LogLevel.Information, Message = "{Message}")]
    private static partial void LogStopping(ILogger logger, string message);

    [LoggerMessage(EventId = 4503, Level = LogLevel.Warning, Message = "{Warning}")]
    private static partial void LogWarning(ILogger logger, string warning);
}
