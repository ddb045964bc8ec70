using System.Security.Claims;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace ContentSync.Http.Webhooks;

/// <summary>
/// Verifies the tokens that Azure Event Grid sends with each delivery if the event subscription names an application of Microsoft Entra ID:
/// signed by the tenant, for that application, with Event Grid's role, and requested by Event Grid itself. Never throws because of what a
/// sender sends. Thread-safe.
/// </summary>
public sealed class EventGridTokens(WebhookOptions options, IEntraKeys keys, [FromKeyedServices(Clocks.Wall)] TimeProvider time)
{
    /// <summary>The role that the application must define and grant to Event Grid.</summary>
    public const string Role = "AzureEventGridSecureWebhookSubscriber";

    /// <summary>Application id of Azure Event Grid in the public cloud, the same in every tenant.</summary>
    public const string Application = "4962773b-9cdb-44cf-a8bf-237846a00ab7";

    private const string Scheme = "Bearer ";
    private const int MaxTokenLength = 16 * 1024;

    private readonly JsonWebTokenHandler _handler = new() { MapInboundClaims = false, MaximumTokenSizeInBytes = MaxTokenLength };

    /// <summary>Whether Event Grid may deliver here.</summary>
    public bool IsConfigured => options.EventGrid.TenantId is { Length: > 0 };

    /// <summary>Verifies the header Authorization.</summary>
    public async ValueTask<WebhookVerification> VerifyAsync(string? authorization, CancellationToken cancellationToken)
    {
        if (!IsConfigured || authorization is null || !authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            return WebhookVerification.InvalidToken;
        try
        {
            var signingKeys = await keys.ReadAsync(cancellationToken).ConfigureAwait(false);
            var result = await _handler.ValidateTokenAsync(authorization[Scheme.Length..].Trim(), Parameters(signingKeys)).ConfigureAwait(false);
            if (result.Exception is SecurityTokenSignatureKeyNotFoundException) keys.RequestRefresh();
            return result.IsValid && IsEventGrid(result.ClaimsIdentity) ? WebhookVerification.Valid : WebhookVerification.InvalidToken;
        }
        catch (EntraKeysUnavailableException)
        {
            return WebhookVerification.KeysUnavailable;
        }
    }

    private TokenValidationParameters Parameters(IEnumerable<SecurityKey> signingKeys)
    {
        var (tenant, application) = (options.EventGrid.TenantId, options.EventGrid.ApplicationId);
        return new TokenValidationParameters
        {
            // Tokens of version 1.0 and 2.0: the application's registration decides which it gets.
            ValidIssuers = [$"https://sts.windows.net/{tenant}/", $"https://login.microsoftonline.com/{tenant}/v2.0"],
            ValidAudiences = [application, $"api://{application}"],
            ValidAlgorithms = [SecurityAlgorithms.RsaSha256],
            IssuerSigningKeys = signingKeys,
            LifetimeValidator = (notBefore, expires, _, _) => IsAlive(notBefore, expires),
        };
    }

    private bool IsAlive(DateTime? notBefore, DateTime? expires)
    {
        var now = time.GetUtcNow().UtcDateTime;
        return expires is { } end && now < end + options.Tolerance && (notBefore is not { } start || start - options.Tolerance <= now);
    }

    private static bool IsEventGrid(ClaimsIdentity claims) =>
        claims.HasClaim("roles", Role) && (claims.FindFirst("azp") ?? claims.FindFirst("appid"))?.Value == Application;
}
