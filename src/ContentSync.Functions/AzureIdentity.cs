using Azure.Core;
using Azure.Identity;
using Microsoft.Extensions.Configuration;

namespace ContentSync.Functions;

/// <summary>
/// The app's identity for every Azure service that it calls. In Azure, a user-assigned managed identity, specified by its client id so
/// that no other identity of the app is used by accident; on a developer's machine, the developer's own.
/// </summary>
/// <param name="ClientId">Null on a developer's machine.</param>
/// <param name="RunsInAzure">Whether the app runs in Azure, according to the platform.</param>
public sealed record AzureIdentity(string? ClientId, bool RunsInAzure)
{
    /// <summary>Setting that holds the client id of the user-assigned identity.</summary>
    public const string ClientIdSetting = "AZURE_CLIENT_ID";

    // Set by the platform, but not by Core Tools.
    private const string SiteNameSetting = "WEBSITE_SITE_NAME";

    /// <summary>What is wrong with the settings; empty if they are valid.</summary>
    public IEnumerable<string> Faults
    {
        get
        {
            const string Expected = "the client id of the app's user-assigned managed identity";
            if (ClientId is null && RunsInAzure) yield return $"{ClientIdSetting} is missing. In Azure it must be {Expected}.";
            if (ClientId is not null && !Guid.TryParse(ClientId, out _))
                yield return $"{ClientIdSetting} is '{ClientId}'. It must be {Expected}, a GUID.";
        }
    }

    public static AzureIdentity Read(IConfiguration configuration) => new(
        configuration[ClientIdSetting] is { Length: > 0 } clientId ? clientId : null,
        configuration[SiteNameSetting] is { Length: > 0 });

    /// <summary>Creates the credential. It does not call Azure until the first token is needed.</summary>
    public TokenCredential CreateCredential() => ClientId is { } clientId
        ? new ManagedIdentityCredential(ManagedIdentityId.FromUserAssignedClientId(clientId))
        : new DefaultAzureCredential(new DefaultAzureCredentialOptions
        {
            ExcludeEnvironmentCredential = true,
            ExcludeWorkloadIdentityCredential = true,
            ExcludeManagedIdentityCredential = true,
        });
}
