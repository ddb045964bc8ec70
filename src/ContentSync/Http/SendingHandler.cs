using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using ContentSync.Budget;
using ContentSync.Content;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace ContentSync.Http;

/// <summary>
/// /api/sending: shows, pauses and resumes sending and sets its rate, for all instances. Each of them follows within ten seconds, and keeps to it
/// after a restart.
/// </summary>
public sealed class SendingHandler(SendSwitch sendSwitch, SendBudget budget, ContentOptions content)
{
    private const int MaxBodyBytes = 16 * 1024;
    private const string Title = "The request is not valid.";

    private const string NoLimit =
        "The app has no limit that could be lowered: set AlipayHk:MaxSendsPerSecond first, or start the local host with --rate.";

    /// <summary>GET /api/sending.</summary>
    /// <returns>200.</returns>
    public async Task<IResult> GetAsync(CancellationToken cancellationToken) =>
        State(await sendSwitch.CurrentAsync(cancellationToken).ConfigureAwait(false));

    /// <summary>POST /api/sending/pause.</summary>
    /// <returns>200, 400, 413 or 415 for an invalid body, 503 if the store is unavailable.</returns>
    public async Task<IResult> PauseAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        var (body, error) = await ReadAsync(
            request, ApiJson.Strict.PauseRequest, "contentType, reason and by", cancellationToken).ConfigureAwait(false);
        if (error is not null) return error;
        if (string.IsNullOrWhiteSpace(body!.Reason) || string.IsNullOrWhiteSpace(body.By))
            return Invalid("reason and by are missing: say why, and who you are. Everyone sees it.");
        if (body.Reason.Length > PauseRequest.MaxReasonLength || body.By.Length > PauseRequest.MaxNameLength)
            return Invalid($"reason may have {PauseRequest.MaxReasonLength} characters and by {PauseRequest.MaxNameLength}.");
        if (body.ContentType is { } type && !content.ContentTypes.Contains(type))
            return Invalid($"contentType is '{Excerpt.Of(type)}'; it must be one of {string.Join(", ", content.ContentTypes)}, or absent for all.");
        return await ChangeAsync(sendSwitch.PauseAsync(body.ContentType, body.Reason, body.By, cancellationToken)).ConfigureAwait(false);
    }

    /// <summary>POST /api/sending/resume.</summary>
    /// <returns>200, 400, 413 or 415 for an invalid body, 503 if the store is unavailable.</returns>
    public async Task<IResult> ResumeAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        var (body, error) = await ReadAsync(request, ApiJson.Strict.ResumeRequest, "contentType", cancellationToken).ConfigureAwait(false);
        return error ?? await ChangeAsync(sendSwitch.ResumeAsync(body!.ContentType, cancellationToken)).ConfigureAwait(false);
    }

    /// <summary>POST /api/sending/rate.</summary>
    /// <returns>200, 400, 413 or 415 for an invalid body, 503 if the store is unavailable.</returns>
    public async Task<IResult> SetRateAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        var (body, error) = await ReadAsync(request, ApiJson.Strict.SendRateRequest, "perSecond", cancellationToken).ConfigureAwait(false);
        if (error is not null) return error;
        if (budget.Ceiling is not { } ceiling) return Invalid(NoLimit);
        return body!.PerSecond is { } rate && !(rate >= SendRateRequest.MinPerSecond && rate <= ceiling)
            ? Invalid(FormattableString.Invariant(
                $"The rate must be from {SendRateRequest.MinPerSecond} to {ceiling} requests per second, the configured rate."))
            : await ChangeAsync(sendSwitch.SetRateAsync(body.PerSecond, cancellationToken)).ConfigureAwait(false);
    }

    private async Task<IResult> ChangeAsync(ValueTask<SharedSendState> change)
    {
        try
        {
            return State(await change.ConfigureAwait(false));
        }
        catch (SendStateUnavailableException e)
        {
            return Problem.Of(StatusCodes.Status503ServiceUnavailable, "The store is unavailable.", e.Message);
        }
    }

    private JsonHttpResult<SendingState> State(SharedSendState state) =>
        TypedResults.Json(
            SendingState.Of(state, budget.Ceiling) with { Budget = BudgetState.Of(sendSwitch, budget.Ceiling) }, ApiJson.Responses.SendingState);

    private static ProblemHttpResult Invalid(string detail) => Problem.Of(StatusCodes.Status400BadRequest, Title, detail);

    private static async ValueTask<(T? Body, IResult? Error)> ReadAsync<T>(
        HttpRequest request, JsonTypeInfo<T> type, string members, CancellationToken cancellationToken)
        where T : class
    {
        var (body, error) = await RequestBody.ReadAsync(request, MaxBodyBytes, cancellationToken).ConfigureAwait(false);
        if (error is not null) return (null, error);
        try
        {
            return (JsonSerializer.Deserialize(body.Span, type) ?? throw new JsonException("null is no request."), null);
        }
        catch (JsonException e)
        {
            return (null, Problem.Json(Title, e, members));
        }
    }
}

/// <summary>Stops sending until it is resumed.</summary>
/// <param name="Reason">Why; everyone sees it.</param>
/// <param name="By">Who pauses it.</param>
/// <param name="ContentType">The content type that is not sent; absent for all.</param>
public sealed record PauseRequest(
    [property: MaxLength(PauseRequest.MaxReasonLength)] string? Reason = null,
    [property: MaxLength(PauseRequest.MaxNameLength)] string? By = null,
    string? ContentType = null)
{
    internal const int MaxReasonLength = 500;
    internal const int MaxNameLength = 100;
}

