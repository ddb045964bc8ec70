using System.Text.RegularExpressions;
using ContentSync.AlipayHk;
using ContentSync.Content;
using ContentSync.Http;
using ContentSync.Http.Webhooks;
using ContentSync.Ledger;
using ContentSync.Notifications;
using ContentSync.Resync;
using ContentSync.Signing;
using ContentSync.Synchronization;
using Microsoft.Extensions.Configuration;

namespace ContentSync.Functions;

/// <summary>All settings of the host, bound and validated.</summary>
public sealed partial class HostSettings
{
    private readonly IConfiguration _configuration;
    private readonly List<string> _faults = [];
    private readonly List<string> _warnings = [];

    private HostSettings(IConfiguration configuration)
    {
        _configuration = configuration = RenamedSettings.Apply(configuration, _warnings);
        AlipayHk = Bind(AlipayHkOptions.Section, new AlipayHkOptions());
        Content = Bind(
            ContentOptions.Section,
            WithoutDefault(new ContentOptions(), $"{ContentOptions.Section}:{nameof(ContentOptions.ContentTypes)}", options => options.ContentTypes));
        Recoverability = Bind(
            RecoverabilityOptions.Section,
            WithoutDefault(
                new RecoverabilityOptions(),
                $"{RecoverabilityOptions.Section}:{nameof(RecoverabilityOptions.BackOff)}",
                options => options.BackOff));
        Signing = Bind(SigningOptions.Section, new SigningOptions());
        Ledger = Bind(LedgerOptions.Section, new LedgerOptions());
        Catalog = Bind(CatalogOptions.Section, new CatalogOptions());
        Resync = Bind(ResyncOptions.Section, new ResyncOptions());
        Retention = Bind(RetentionOptions.Section, new RetentionOptions());
        ResyncState = Bind(ResyncStateOptions.Section, new ResyncStateOptions());
        Queues = new QueueOptions
        {
            Content = Flat(QueueOptions.ContentSetting, "Queues:Content"),
            Resync = Flat(QueueOptions.ResyncSetting, "Queues:Resync"),
        };
        Schedules = new ScheduleOptions
        {
            Resync = Flat(ScheduleOptions.ResyncSetting, "Schedules:Resync"),
            Sweep = Flat(ScheduleOptions.SweepSetting, "Schedules:Sweep"),
        };
        Api = Bind(ApiOptions.Section, new ApiOptions());
        Webhook = Bind(WebhookOptions.Section, new WebhookOptions());
        UnresolvedWebhookSecrets =
        [
            .. TakeUnresolved(Webhook.Secrets, nameof(WebhookOptions.Secrets)),
            .. TakeUnresolved(Webhook.ShopifySecrets, nameof(WebhookOptions.ShopifySecrets)),
            .. TakeUnresolved(Webhook.WooCommerceSecrets, nameof(WebhookOptions.WooCommerceSecrets)),
        ];
        Notifications = Bind(NotificationOptions.Section, new NotificationOptions());
        UnresolvedNotificationSecrets = TakeUnresolved(Notifications.Receivers);
        ServiceBus = Bind(ServiceBusOptions.Section, new ServiceBusOptions());
        ServiceBus.EmulatorConnectionString = configuration[ServiceBusOptions.Section];
        Identity = AzureIdentity.Read(configuration);
    }

    public AlipayHkOptions AlipayHk { get; }

    public ContentOptions Content { get; }

    public RecoverabilityOptions Recoverability { get; }

    public SigningOptions Signing { get; }

    public LedgerOptions Ledger { get; }

    public CatalogOptions Catalog { get; }

    public ResyncOptions Resync { get; }

    public RetentionOptions Retention { get; }

    public ResyncStateOptions ResyncState { get; }

    public QueueOptions Queues { get; }

    public ScheduleOptions Schedules { get; }

    public ApiOptions Api { get; }

    public WebhookOptions Webhook { get; }

    /// <summary>
    /// Settings of webhook secrets that Azure could not resolve from Key Vault: the value is still the reference. They are left out of
    /// <see cref="Webhook"/>, so messages signed with them are refused; everything else works.
    /// </summary>
    public IReadOnlyList<string> UnresolvedWebhookSecrets { get; }

    public NotificationOptions Notifications { get; }

