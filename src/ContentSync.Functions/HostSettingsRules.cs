using System.Text.RegularExpressions;
using Azure.Security.KeyVault.Keys;
using ContentSync.AlipayHk;
using ContentSync.Signing;

namespace ContentSync.Functions;

/// <summary>
/// Validates the settings that only this host has; <see cref="ContentSyncOptions"/> validates the others. Each fault names its setting and says
/// what would be right.
/// </summary>
internal static partial class HostSettingsRules
{
    public static IEnumerable<string> FaultsOf(HostSettings settings) =>
    [
        .. SigningFaults(settings.Signing, settings.AlipayHk),
        .. LedgerFaults(settings.Ledger),
        .. CatalogFaults(settings),
        .. QueueFaults(settings),
        .. ScheduleFaults(settings.Schedules),
        .. settings.Identity.Faults,
    ];

    private static IEnumerable<string> SigningFaults(SigningOptions options, AlipayHkOptions alipayHk)
    {
        const string Keys = $"{SigningOptions.Section}:{nameof(SigningOptions.Keys)}";
        if (options.Keys.Count == 0)
        {
            yield return $"{Keys}:0:{nameof(SigningKeyOptions.KeyId)} is missing. It must be a key id with version, "
                + "https://VAULT.vault.azure.net/keys/NAME/VERSION.";
        }

        if (options.Keys.Count > SigningOptions.MaxKeys)
            yield return $"{Keys} has {options.Keys.Count} entries; at most {SigningOptions.MaxKeys} are allowed.";
        for (var i = 0; i < options.Keys.Count; i++)
        {
            var key = options.Keys[i];
            if (!IsVersionedKeyId(key.KeyId))
            {
                yield return $"{Keys}:{i}:{nameof(SigningKeyOptions.KeyId)} is '{key.KeyId}'. It must be a key id with version, "
                    + "https://VAULT.vault.azure.net/keys/NAME/VERSION: without a version the vault would switch keys "
                    + "automatically.";
            }

            if (!KeyVersionText.IsValid(key.KeyVersion))
                yield return $"{Keys}:{i}:{nameof(SigningKeyOptions.KeyVersion)} is missing or wrong. {KeyVersionText.Rule}";
            if (options.Keys.Take(i).Any(other => other.KeyId == key.KeyId && key.KeyId.Length > 0))
                yield return $"{Keys}:{i}:{nameof(SigningKeyOptions.KeyId)} repeats an earlier entry.";
        }

        if (options.NetworkTimeout < TimeSpan.FromSeconds(1) || options.NetworkTimeout >= alipayHk.RequestTimeout / 2)
            yield return $"{SigningOptions.Section}:{nameof(SigningOptions.NetworkTimeout)} must be at least 1 second and shorter "
                + $"than half of {AlipayHkOptions.Section}:{nameof(AlipayHkOptions.RequestTimeout)} "
                + $"({alipayHk.RequestTimeout}), which must cover both the wait for a turn and the call to the vault.";
        if (options.SignaturesPerSecond is < 1 or > 2000)
            yield return $"{SigningOptions.Section}:{nameof(SigningOptions.SignaturesPerSecond)} must be from 1 to 2000; a vault gives 400.";
    }

    private static bool IsVersionedKeyId(string keyId) =>
        Uri.TryCreate(keyId, UriKind.Absolute, out var id)
        && id.Scheme == Uri.UriSchemeHttps
        && KeyVaultKeyIdentifier.TryCreate(id, out var identifier)
        && identifier.SourceId.Segments is [_, "keys/", _, _]
        && !string.IsNullOrEmpty(identifier.Version);

    private static IEnumerable<string> LedgerFaults(LedgerOptions options)
    {
        if (!IsSafe(options.TableEndpoint))
            yield return $"{LedgerOptions.Section}:{nameof(LedgerOptions.TableEndpoint)} is missing or wrong. It must be "
                + "https://ACCOUNT.table.core.windows.net, without a key or signature.";
        if (!TableName().IsMatch(options.TableName))
            yield return $"{LedgerOptions.Section}:{nameof(LedgerOptions.TableName)} must be 3 to 63 letters and digits and begin with a letter.";
    }

