using System.Globalization;
using System.Security.Cryptography;
using ContentSync.AlipayHk;
using ContentSync.Resync;
using ContentSync.Simulator;
using ContentSync.Synchronization;

namespace ContentSync.Local.Pipeline;

/// <summary>Makes the pipeline's settings from the command line and validates them by the same rules as in Azure.</summary>
internal static class LocalSettings
{
    /// <summary>Items of one lane on a page of a resync, when the rate is unlimited.</summary>
    public const int ItemsPerPack = 200;

    /// <summary>Max duration of a page of a resync, when the rate is limited.</summary>
    private static readonly TimeSpan MaxPageTime = TimeSpan.FromSeconds(4);

    /// <summary>Stands in for the address of the simulated AlipayHK, which picks its port when it starts.</summary>
    private static readonly Uri AnyLoopback = new("http://localhost");

    /// <exception cref="CommandException">A key file cannot be read, or settings are wrong; the message lists all of them.</exception>
    public static ContentSyncOptions Read(DataDirectory data, LocalOptions options)
    {
        var settings = new ContentSyncOptions
        {
            AlipayHk = new AlipayHkOptions
            {
                BaseAddress = options.Gateway ?? AnyLoopback,
                ClientId = options.ClientId,
                MaxSendsPerSecond = options.Rate,
                PublicKeys = [.. options.AlipayHkKeys.Select(key => AlipayHkKey(data, key))],
            },
            Content = options.Content,
            Recoverability = RecoverabilityOf(options),
            Resync = ResyncOptionsOf(options),
            Webhook = options.Webhook,
            Notifications = options.Notifications,
            PlanFolder = data.ResyncFolder,
        };
        if (settings.Faults(DisplayName) is not { Count: > 0 } faults) return settings;
        var invalid = new InvalidSettingsException(faults);
        throw new CommandException(invalid.Message, invalid);
    }

    /// <param name="file">The key file.</param>
    /// <param name="option">The option that names it.</param>
    /// <exception cref="CommandException">The file cannot be read.</exception>
    public static string ReadKey(string file, string option)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"The key file '{file}' ({option}) cannot be read: {e.Message}", e);
        }
    }

    // A setting without an option keeps its name.
    private static string DisplayName(string setting) => setting switch
    {
        "AlipayHk:BaseAddress" => "--gateway",
        "AlipayHk:ClientId" => "--client-id",
        "AlipayHk:MaxSendsPerSecond" or "Resync:SendsPerSecond" => "--rate",
        "Content:SchemaDirectory" => "--schemas",
        "Recoverability:LateEffectWindow" => "--late-effect-window",
        "Content:ContentTypes" => "--content-type",
        "Content:MaxContentIdLength" => "--max-content-id-length",
        "Content:MaxContentInfoBytes" => "--max-content-info-bytes",
        "Content:MaxContentInfoDepth" => "--max-content-info-depth",
        "Content:MaxTextLength" => "--max-text-length",
        "Content:MaxItemBytes" => "--max-item-bytes",
        "Content:RefusedVersions" => "--refused-versions",
        "Webhook:EventGrid:TenantId" => "--event-grid-tenant",
        "Webhook:EventGrid:ApplicationId" => "--event-grid-application",
        _ when setting.StartsWith("Notifications:Receivers:", StringComparison.Ordinal) =>
            setting.EndsWith(":Secret", StringComparison.Ordinal) ? "--notify-secret" : "--notify",
        _ when setting.StartsWith("AlipayHk:PublicKeys", StringComparison.Ordinal) => KeyOption(setting),
        _ when setting.StartsWith("Webhook:Secrets:", StringComparison.Ordinal) => "--webhook-secret",
        _ when setting.StartsWith("Webhook:ShopifySecrets:", StringComparison.Ordinal) => "--shopify-secret",
        _ when setting.StartsWith("Webhook:WooCommerceSecrets:", StringComparison.Ordinal) => "--woocommerce-secret",
        _ => setting,
    };

    // Here a pack is not a message, and a page takes as long as its slowest lane, so packs are large when the rate is unlimited. At a low rate
    // there are few lanes, so that they do not start with a burst that the rate limiter would delay, and packs are small, so that a page takes
    // seconds: progress is visible, and a cancelled run ends soon.
    public static ResyncOptions ResyncOptionsOf(LocalOptions options)
    {
        if (options.Rate is not { } rate) return new ResyncOptions { SendsPerSecond = 0, ItemsPerPack = ItemsPerPack };
        var resync = new ResyncOptions { SendsPerSecond = rate };
        resync.Lanes = (int)Math.Clamp(rate, 1, resync.Lanes);
        resync.ItemsPerPack = (int)Math.Clamp(rate * MaxPageTime.TotalSeconds / resync.Lanes, 1, resync.ItemsPerPack);
        return resync;
    }

    // Delays for interactive use; the library's defaults are hours. The last ones are needed only without a signed response, when AlipayHK may be
    // down for hours: a small shop has no other items to probe with, so that one item spends all its attempts. AlipayHK itself is given as long
    // as in the cloud.
    public static RecoverabilityOptions RecoverabilityOf(LocalOptions options)
    {
        var recoverability = new RecoverabilityOptions
        {
            BackOff =
            [
                TimeSpan.FromSeconds(1),
                TimeSpan.FromSeconds(2),
                TimeSpan.FromSeconds(5),
                TimeSpan.FromSeconds(10),
                TimeSpan.FromSeconds(20),
                TimeSpan.FromSeconds(40),
                TimeSpan.FromMinutes(2),
                TimeSpan.FromMinutes(10),
                TimeSpan.FromMinutes(30),
                TimeSpan.FromHours(1),
                TimeSpan.FromHours(2),
                TimeSpan.FromHours(6),
                TimeSpan.FromHours(15),
            ],
            ProbeInterval = TimeSpan.FromSeconds(5),
            SigningRetryDelay = TimeSpan.FromSeconds(1),
        };
        var simulated = options.Gateway is null ? SimulatedGateway.MaxLateEffect : (TimeSpan?)null;
        if ((options.LateEffectWindow ?? simulated) is { } window) recoverability.LateEffectWindow = window;
        return recoverability;
    }

    // AlipayHk:PublicKeys:1:KeyVersion is the second --alipayhk-key-version.
    private static string KeyOption(string setting)
    {
        var option = setting.EndsWith(":KeyVersion", StringComparison.Ordinal) ? "--alipayhk-key-version" : "--alipayhk-key";
        return setting.Split(':') is [_, _, var index, ..] && int.TryParse(index, CultureInfo.InvariantCulture, out var number) && number > 0
            ? string.Create(CultureInfo.InvariantCulture, $"{option} (number {number + 1})")
            : option;
    }

    private static AlipayHkKeyOptions AlipayHkKey(DataDirectory data, AlipayHkKeyFile key) => new()
    {
        KeyVersion = key.KeyVersion,
        PublicKey = key.File is { } file ? ReadKey(file, "--alipayhk-key") : SimulatedKey(data),
    };

    private static string SimulatedKey(DataDirectory data)
    {
        using var simulated = RSA.Create();
        simulated.ImportFromPem(ReadKey(data.SimulatedPrivateKeyFile, "--data"));
        return simulated.ExportSubjectPublicKeyInfoPem();
    }
}
