using System.Security.Cryptography;
using System.Text.Json;

namespace ContentSync.Content;

/// <summary>
/// Delisting by id: contentStatus 0 without contentInfo. AlipayHK has no delete operation and requires the whole item, so the ledger adds
/// the contentInfo that it holds.
/// </summary>
public static class Delisting
{
    /// <summary>Hash of every delisting by id.</summary>
    internal static readonly ContentHash HashWithoutInfo = new(SHA256.HashData("\n0\n"u8));

    /// <summary>Creates an item that delists <paramref name="contentId"/>, whatever the ledger holds of it.</summary>
    /// <param name="contentId">A valid contentId.</param>
    /// <param name="number">The caller's revision; null if it sent none.</param>
    /// <param name="occurredAt">The caller's occurredAt; null if it sent none.</param>
    public static ContentItem ById(string contentId, long? number = null, DateTimeOffset? occurredAt = null) => new()
    {
        ContentId = contentId,
        ContentType = "",
        ContentStatus = ContentStatus.Invalid,
        ContentInfo = default,
        Hash = HashWithoutInfo,
        Number = number,
        OccurredAt = occurredAt,
    };

    /// <summary>Adds the content that the ledger holds. Today's limits and schemas are not applied to it: it was accepted earlier.</summary>
    /// <param name="delisted">Created by <see cref="ById"/>.</param>
    /// <param name="contentType">As accepted earlier.</param>
    /// <param name="contentInfo">As accepted earlier: one JSON object in UTF-8.</param>
    /// <exception cref="JsonException"><paramref name="contentInfo"/> is not JSON.</exception>
    internal static ContentItem Complete(ContentItem delisted, string contentType, ReadOnlyMemory<byte> contentInfo)
    {
        var unlimited = new ContentOptions
        {
            MaxContentInfoBytes = int.MaxValue,
            MaxContentInfoDepth = int.MaxValue,
            MaxTextLength = int.MaxValue,
        };
        var form = new CanonicalForm(unlimited, new ViolationList());
        var json = new Utf8JsonReader(contentInfo.Span, new JsonReaderOptions { MaxDepth = int.MaxValue });
        json.Read();
        form.Read(ref json);
        return delisted with
        {
            ContentType = contentType,
            ContentInfo = contentInfo,
            Hash = form.Hash(delisted.ContentStatus, contentType),
        };
    }
}
