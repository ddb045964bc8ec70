using Azure.Core;
using Azure.Identity;
using Microsoft.Extensions.Configuration;

namespace ContentSync.Functions;

/// <summary>
/// Who the app is to Azure, for every service it calls: in Azure a user-assigned managed identity, named by its client id so that
/// no other identity of the app is taken by accident; on a developer's machine the developer.
/// </summary>
/// <param name="ClientId">Null on a developer's machine.</param>
/// <param name="RunsInAzure">The platform says that it runs there.</param>
public sealed record AzureIdentity(string? ClientId, bool RunsInAzure)
{
    /// <summary>Setting with the client id of the user-assigned identity.</summary>
    public const string ClientIdSetting = "AZURE_CLIENT_ID";

    // Set by the platform, and not by Core Tools.
    private const string SiteNameSetting = "WEBSITE_SITE_NAME";

    /// <summary>What is wrong with it.</summary>
    public IEnumerable<string> Faults
    {
        get
        {
            if (ClientId is null && RunsInAzure) yield return $"{ClientIdSetting} is missing. In Azure it must be the client id of the app's user-assigned managed identity.";
            if (ClientId is not null && !Guid.TryParse(ClientId, out _)) yield return $"{ClientIdSetting} is '{ClientId}'. It must be the client id of the app's user-assigned managed identity, a GUID.";
        }
    }

    public static AzureIdentity Read(IConfiguration configuration) => new(
        configuration[ClientIdSetting] is { Length: > 0 } clientId ? clientId : null,
        configuration[SiteNameSetting] is { Length: > 0 });

    /// <summary>Makes the credential. Nothing is asked of Azure before the first token is needed.</summary>
    public TokenCredential CreateCredential() => ClientId is { } clientId
        ? new ManagedIdentityCredential(ManagedIdentityId.FromUserAssignedClientId(clientId))
        : new DefaultAzureCredential(new DefaultAzureCredentialOptions
        {
            ExcludeEnvironmentCredential = true,
            ExcludeWorkloadIdentityCredential = true,
            ExcludeManagedIdentityCredential = true,
        });
}
