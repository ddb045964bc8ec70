using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace ContentSync.Content;

/// <summary>
/// Reads and validates one contentInfo object and stores it as compact JSON: first with the members in the caller's order (sent on the
/// wire), then sorted (hashed). Makes one pass over the tokens and builds no tree. Reusable; not thread-safe.
/// </summary>
/// <remarks>
/// The hashed form is the compact text, a line feed, the status digit, a line feed, the content type. Members are sorted by the UTF-8
/// bytes of their names, there is no white space, and strings escape only what JSON requires, in the shortest form. Numbers keep the
/// caller's digits, so 1 and 1.0 differ: treating equal numbers as different costs one call to AlipayHK, while treating different
/// numbers as equal would lose a change.
/// </remarks>
internal sealed class CanonicalForm(ContentOptions options, ViolationList violations)
{
    public const string LoneSurrogateMessage =
        "The string contains a \\uD800 to \\uDFFF escape without its other half; write both halves of the pair, or the character itself.";

    private const string Root = "/contentInfo";

    private byte[] _text = new byte[4096];
    private byte[] _scratch = [];
    private int _length;

    private Frame[] _frames = new Frame[16];
    private int _depth;
    private int _deepest;
    private string _tooDeepAt = "";

    // Members of the open objects, with the innermost object's members last.
    private Member[] _open = new Member[64];
    private int _openCount;

    // Sorted members of the closed objects whose members were not in order; inner objects before outer ones.
    private Member[] _reordered = new Member[64];
    private int _reorderedCount;
    private readonly List<(int First, int Count)> _reorderedObjects = [];

    /// <summary>Compact JSON of the object: members in the caller's order before <see cref="Hash"/>, sorted after it.</summary>
    public ReadOnlySpan<byte> Text => _text.AsSpan(0, _length);

    /// <summary>Whether the object has no members.</summary>
    public bool IsEmpty => _length == 2;

    /// <summary>Size of the buffers in bytes.</summary>
    public int Capacity => _text.Length + _scratch.Length;

    /// <summary>Reads the object at which <paramref name="reader"/> is positioned, to its end.</summary>
    /// <exception cref="JsonException">Malformed JSON.</exception>
    public void Read(ref Utf8JsonReader reader)
    {
        _length = 0;
        _depth = 0;
        _deepest = 0;
        _openCount = 0;
        _reorderedCount = 0;
        _reorderedObjects.Clear();
        do
        {
            ReadToken(ref reader);
        }
        while (_depth > 0 && reader.Read());

        if (_deepest == 0) return;
        violations.Add(_tooDeepAt, ViolationCodes.ContentInfoTooDeep, string.Create(
            CultureInfo.InvariantCulture,
            $"contentInfo is nested {_deepest:N0} levels deep; the limit is {options.MaxContentInfoDepth:N0} (MaxContentInfoDepth)."));
    }

    /// <summary>Sorts <see cref="Text"/> and hashes it with status and type. Call it only for an object without violations.</summary>
    public ContentHash Hash(ContentStatus status, string contentType)
    {
        foreach (var (first, count) in _reorderedObjects)
            Reorder(_reordered.AsSpan(first, count));

        var typeLength = Encoding.UTF8.GetByteCount(contentType);
        var tail = Room(typeLength + 3);
        tail[0] = (byte)'\n';
        tail[1] = (byte)('0' + (int)status);
        tail[2] = (byte)'\n';
        Encoding.UTF8.GetBytes(contentType, tail[3..]);

        Span<byte> hash = stackalloc byte[ContentHash.Size];
        SHA256.HashData(_text.AsSpan(0, _length + typeLength + 3), hash);
        return new ContentHash(hash);
    }

