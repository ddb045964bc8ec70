using System.Text.RegularExpressions;
using ContentSync.AlipayHk;
using ContentSync.Content;
using ContentSync.Http;
using ContentSync.Http.Webhooks;
using ContentSync.Resync;
using ContentSync.Signing;
using ContentSync.Synchronization;
using Microsoft.Extensions.Configuration;

namespace ContentSync.Functions;

/// <summary>Every setting of the host, bound and checked.</summary>
public sealed partial class HostSettings
{
    private readonly IConfiguration _configuration;
    private readonly List<string> _faults = [];

    private HostSettings(IConfiguration configuration)
    {
        _configuration = configuration;
        AlipayHk = Bind(AlipayHkOptions.Section, new AlipayHkOptions());
        Content = Bind(ContentOptions.Section, WithoutDefault(new ContentOptions(), $"{ContentOptions.Section}:{nameof(ContentOptions.ContentTypes)}", options => options.ContentTypes));
        Recoverability = Bind(RecoverabilityOptions.Section, WithoutDefault(new RecoverabilityOptions(), $"{RecoverabilityOptions.Section}:{nameof(RecoverabilityOptions.BackOff)}", options => options.BackOff));
        Signing = Bind(SigningOptions.Section, new SigningOptions());
        Ledger = Bind(LedgerOptions.Section, new LedgerOptions());
        Catalog = Bind(CatalogOptions.Section, new CatalogOptions());
        Resync = Bind(ResyncOptions.Section, new ResyncOptions());
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
        UnresolvedWebhookSecrets = TakeUnresolved(Webhook.Secrets);
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

    public ServiceBusOptions ServiceBus { get; }

    /// <summary>Who the app is to Azure.</summary>
    public AzureIdentity Identity { get; }

    /// <summary>Binds and checks everything.</summary>
    /// <exception cref="InvalidSettingsException">Something is missing or wrong; the message lists all of it.</exception>
    public static HostSettings Read(IConfiguration configuration)
    {
        var settings = new HostSettings(configuration);
        string[] faults = [.. settings._faults.Concat(HostSettingsRules.FaultsOf(settings)).Select(AsWritten)];
        return faults.Length == 0 ? settings : throw new InvalidSettingsException(faults);
    }

    // One member at a time: a value that cannot be read must not hide what is wrong with the others.
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

    private static string[] TakeUnresolved(IList<string> secrets)
    {
        var unresolved = Enumerable.Range(0, secrets.Count)
            .Where(i => secrets[i].StartsWith("@Microsoft.KeyVault(", StringComparison.OrdinalIgnoreCase)).ToArray();
        foreach (var i in unresolved.Reverse()) secrets.RemoveAt(i);
        return [.. unresolved.Select(i => $"{WebhookOptions.Section}__{nameof(WebhookOptions.Secrets)}__{i}")];
    }

    private string Flat(string setting, string formerly)
    {
        if (_configuration[formerly] is not null)
            _faults.Add($"{formerly} is now {setting}. Rename the setting: the scale controller finds no setting in a section, so the app would never wake up.");
        return _configuration[setting] ?? _configuration[formerly] ?? "";
    }

    // The binder adds to a list's defaults; a list that is set is meant to replace them.
    private TOptions WithoutDefault<TOptions, TEntry>(TOptions options, string key, Func<TOptions, IList<TEntry>> list)
    {
        if (_configuration.GetSection(key).GetChildren().Any()) list(options).Clear();
        return options;
    }

    // In app settings a double underscore separates what is a colon in configuration.
    private static string AsWritten(string fault) => SettingName().Replace(fault, match => match.Value.Replace(":", "__", StringComparison.Ordinal));

    [GeneratedRegex(@"\b(AlipayHk|Content|Recoverability|Signing|Ledger|Catalog|Resync|Queues|Schedules|ServiceBus|Api|Webhook)(:\w+)+")]
    private static partial Regex SettingName();
}

/// <summary>The host cannot start with these settings.</summary>
public sealed class InvalidSettingsException(IReadOnlyList<string> faults)
    : Exception($"The app cannot start: {faults.Count} of its settings {(faults.Count == 1 ? "is" : "are")} missing or wrong.{string.Concat(faults.Select(fault => $"{Environment.NewLine}- {fault}"))}")
{
    /// <summary>One sentence or more for each, with the setting's name as it is written in app settings.</summary>
    public IReadOnlyList<string> Faults { get; } = faults;
}