    /// <summary>
    /// Settings of receivers' secrets that Azure could not resolve from Key Vault. Their receivers are left out of <see cref="Notifications"/>;
    /// everything else works.
    /// </summary>
    public IReadOnlyList<string> UnresolvedNotificationSecrets { get; }

    public ServiceBusOptions ServiceBus { get; }

    /// <summary>The settings that every host has.</summary>
    public ContentSyncOptions Options => new()
    {
        AlipayHk = AlipayHk,
        Content = Content,
        Recoverability = Recoverability,
        Resync = Resync,
        Retention = Retention,
        Api = Api,
        Webhook = Webhook,
        Notifications = Notifications,
    };

    /// <summary>The app's identity in Azure.</summary>
    public AzureIdentity Identity { get; }

    /// <summary>Settings that work but should be changed, a sentence each.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>Binds and validates all settings.</summary>
    /// <exception cref="InvalidSettingsException">Settings are missing or wrong; the message lists all of them.</exception>
    public static HostSettings Read(IConfiguration configuration)
    {
        var settings = new HostSettings(configuration);
        string[] faults =
        [
            .. settings._faults
                .Concat(settings.Options.Faults())
                .Concat(HostSettingsRules.FaultsOf(settings))
                .Concat(SettingsChecks.FaultsOf(configuration))
                .Select(AsWritten),
        ];
        return faults.Length == 0 ? settings : throw new InvalidSettingsException(faults);
    }

    // Binds one member at a time, so that an unreadable value does not hide faults in the others.
    private T Bind<T>(string section, T options)
    {
        foreach (var member in _configuration.GetSection(section).GetChildren())
        {
            var values = member.AsEnumerable().Select(pair => KeyValuePair.Create(pair.Key[(section.Length + 1)..], pair.Value));
            try
            {
                new ConfigurationBuilder().AddInMemoryCollection(values).Build().Bind(options);
            }
            catch (InvalidOperationException e)
            {
                _faults.Add($"{section}:{member.Key} cannot be read. {(e.InnerException ?? e).Message}");
            }
        }

        return options;
    }

    private static string[] TakeUnresolved(IList<string> secrets, string setting)
    {
        var unresolved = Enumerable.Range(0, secrets.Count)
            .Where(i => IsReference(secrets[i])).ToArray();
        foreach (var i in unresolved.Reverse()) secrets.RemoveAt(i);
        return [.. unresolved.Select(i => $"{WebhookOptions.Section}__{setting}__{i}")];
    }

    private static string[] TakeUnresolved(IList<NotificationReceiverOptions> receivers)
    {
        var unresolved = Enumerable.Range(0, receivers.Count).Where(i => IsReference(receivers[i].Secret)).ToArray();
        foreach (var i in unresolved.Reverse()) receivers.RemoveAt(i);
        const string Receivers = $"{NotificationOptions.Section}__{nameof(NotificationOptions.Receivers)}";
        return [.. unresolved.Select(i => $"{Receivers}__{i}__{nameof(NotificationReceiverOptions.Secret)}")];
    }

    // Azure leaves the reference in place of a value that it cannot read.
    private static bool IsReference(string secret) => secret.StartsWith("@Microsoft.KeyVault(", StringComparison.OrdinalIgnoreCase);

    private string Flat(string setting, string formerly)
    {
        if (_configuration[formerly] is not null)
            _faults.Add($"{formerly} is now {setting}. Rename it: the scale controller finds no setting in a section and would never start the app.");
        return _configuration[setting] ?? _configuration[formerly] ?? "";
    }

    // The binder appends to a list's defaults, but a configured list should replace them.
    private TOptions WithoutDefault<TOptions, TEntry>(TOptions options, string key, Func<TOptions, IList<TEntry>> list)
    {
        if (_configuration.GetSection(key).GetChildren().Any()) list(options).Clear();
        return options;
    }

    // App settings use a double underscore where configuration uses a colon.
    private static string AsWritten(string fault) => SettingName().Replace(fault, match => match.Value.Replace(":", "__", StringComparison.Ordinal));

    [GeneratedRegex(
        @"\b(AlipayHk|Content|Recoverability|Signing|Ledger|Catalog|Resync|Retention|Queues|Schedules|ServiceBus|Api|Webhook|Notifications)(:\w+)+")]
    private static partial Regex SettingName();
}