    private void ReadToken(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject or JsonTokenType.StartArray:
                BeginValue();
                Open(ref reader);
                break;
            case JsonTokenType.EndObject:
                CloseObject();
                break;
            case JsonTokenType.EndArray:
                Append((byte)']');
                _depth--;
                break;
            case JsonTokenType.PropertyName:
                BeginMember(ref reader);
                break;
            case JsonTokenType.String:
                BeginValue();
                AppendString(ref reader);
                break;
            default:
                BeginValue();
                Append(reader.ValueSpan);
                break;
        }
    }

    private void BeginValue()
    {
        if (_depth == 0) return;
        ref var frame = ref _frames[_depth - 1];
        if (frame.IsArray && frame.Count++ > 0) Append((byte)',');
    }

    private void Open(ref Utf8JsonReader reader)
    {
        if (_depth == options.MaxContentInfoDepth)
        {
            SkipTooDeep(ref reader);
            return;
        }

        var isArray = reader.TokenType == JsonTokenType.StartArray;
        Append(isArray ? (byte)'[' : (byte)'{');
        if (_depth == _frames.Length) Array.Resize(ref _frames, _depth * 2);
        _frames[_depth++] = new Frame { IsArray = isArray, FirstMember = _openCount };
    }

    private void BeginMember(ref Utf8JsonReader reader)
    {
        ref var frame = ref _frames[_depth - 1];
        if (frame.Count++ > 0)
        {
            _open[_openCount - 1].End = _length;
            Append((byte)',');
        }

        if (_openCount == _open.Length) Array.Resize(ref _open, _openCount * 2);
        ref var member = ref _open[_openCount++];
        member = new Member { Start = _length };
        AppendString(ref reader);
        member.NameEnd = _length;
        Append((byte)':');

        if (frame.Count > 1 && !frame.IsUnsorted)
            frame.IsUnsorted = Name(_open[_openCount - 2]).SequenceCompareTo(Name(member)) >= 0;
    }

    private void CloseObject()
    {
        var frame = _frames[_depth - 1];
        if (frame.Count > 0) _open[_openCount - 1].End = _length;
        Append((byte)'}');
        if (frame.IsUnsorted)
        {
            var members = _open.AsSpan(frame.FirstMember, frame.Count);
            Sort(members);
            ReportDuplicates(members);
            KeepForReordering(members);
        }

        _openCount = frame.FirstMember;
        _depth--;
    }

    private void Sort(Span<Member> members)
    {
        // The runtime's sort boxes the comparer and calls it through a delegate: slower than an insertion sort for most objects.
        const int MaxInsertionSort = 24;
        if (members.Length > MaxInsertionSort)
        {
            members.Sort(new ByName(_text));
            return;
        }

        for (var i = 1; i < members.Length; i++)
        {
            var member = members[i];
            var name = Name(member);
            var at = i;
            for (; at > 0 && Name(members[at - 1]).SequenceCompareTo(name) > 0; at--) members[at] = members[at - 1];
            members[at] = member;
        }
    }

    private void ReportDuplicates(ReadOnlySpan<Member> sorted)
    {
        for (var i = 1; i < sorted.Length; i++)
        {
            var name = Name(sorted[i]);
            if (!name.SequenceEqual(Name(sorted[i - 1]))) continue;
            if (i > 1 && name.SequenceEqual(Name(sorted[i - 2]))) continue;
            var text = NameText(sorted[i]);
            violations.Add(
                JsonPointer.AppendToken(Pointer(_depth - 1), text).ToString(),
                ViolationCodes.DuplicateMember,
                $"The member '{Excerpt.Of(text)}' occurs more than once in this object; keep one.");
        }
    }

    private void KeepForReordering(ReadOnlySpan<Member> sorted)
    {
        if (_reorderedCount + sorted.Length > _reordered.Length)
            Array.Resize(ref _reordered, Math.Max(_reordered.Length * 2, _reorderedCount + sorted.Length));
        sorted.CopyTo(_reordered.AsSpan(_reorderedCount));
        _reorderedObjects.Add((_reorderedCount, sorted.Length));
        _reorderedCount += sorted.Length;
    }

    // Reorders one object's members in place; its length stays the same, so the surrounding text does not move.
    private void Reorder(ReadOnlySpan<Member> sorted)
    {
        var start = int.MaxValue;
        var end = 0;
        foreach (var member in sorted)
        {
            start = Math.Min(start, member.Start);
            end = Math.Max(end, member.End);
        }

        if (_scratch.Length < end - start) _scratch = new byte[Math.Max(_text.Length, end - start)];
        var before = _scratch.AsSpan(0, end - start);
        _text.AsSpan(start, end - start).CopyTo(before);
        var at = start;
        foreach (var member in sorted)
        {
            if (at > start) _text[at++] = (byte)',';
            before[(member.Start - start)..(member.End - start)].CopyTo(_text.AsSpan(at));
            at += member.End - member.Start;
        }
    }

    // Only measures the depth. Nothing below the limit is stored, so hostile nesting costs no memory.
    private void SkipTooDeep(ref Utf8JsonReader reader)
    {
        var outside = reader.CurrentDepth;
        if (_deepest == 0) _tooDeepAt = Pointer(_depth).ToString();
        _deepest = Math.Max(_deepest, _depth + 1);
        while (reader.Read() && reader.CurrentDepth > outside)
        {
            if (reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray)
                _deepest = Math.Max(_deepest, _depth + 1 + reader.CurrentDepth - outside);
        }

        Append("null"u8);
    }

    private void AppendString(ref Utf8JsonReader reader)
    {
        var raw = reader.ValueSpan;
        if (raw.Length > options.MaxTextLength) CheckLength(raw, isName: reader.TokenType == JsonTokenType.PropertyName);

        var room = Room(raw.Length + 2);
        var wellFormed = true;
        var written = raw.Length;
        if (reader.ValueIsEscaped) written = JsonStringText.Canonicalize(raw, room[1..], out wellFormed);
        else raw.CopyTo(room[1..]);
        room[0] = (byte)'"';
        room[written + 1] = (byte)'"';
        _length += written + 2;
        if (!wellFormed) violations.Add(Pointer(_depth).ToString(), ViolationCodes.LoneSurrogate, LoneSurrogateMessage);
    }

    private void CheckLength(ReadOnlySpan<byte> raw, bool isName)
    {
        var characters = JsonStringText.CharCount(raw);
        if (characters <= options.MaxTextLength) return;
        var what = isName ? "A member name in this object" : "The string";
        violations.Add(Pointer(_depth).ToString(), ViolationCodes.TextTooLong, string.Create(
            CultureInfo.InvariantCulture,
            $"{what} has {characters:N0} characters; the limit is {options.MaxTextLength:N0} (MaxTextLength)."));
    }

    // Points to the value that is being read. A member counts once its name has been read.
    private StringBuilder Pointer(int depth)
    {
        var pointer = new StringBuilder(Root);
        for (var i = 0; i < depth; i++)
        {
            ref var frame = ref _frames[i];
            if (frame.IsArray)
            {
                pointer.Append(CultureInfo.InvariantCulture, $"/{frame.Count - 1}");
                continue;
            }

            var member = _open[frame.FirstMember + frame.Count - 1];
            if (member.NameEnd > 0) JsonPointer.AppendToken(pointer, NameText(member));
        }

        return pointer;
    }

    private ReadOnlySpan<byte> Name(Member member) => NameIn(_text, member);

    private static ReadOnlySpan<byte> NameIn(byte[] text, Member member) => text.AsSpan((member.Start + 1)..(member.NameEnd - 1));

    private string NameText(Member member)
    {
        var raw = Name(member);
        var decoded = new byte[raw.Length];
        return Encoding.UTF8.GetString(decoded, 0, JsonStringText.Decode(raw, decoded, out _));
    }

    private void Append(byte value)
    {
        Room(1)[0] = value;
        _length++;
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Room(bytes.Length));
        _length += bytes.Length;
    }

    private Span<byte> Room(int bytes)
    {
        if (_text.Length - _length < bytes) Array.Resize(ref _text, Math.Max(_text.Length * 2, _length + bytes));
        return _text.AsSpan(_length);
    }

    /// <summary>An open object or array. <c>Count</c> is the number of members or elements started so far.</summary>
    private struct Frame
    {
        public bool IsArray;
        public bool IsUnsorted;
        public int FirstMember;
        public int Count;
    }

    /// <summary>A member's position in the text, from the opening quote of its name to the end of its value.</summary>
    private struct Member
    {
        public int Start;
        public int NameEnd;
        public int End;
    }

    private readonly struct ByName(byte[] text) : IComparer<Member>
    {
        public int Compare(Member x, Member y) => NameIn(text, x).SequenceCompareTo(NameIn(text, y));
    }
}
