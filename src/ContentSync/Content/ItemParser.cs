using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace ContentSync.Content;

/// <summary>Parses items one after another and reuses its buffers. Not thread-safe; <see cref="ContentReader"/> pools parsers.</summary>
internal sealed class ItemParser
{
    private const string KnownMembers = "contentId, contentType, contentStatus, contentInfo, revision, occurredAt";

    // The ledger decides by the same limit (VersionOrder.MaxAhead).
    private static readonly TimeSpan MaxAhead = TimeSpan.FromMinutes(5);

    // CanonicalForm checks the depth, to report limit and depth. The JSON reader needs only one bit per level and no stack.
    private static readonly JsonReaderOptions AnyDepth = new() { MaxDepth = int.MaxValue };

    private readonly ContentOptions _options;
    private readonly TimeProvider _timeProvider;
    private readonly ContentSchemas? _schemas;
    private readonly (string Name, byte[] Utf8)[] _contentTypes;
    private readonly ViolationList _violations = new();
    private readonly CanonicalForm _contentInfo;
    private readonly string _typeExpectation;
    private byte[] _decoded = new byte[256];
    private byte[] _contentInfoText = [];
    private byte[] _contentIdText = new byte[64];

    private Members _seen;

    // Length of the contentId in UTF-8; -1 if it cannot be shown in reports.
    private int _contentIdLength;
    private string? _contentType;
    private ContentStatus? _contentStatus;
    private long? _number;
    private DateTimeOffset? _occurredAt;
    private DateTimeOffset _receivedAt;
    private bool _contentInfoIsValid;
    private bool _isDelistingById;
    private List<ContentViolation>? _warnings;

    // Length of the decoded text if contentInfo is a string; -1 if it is an object.
    private int _contentInfoTextLength;

    public ItemParser(ContentOptions options, TimeProvider timeProvider, ContentSchemas? schemas)
    {
        _options = options;
        _timeProvider = timeProvider;
        _schemas = schemas;
        _contentTypes = [.. options.ContentTypes.Select(name => (name, Encoding.UTF8.GetBytes(name)))];
        _typeExpectation = options.ContentTypes.Count == 1
            ? $"the string {options.ContentTypes[0]}"
            : $"one of the strings {string.Join(", ", options.ContentTypes)}";
        _contentInfo = new CanonicalForm(options, _violations);
    }

    [Flags]
    private enum Members
    {
        None = 0,
        ContentId = 1,
        ContentType = 2,
        ContentStatus = 4,
        ContentInfo = 8,
        Revision = 16,
        OccurredAt = 32,
    }

    /// <summary>Size of the buffers in bytes.</summary>
    public int BufferBytes => _decoded.Length + _contentInfoText.Length + _contentIdText.Length + _contentInfo.Capacity;

    private string? ContentId => _contentIdLength < 0 ? null : Encoding.UTF8.GetString(ContentIdText);

    private ReadOnlySpan<byte> ContentIdText => _contentIdText.AsSpan(0, _contentIdLength);

    public ContentReadResult Read(ReadOnlySpan<byte> item, DateTimeOffset receivedAt = default)
    {
        _receivedAt = receivedAt;
        if (item.Length > _options.MaxItemBytes) return ContentReader.TooLarge(item.Length, _options.MaxItemBytes);
        return IsValid(item) ? Accepted() : Refused();
    }

    /// <summary>Validates an item exactly like <see cref="Read"/>, but returns only what shows whether it differs from the ledger.</summary>
    /// <returns>False if the item is refused; then <paramref name="refused"/> equals the result of <see cref="Read"/>.</returns>
    public bool TryDigest(ReadOnlySpan<byte> item, out ContentDigest digest, out ContentReadResult refused)
    {
        digest = default;
        refused = default;
        if (item.Length > _options.MaxItemBytes) refused = ContentReader.TooLarge(item.Length, _options.MaxItemBytes);
        else if (!IsValid(item)) refused = Refused();
        else digest = new ContentDigest(ContentIdText, Hash(), _contentStatus!.Value, _number, _occurredAt) { IsDelistingById = _isDelistingById };
        return refused.Violations is null;
    }