/// <summary>Ends a pause.</summary>
/// <param name="ContentType">The content type whose pause ends; absent for the pause of all sending.</param>
public sealed record ResumeRequest(string? ContentType = null);

/// <summary>Sets the rate of all instances together.</summary>
/// <param name="PerSecond">Requests per second, at most the configured rate; absent for the configured rate.</param>
public sealed record SendRateRequest(double? PerSecond = null)
{
    internal const double MinPerSecond = 0.1;
}

/// <summary>Whether and how fast the app sends.</summary>
/// <param name="PerSecond">Requests per second of all instances together; absent without a limit.</param>
/// <param name="ConfiguredPerSecond">The configured rate, the highest that can be set; absent without a limit.</param>
/// <param name="Pauses">The pauses in force.</param>
/// <param name="Budget">How much of the rate is in use; absent without a limit.</param>
public sealed record SendingState(
    double? PerSecond, double? ConfiguredPerSecond, IReadOnlyList<PauseState> Pauses, BudgetState? Budget = null)
{
    internal static SendingState Of(SharedSendState state, double? ceiling) => new(
        ceiling is { } max ? Math.Min(max, state.Rate ?? max) : null, ceiling, PauseState.Of(state));
}

/// <summary>How much of the send budget is in use, by all instances together.</summary>
/// <param name="PerSecond">Requests per second that all instances together may send now.</param>
/// <param name="Instances">Instances that are sending, or want to.</param>
/// <param name="LeasedPerSecond">Requests per second that they hold.</param>
/// <param name="WantedPerSecond">Requests per second that they could use.</param>
/// <param name="Waiting">Callers that waited for their turn at the instances' last renewals, at most about ten seconds ago.</param>
public sealed record BudgetState(double PerSecond, int Instances, int LeasedPerSecond, int WantedPerSecond, int Waiting)
{
    internal static BudgetState? Of(SendSwitch sendSwitch, double? ceiling)
    {
        if (ceiling is not { } max || !sendSwitch.IsShared) return null;
        var (state, storeTime) = sendSwitch.KnownWithTime;
        var use = BudgetUse.Of(state, storeTime);
        return new BudgetState(Math.Min(max, state.Rate ?? max), use.Processes, use.Leased, use.Wanted, use.Waiting)
        {
            Vaults = VaultState.Of(state, storeTime),
        };
    }

    /// <summary>The vaults that sign, as the instances find them; empty while none is sending.</summary>
    public IReadOnlyList<VaultState> Vaults { get => field ?? []; init; }

    /// <summary>The figures in one sentence.</summary>
    internal string Sentence() => Instances == 0
        ? string.Create(CultureInfo.InvariantCulture, $"The send budget is {PerSecond:0.###} per second; no instance is sending.")
        : string.Create(
            CultureInfo.InvariantCulture,
            $"The send budget is {PerSecond:0.###} per second: {LeasedPerSecond} leased by {Wording.Count(Instances, "instance")}, "
            + $"which could use {WantedPerSecond}; {Wording.Count(Waiting, "caller waits", "callers wait")}.");
}

/// <summary>A vault that signs.</summary>
/// <param name="Vault">Its name.</param>
/// <param name="SignaturesPerSecond">Signatures per second that all instances together may request there.</param>
/// <param name="State">ok; throttled if it throttles an instance; down if no instance reaches it.</param>
public sealed record VaultState(
    string Vault,
    double SignaturesPerSecond,
    [property: AllowedValues(VaultStates.Ok, VaultStates.Throttled, VaultStates.Down)] string State)
{
    internal static IReadOnlyList<VaultState> Of(SharedSendState state, DateTimeOffset storeTime) =>
    [
        .. state.Holders
            .Where(holder => storeTime < holder.Expires)
            .SelectMany(holder => holder.Vaults ?? [])
            .GroupBy(vault => vault.Vault, StringComparer.Ordinal)
            .OrderBy(vault => vault.Key, StringComparer.Ordinal)
            .Select(vault => new VaultState(
                vault.Key,
                vault.Sum(use => use.PerSecond),
                vault.All(use => use.State() == VaultStates.Down) ? VaultStates.Down
                : vault.Any(use => use.State() != VaultStates.Ok) ? VaultStates.Throttled
                : VaultStates.Ok)),
    ];

    /// <summary>The figures in one sentence.</summary>
    internal string Sentence() =>
        string.Create(CultureInfo.InvariantCulture, $"Vault {Vault}: {SignaturesPerSecond:0.#} signatures per second, {State}.");
}

/// <summary>A pause in force.</summary>
/// <param name="ContentType">The content type that is not sent; absent for all.</param>
/// <param name="Reason">Why.</param>
/// <param name="By">Who paused it.</param>
/// <param name="Since">Since when.</param>
public sealed record PauseState(string? ContentType, string Reason, string By, DateTimeOffset Since)
{
    internal static IReadOnlyList<PauseState> Of(SharedSendState state) =>
    [
        .. state.Pauses.Where(pause => pause.Until is null).Select(pause => new PauseState(pause.ContentType, pause.Reason, pause.By, pause.Since)),
    ];

    /// <summary>The pause in one sentence.</summary>
    internal string Sentence() => $"{By} paused {(ContentType is { } type ? $"sending {type}" : "all sending")} at {Since:u}: {Reason}";
}
