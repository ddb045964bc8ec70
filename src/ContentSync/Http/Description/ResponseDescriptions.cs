using Microsoft.AspNetCore.Http;

namespace ContentSync.Http.Description;

/// <summary>The responses that several operations have.</summary>
internal static class ResponseDescriptions
{
    public static ResponseDescription BadRequest { get; } =
        Shared(nameof(BadRequest), StatusCodes.Status400BadRequest, "Invalid request. detail and errors say what is wrong.");

    public static ResponseDescription Unauthorized { get; } =
        new(StatusCodes.Status401Unauthorized, "The key is missing or wrong.", null) { SharedName = nameof(Unauthorized) };

    public static ResponseDescription NotFound { get; } = Shared(nameof(NotFound), StatusCodes.Status404NotFound, "No such item.");

    public static ResponseDescription Conflict { get; } =
        Shared(nameof(Conflict), StatusCodes.Status409Conflict, "The item's state or a newer revision does not allow it.");

    public static ResponseDescription TooLarge { get; } =
        Shared(nameof(TooLarge), StatusCodes.Status413PayloadTooLarge, "The body exceeds the limit.");

    public static ResponseDescription UnsupportedMediaType { get; } =
        Shared(nameof(UnsupportedMediaType), StatusCodes.Status415UnsupportedMediaType, "The media type is not JSON in UTF-8.");

    public static ResponseDescription Unavailable { get; } = Shared(
        nameof(Unavailable),
        StatusCodes.Status503ServiceUnavailable,
        "Temporarily unavailable, or not synchronized yet. Retry-After says when to retry, if known.");

    public static ResponseDescription NoSuchRun { get; } =
        Shared(nameof(NoSuchRun), StatusCodes.Status404NotFound, "No such run, or it is no longer kept.");

    public static ResponseDescription NoSecret { get; } =
        Shared(nameof(NoSecret), StatusCodes.Status404NotFound, "No secret is configured.");

    public static ResponseDescription NoDeadLetters { get; } = Shared(
        nameof(NoDeadLetters), StatusCodes.Status404NotFound, "No such message, or this host has no dead-letter queue, as the local host.");

    /// <summary>What is wrong with a JSON body.</summary>
    public static IReadOnlyList<ResponseDescription> InvalidBody { get; } = [BadRequest, TooLarge, UnsupportedMediaType];

    public static ResponseDescription Json<T>(int status, string text) => new(status, text, typeof(T));

    private static ResponseDescription Shared(string name, int status, string text) => Json<ProblemBody>(status, text) with { SharedName = name };
}
