using System.Collections.Frozen;
using System.Reflection;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace ContentSync.Http.Pages;

/// <summary>
/// Serves the API's pages and their files, which are embedded in the library. They hold no data: they fetch it from the API, with the
/// viewer's key.
/// </summary>
public sealed class PageFilesHandler
{
    private const string Prefix = "ContentSync.Http.Pages.";

    private readonly FrozenDictionary<string, PageFile> _files = Assembly.GetExecutingAssembly().GetManifestResourceNames()
        .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal))
        .ToFrozenDictionary(name => name[Prefix.Length..], Read, StringComparer.Ordinal);

    /// <summary>The names of all files.</summary>
    public IEnumerable<string> Names => _files.Keys;

    /// <returns>200, 304 if the caller's copy (If-None-Match) is current, or 404.</returns>
    public Task<IResult> HandleAsync(HttpRequest request, string name, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (!_files.TryGetValue(name, out var file))
            return Task.FromResult<IResult>(Problem.Of(StatusCodes.Status404NotFound, "No such file.", "The pages have no file with this name."));
        SecurityHeaders.Apply(request.HttpContext.Response);
        request.HttpContext.Response.Headers.CacheControl = "no-cache";
        return Task.FromResult(Results.Bytes(file.Bytes, file.ContentType, entityTag: file.Tag));
    }

    private static PageFile Read(string resource)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(resource)!;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        var contentType = Path.GetExtension(resource) switch
        {
            ".html" => "text/html; charset=utf-8",
            ".css" => "text/css; charset=utf-8",
            ".js" => "text/javascript; charset=utf-8",
            ".svg" => "image/svg+xml",
            _ => "application/json",
        };
        var hash = Convert.ToHexStringLower(SHA256.HashData(bytes).AsSpan(0, 12));
        return new PageFile(bytes, contentType, new EntityTagHeaderValue($"\"{hash}\""));
    }

    private sealed record PageFile(byte[] Bytes, string ContentType, EntityTagHeaderValue Tag);
}