    private static IEnumerable<string> CatalogFaults(HostSettings settings)
    {
        if (settings.Catalog.ContainerUri is { } catalog && !IsContainer(catalog))
            yield return $"{CatalogOptions.Section}:{nameof(CatalogOptions.ContainerUri)} is '{catalog.OriginalString}'. It must be "
                + "https://ACCOUNT.blob.core.windows.net/CONTAINER, without a key or signature; omit the setting if there is "
                + "no catalog.";
        if (!IsContainer(settings.ResyncState.StateContainerUri))
            yield return $"{ResyncStateOptions.Section}:{nameof(ResyncStateOptions.StateContainerUri)} is missing or wrong. It must "
                + "be https://ACCOUNT.blob.core.windows.net/CONTAINER, without a key or signature.";
        else if (settings.Catalog.ContainerUri == settings.ResyncState.StateContainerUri)
            yield return $"{ResyncStateOptions.Section}:{nameof(ResyncStateOptions.StateContainerUri)} must be a different container "
                + $"from {CatalogOptions.Section}:{nameof(CatalogOptions.ContainerUri)}, whose newest blob is the catalog.";
        if (!TableName().IsMatch(settings.ResyncState.LaneTableName))
            yield return $"{ResyncStateOptions.Section}:{nameof(ResyncStateOptions.LaneTableName)} must be 3 to 63 letters and "
                + "digits and begin with a letter.";
        else if (settings.ResyncState.LaneTableName.Equals(settings.Ledger.TableName, StringComparison.OrdinalIgnoreCase))
            yield return $"{ResyncStateOptions.Section}:{nameof(ResyncStateOptions.LaneTableName)} must be a different table from "
                + $"{LedgerOptions.Section}:{nameof(LedgerOptions.TableName)}.";
    }

    private static IEnumerable<string> ScheduleFaults(ScheduleOptions options)
    {
        if (!SettingsChecks.IsSchedule(options.Resync))
            yield return $"{ScheduleOptions.ResyncSetting} is missing or wrong. It must be an NCRONTAB expression with six fields, "
                + "such as 0 0 19 * * * for every day at 19:00 UTC.";
        if (!SettingsChecks.IsSchedule(options.Sweep))
            yield return $"{ScheduleOptions.SweepSetting} is missing or wrong. It must be an NCRONTAB expression with six fields, "
                + "such as 0 */5 * * * * for every five minutes.";
    }

    // Plain HTTP is allowed only to this machine, and addresses must not contain secrets.
    private static bool IsSafe(Uri? address) =>
        address is { IsAbsoluteUri: true, Query.Length: 0 }
        && (address.Scheme == Uri.UriSchemeHttps || (address.Scheme == Uri.UriSchemeHttp && address.IsLoopback));

    private static bool IsContainer(Uri? address) => IsSafe(address) && address!.AbsolutePath.Trim('/').Length > 0;

    private static IEnumerable<string> QueueFaults(HostSettings settings)
    {
        if (settings.Queues.Content.Length == 0) yield return $"{QueueOptions.ContentSetting} is missing. It must be the name of the content queue.";
        if (settings.Queues.Resync.Length == 0)
            yield return $"{QueueOptions.ResyncSetting} is missing. It must be the name of the resync queue, which has sessions.";
        if (settings.ServiceBus.EmulatorConnectionString is { Length: > 0 } connection)
        {
            if (!connection.Contains(ServiceBusOptions.EmulatorMark, StringComparison.OrdinalIgnoreCase))
                yield return $"{ServiceBusOptions.Section} holds a connection string. Only the emulator's "
                    + $"({ServiceBusOptions.EmulatorMark}) is accepted; in Azure set {ServiceBusFullName} and let the "
                    + "identity sign in.";
        }
        else if (Uri.CheckHostName(settings.ServiceBus.FullyQualifiedNamespace) != UriHostNameType.Dns)
        {
            yield return $"{ServiceBusFullName} is missing or wrong. It must be NAMESPACE.servicebus.windows.net, without sb:// and without a key.";
        }
    }

    // Spelled as the Functions host spells it in identity-based connections.
    private static string ServiceBusFullName => $"{ServiceBusOptions.Section}:fullyQualifiedNamespace";

    [GeneratedRegex("^[A-Za-z][A-Za-z0-9]{2,62}$")]
    private static partial Regex TableName();
}