    private bool IsValid(ReadOnlySpan<byte> item)
    {
        Clear();
        if (item.StartsWith(Encoding.UTF8.Preamble)) item = item[Encoding.UTF8.Preamble.Length..];
        if (!Utf8.IsValid(item))
        {
            ReportInvalidUtf8(item);
            return false;
        }

        try
        {
            ReadDocument(item);
        }
        catch (JsonException malformed)
        {
            _violations.Add("", ViolationCodes.MalformedJson, $"The item is not valid JSON {JsonFault.Of(item, malformed)}");
        }

        if (_contentInfoIsValid && _contentType is not null)
            _schemas?.Check(_contentType, _contentInfo.Text, _violations);
        if (_contentStatus == ContentStatus.Invalid && _contentIdLength >= 0) DelistById();
        return _violations.Count == 0;
    }

    // A delisting must not fail because of contentInfo: the ledger has the one that was accepted last.
    private void DelistById()
    {
        if (_violations.IsOnlyContentInfo)
        {
            Warn("/contentInfo", WarningCodes.ContentInfoIgnored, "contentInfo is not valid; the item is delisted with the one accepted last.");
            _warnings!.AddRange(_violations.Take());
            _contentInfoIsValid = false;
        }

        _isDelistingById = !_contentInfoIsValid || _contentType is null || _contentInfo.IsEmpty;
    }

    private void Warn(string pointer, string code, string message) => (_warnings ??= []).Add(new ContentViolation(pointer, code, message));

    private ContentHash Hash() =>
        _isDelistingById ? Delisting.HashWithoutInfo : _contentInfo.Hash(_contentStatus!.Value, _contentType!);

    private void Clear()
    {
        _seen = Members.None;
        _contentIdLength = -1;
        _contentType = null;
        _contentStatus = null;
        _isDelistingById = false;
        _number = null;
        _occurredAt = null;
        _contentInfoIsValid = false;
        _contentInfoTextLength = -1;
        _warnings = null;
    }

    private ContentReadResult Refused() => new(null, _violations.Take(), ContentId)
    {
        Warnings = _warnings ?? [],
        RefusedNumber = _number,
        RefusedOccurredAt = _number is null ? _occurredAt : null,
    };

    private ContentReadResult Accepted()
    {
        var contentId = ContentId!;
        var item = new ContentItem
        {
            ContentId = contentId,
            ContentType = _contentType ?? "",
            ContentStatus = _contentStatus!.Value,
            // Before the hash, because hashing sorts the members.
            ContentInfo = ContentInfo(),
            Hash = Hash(),
            Number = _number,
            OccurredAt = _occurredAt,
        };
        return new ContentReadResult(item, [], contentId) { Warnings = _warnings ?? [] };
    }

    private byte[] ContentInfo()
    {
        if (_isDelistingById) return [];
        return _contentInfoTextLength < 0 ? _contentInfo.Text.ToArray() : _contentInfoText[.._contentInfoTextLength];
    }

