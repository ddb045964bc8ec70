using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace ContentSync.Http.Webhooks;

/// <summary>The public keys with which Microsoft Entra ID signs the tokens of a tenant.</summary>
public interface IEntraKeys
{
    /// <summary>The keys; cached.</summary>
    /// <exception cref="EntraKeysUnavailableException">They were never read, and cannot be read now.</exception>
    ValueTask<IReadOnlyCollection<SecurityKey>> ReadAsync(CancellationToken cancellationToken);

    /// <summary>A token names a key that is not among them: reads them again soon, at most every five minutes.</summary>
    void RequestRefresh();
}

/// <summary>The keys of Microsoft Entra ID cannot be read.</summary>
public sealed class EntraKeysUnavailableException(string message, Exception innerException) : Exception(message, innerException);

/// <summary>Reads the keys from the tenant's OpenID Connect metadata, and again once a day.</summary>
public sealed class EntraKeys(WebhookOptions options) : IEntraKeys
{
    private readonly ConfigurationManager<OpenIdConnectConfiguration> _configuration = new(
        $"https://login.microsoftonline.com/{options.EventGrid.TenantId}/v2.0/.well-known/openid-configuration",
        new OpenIdConnectConfigurationRetriever(),
        new HttpDocumentRetriever { RequireHttps = true });

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyCollection<SecurityKey>> ReadAsync(CancellationToken cancellationToken)
    {
        try
        {
            var configuration = await _configuration.GetConfigurationAsync(cancellationToken).ConfigureAwait(false);
            return [.. configuration.SigningKeys];
        }
        catch (Exception e) when (e is InvalidOperationException or IOException or HttpRequestException)
        {
            throw new EntraKeysUnavailableException(
                "The keys of Microsoft Entra ID cannot be read. Check Webhook:EventGrid:TenantId, and that the app may connect to "
                + "login.microsoftonline.com.",
                e);
        }
    }

    /// <inheritdoc/>
    public void RequestRefresh() => _configuration.RequestRefresh();
}
