using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ContentSync.Functions;

/// <summary>Settings of earlier versions: old names still work, and removed ones are ignored, with a warning at start.</summary>
internal static class RenamedSettings
{
    private static readonly (string Old, string New)[] Names =
    [
        ("AlipayHk:PartnerKeys", "AlipayHk:PublicKeys"),
        ("AlipayHk:AttemptTimeout", "AlipayHk:RequestTimeout"),
        ("AlipayHk:QuickRetries", "AlipayHk:ImmediateRetries"),
        ("AlipayHk:NewRequestIdPerAttempt", "AlipayHk:NewRequestIdPerRequest"),
        ("Recoverability:SettleTime", "Recoverability:LateEffectWindow"),
        ("Recoverability:SigningPause", "Recoverability:SigningRetryDelay"),
    ];

    private static readonly (string Name, string Reason)[] Removed =
    [
        ("Content:MaxOccurredAtAhead", "A time more than five minutes ahead of the clock now counts as the time of receipt."),
    ];

    /// <summary>Gives every value that stands under an old name its new name. Where both are set, the new one wins.</summary>
    /// <param name="configuration">The settings as they were given.</param>
    /// <param name="warnings">Receives a sentence for each old name that is set.</param>
    public static IConfiguration Apply(IConfiguration configuration, ICollection<string> warnings)
    {
        foreach (var (name, reason) in Removed)
        {
            if (!configuration.GetSection(name).Exists()) continue;
            warnings.Add($"The setting {AsAppSetting(name)} has no effect any more. {reason} Remove it.");
        }

        var renamed = new Dictionary<string, string?>();
        foreach (var (oldName, newName) in Names)
        {
            var old = configuration.GetSection(oldName);
            if (!old.Exists()) continue;
            var isReplaced = configuration.GetSection(newName).Exists();
            warnings.Add($"The setting {AsAppSetting(oldName)} is now called {AsAppSetting(newName)}. "
                + $"{(isReplaced ? "Both are set, and the old one is ignored: remove it." : "The old name still works: rename it.")}");
            if (isReplaced) continue;
            foreach (var (key, value) in old.AsEnumerable().Where(pair => pair.Value is not null)) renamed[newName + key[oldName.Length..]] = value;
        }

        return renamed.Count == 0 ? configuration : new ConfigurationBuilder().AddConfiguration(configuration).AddInMemoryCollection(renamed).Build();
    }

    /// <summary>Whether a path is an old name that <see cref="Apply"/> replaces or warns about.</summary>
    public static bool IsOldName(string path) =>
        Names.Select(name => name.Old).Concat(Removed.Select(removed => removed.Name)).Contains(path, StringComparer.OrdinalIgnoreCase);

    private static string AsAppSetting(string key) => key.Replace(":", "__", StringComparison.Ordinal);
}

/// <summary>Logs at start what the settings are accepted with but should be changed.</summary>
internal sealed partial class SettingWarnings(HostSettings settings, ILogger<SettingWarnings> logger) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var warning in settings.Warnings) LogWarning(warning);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(EventId = 3401, Level = LogLevel.Warning, Message = "{Warning}")]
    private partial void LogWarning(string warning);
}