    private void ReadDocument(ReadOnlySpan<byte> item)
    {
        var reader = new Utf8JsonReader(item, AnyDepth);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            var kind = Kind(ref reader);
            _violations.Add("", ViolationCodes.WrongType, $"An item must be a JSON object with the members {KnownMembers}, not {kind}.");
            return;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName) ReadMember(ref reader);
        reader.Read();
        ReportMissing();
    }

    private void ReadMember(ref Utf8JsonReader reader)
    {
        var member = Known(ref reader);
        if (member == Members.None || (_seen & member) != 0)
        {
            ReportUnexpected(ref reader, member);
            reader.Read();
            reader.Skip();
            return;
        }

        _seen |= member;
        reader.Read();
        switch (member)
        {
            case Members.ContentId: ReadContentId(ref reader); break;
            case Members.ContentType: ReadContentType(ref reader); break;
            case Members.ContentStatus: ReadContentStatus(ref reader); break;
            case Members.ContentInfo: ReadContentInfo(ref reader); break;
            case Members.Revision: ReadRevision(ref reader); break;
            default: ReadOccurredAt(ref reader); break;
        }
    }

    private Members Known(ref Utf8JsonReader reader)
    {
        // ValueTextEquals would throw for a lone surrogate.
        var name = reader.ValueIsEscaped ? Decode(reader.ValueSpan, out _) : reader.ValueSpan;
        if (name.SequenceEqual("contentId"u8)) return Members.ContentId;
        if (name.SequenceEqual("contentType"u8)) return Members.ContentType;
        if (name.SequenceEqual("contentStatus"u8)) return Members.ContentStatus;
        if (name.SequenceEqual("contentInfo"u8)) return Members.ContentInfo;
        if (name.SequenceEqual("revision"u8)) return Members.Revision;
        return name.SequenceEqual("occurredAt"u8) ? Members.OccurredAt : Members.None;
    }

    private void ReportUnexpected(ref Utf8JsonReader reader, Members member)
    {
        var name = Encoding.UTF8.GetString(Decode(reader.ValueSpan, out _));
        var pointer = JsonPointer.Of("", name);
        if (member == Members.None)
        {
            _violations.Add(
                pointer,
                ViolationCodes.UnknownMember,
                $"An item has no member '{Excerpt.Of(name)}'; the members are {KnownMembers}.");
        }
        else
        {
            _violations.Add(
                pointer,
                ViolationCodes.DuplicateMember,
                $"The member '{name}' occurs more than once in the item; keep one.");
        }
    }

    private void ReadContentId(ref Utf8JsonReader reader)
    {
        const string Pointer = "/contentId";
        if (!IsString(ref reader, Pointer, "a string with your id of the item")) return;
        var text = Decode(reader.ValueSpan, out var wellFormed);
        if (!wellFormed)
        {
            _violations.Add(Pointer, ViolationCodes.LoneSurrogate, CanonicalForm.LoneSurrogateMessage);
            return;
        }

        // Printable ASCII is valid without a check of each character.
        if (text.Length > 0 && text.Length <= _options.MaxContentIdLength && text.IndexOfAnyExceptInRange((byte)'!', (byte)'~') < 0)
            Keep(text);
        else
            CheckContentId(text);
    }

    private void CheckContentId(ReadOnlySpan<byte> text)
    {
        const string Pointer = "/contentId";
        var contentId = Encoding.UTF8.GetString(text);
        if (string.IsNullOrWhiteSpace(contentId))
        {
            _violations.Add(Pointer, ViolationCodes.InvalidContentId, "contentId must not be empty or blank.");
            return;
        }

        var isPrintable = true;
        if (contentId.Length > _options.MaxContentIdLength)
        {
            isPrintable = false;
            _violations.Add(Pointer, ViolationCodes.InvalidContentId, string.Create(
                CultureInfo.InvariantCulture,
                $"contentId has {contentId.Length:N0} characters; the limit is {_options.MaxContentIdLength:N0} (MaxContentIdLength)."));
        }

        var control = contentId.AsSpan().IndexOfAnyInRange('\u0000', '\u001F');
        if (control < 0) control = contentId.AsSpan().IndexOfAnyInRange('\u007F', '\u009F');
        if (control >= 0)
        {
            isPrintable = false;
            _violations.Add(Pointer, ViolationCodes.InvalidContentId, string.Create(
                CultureInfo.InvariantCulture,
                $"contentId must not contain control characters; character {control + 1} is U+{(int)contentId[control]:X4}."));
        }

        if (!isPrintable) return;
        Keep(text);
        foreach (var warning in ContentIdWarnings.Of(contentId) ?? []) (_warnings ??= []).Add(warning);
    }

    private void Keep(ReadOnlySpan<byte> contentId)
    {
        if (_contentIdText.Length < contentId.Length) _contentIdText = new byte[contentId.Length];
        contentId.CopyTo(_contentIdText);
        _contentIdLength = contentId.Length;
    }

    private void ReadContentType(ref Utf8JsonReader reader)
    {
        const string Pointer = "/contentType";
        if (!IsString(ref reader, Pointer, _typeExpectation)) return;
        var text = Decode(reader.ValueSpan, out _);
        foreach (var (name, utf8) in _contentTypes)
        {
            if (!text.SequenceEqual(utf8)) continue;
            _contentType = name;
            return;
        }

        _violations.Add(
            Pointer,
            ViolationCodes.UnknownContentType,
            $"contentType must be {_typeExpectation}, spelled exactly like this, not '{Excerpt.Of(text)}'.");
    }

    private void ReadContentStatus(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.Number && reader.ValueSpan is [(byte)'0' or (byte)'1'])
        {
            _contentStatus = (ContentStatus)(reader.ValueSpan[0] - '0');
            return;
        }

        _violations.Add(
            "/contentStatus",
            ViolationCodes.InvalidContentStatus,
            $"contentStatus must be the JSON number 0 (delisted) or 1 (listed), without quotes or decimals, not {Kind(ref reader)}.");
        reader.Skip();
    }

    private void ReadContentInfo(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.StartObject)
        {
            var before = _violations.Count;
            _contentInfo.Read(ref reader);
            CheckSize(_contentInfo.Text.Length);
            _contentInfoIsValid = _violations.Count == before;
            return;
        }

        if (reader.TokenType == JsonTokenType.String)
        {
            ReadContentInfoText(reader.ValueSpan);
            return;
        }

        _violations.Add(
            "/contentInfo",
            ViolationCodes.WrongType,
            $"contentInfo must be a JSON object, or a string that contains one, not {Kind(ref reader)}.");
        reader.Skip();
    }

    private void ReadContentInfoText(ReadOnlySpan<byte> raw)
    {
        const string Pointer = "/contentInfo";
        var before = _violations.Count;
        if (_contentInfoText.Length < raw.Length) _contentInfoText = new byte[raw.Length * 2];
        _contentInfoTextLength = JsonStringText.Decode(raw, _contentInfoText, out var wellFormed);
        var text = _contentInfoText.AsSpan(0, _contentInfoTextLength);
        if (!wellFormed) _violations.Add(Pointer, ViolationCodes.LoneSurrogate, CanonicalForm.LoneSurrogateMessage);
        CheckSize(text.Length);
        var reader = new Utf8JsonReader(text, AnyDepth);
        try
        {
            reader.Read();
            if (reader.TokenType == JsonTokenType.StartObject)
            {
                _contentInfo.Read(ref reader);
                reader.Read();
            }
            else
            {
                var kind = Kind(ref reader);
                _violations.Add(Pointer, ViolationCodes.WrongType, $"The string in contentInfo must contain a JSON object, not {kind}.");
            }
        }
        catch (JsonException malformed)
        {
            _violations.Add(
                Pointer,
                ViolationCodes.MalformedJson,
                $"The string in contentInfo must contain a JSON object; it is not valid JSON {JsonFault.Of(text, malformed)}");
        }

        _contentInfoIsValid = _violations.Count == before;
    }

    private void CheckSize(int bytes)
    {
        if (bytes <= _options.MaxContentInfoBytes) return;
        _violations.Add("/contentInfo", ViolationCodes.ContentInfoTooLarge, string.Create(
            CultureInfo.InvariantCulture,
            $"contentInfo has {bytes:N0} bytes; the limit is {_options.MaxContentInfoBytes:N0} (MaxContentInfoBytes)."));
    }

    private void ReadRevision(ref Utf8JsonReader reader)
    {
        // Digits only: JSON libraries disagree on whether 1.0 and 1e3 are integers.
        var isDigits = reader.TokenType == JsonTokenType.Number && reader.ValueSpan.IndexOfAnyExceptInRange((byte)'0', (byte)'9') < 0;
        if (isDigits && reader.TryGetInt64(out var number))
        {
            _number = number;
            return;
        }

        _violations.Add(
            "/revision",
            ViolationCodes.InvalidRevision,
            "revision must be an integer from 0 to 9223372036854775807, written with digits only, "
                + $"not {Kind(ref reader)}; omit it if there is none.");
        reader.Skip();
    }

    private void ReadOccurredAt(ref Utf8JsonReader reader)
    {
        const string Pointer = "/occurredAt";
        if (!IsString(ref reader, Pointer, $"a string, {ZonedTime.Expected}; omit it if there is none")) return;
        var text = Decode(reader.ValueSpan, out var wellFormed);
        if (!wellFormed || !ZonedTime.TryParse(text, out var occurredAt))
        {
            _violations.Add(
                Pointer,
                ViolationCodes.InvalidOccurredAt,
                $"occurredAt must be {ZonedTime.Expected}, not '{Excerpt.Of(text)}'.");
            return;
        }

        _occurredAt = occurredAt;
        if (AheadWarning(Pointer, occurredAt) is { } warning) (_warnings ??= []).Add(warning);
    }

    private ContentViolation? AheadWarning(string pointer, DateTimeOffset time)
    {
        var now = _timeProvider.GetUtcNow();
        if (now < _receivedAt) now = _receivedAt;
        return AheadOf(now, pointer, time);
    }

    /// <summary>A warning if the ledger will count <paramref name="time"/> as the time of receipt.</summary>
    internal static ContentViolation? AheadOf(DateTimeOffset now, string pointer, DateTimeOffset time) =>
        time - now <= MaxAhead
            ? null
            : new ContentViolation(pointer, WarningCodes.OccurredAtAhead, string.Create(
                CultureInfo.InvariantCulture,
                $"{pointer[1..]} is more than {MaxAhead.TotalMinutes:N0} minutes ahead of the clock ({now:yyyy-MM-dd'T'HH:mm:ss'Z'}); "
                    + $"it counts as the time of receipt. Check the sender's clock."));

    private bool IsString(ref Utf8JsonReader reader, string pointer, string expected)
    {
        if (reader.TokenType == JsonTokenType.String) return true;
        _violations.Add(pointer, ViolationCodes.WrongType, $"{pointer[1..]} must be {expected}, not {Kind(ref reader)}.");
        reader.Skip();
        return false;
    }

    private void ReportMissing()
    {
        ReportMissing(Members.ContentId, "contentId", "your id of the item");
        ReportMissing(Members.ContentStatus, "contentStatus", "0 (delisted) or 1 (listed)");
        if (_contentStatus != ContentStatus.Invalid)
        {
            ReportMissing(Members.ContentType, "contentType", "one of the configured content types");
            ReportMissing(Members.ContentInfo, "contentInfo", "a JSON object, or a string that contains one");
        }

        if (_contentStatus == ContentStatus.Valid && _contentInfoIsValid && _contentInfo.IsEmpty)
        {
            _violations.Add(
                "/contentInfo",
                ViolationCodes.EmptyContentInfo,
                "contentInfo of a listed item must have members. To delist the item, send contentStatus 0.");
        }

        const Members Both = Members.Revision | Members.OccurredAt;
        if ((_seen & Both) == Both)
        {
            _violations.Add(
                "/occurredAt",
                ViolationCodes.RevisionAndOccurredAt,
                "An item has either revision or occurredAt, not both; omit one.");
        }
    }

    private void ReportMissing(Members member, string name, string expected)
    {
        if ((_seen & member) == 0) _violations.Add("/" + name, ViolationCodes.MissingMember, $"{name} is required: {expected}.");
    }

    private void ReportInvalidUtf8(ReadOnlySpan<byte> item)
    {
        var position = 0;
        while (Rune.DecodeFromUtf8(item[position..], out _, out var length) == OperationStatus.Done) position += length;
        _violations.Add("", ViolationCodes.InvalidUtf8, string.Create(
            CultureInfo.InvariantCulture,
            $"The item is not UTF-8: byte {position + 1:N0} is 0x{item[position]:X2}. Send it as UTF-8."));
    }

    private ReadOnlySpan<byte> Decode(ReadOnlySpan<byte> raw, out bool wellFormed)
    {
        var length = JsonStringText.Decode(raw, Room(raw.Length), out wellFormed);
        return _decoded.AsSpan(0, length);
    }

    private byte[] Room(int bytes)
    {
        if (_decoded.Length < bytes) _decoded = new byte[Math.Max(bytes, _decoded.Length * 2)];
        return _decoded;
    }

    private static string Kind(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "an array",
        JsonTokenType.String => $"the string \"{Excerpt.Of(reader.ValueSpan)}\"",
        JsonTokenType.Number => $"the number {Excerpt.Of(reader.ValueSpan)}",
        _ => Encoding.UTF8.GetString(reader.ValueSpan),
    };
}
