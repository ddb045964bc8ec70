using System.Text;

namespace ContentSync.Content;

/// <summary>JSON pointers (RFC 6901).</summary>
internal static class JsonPointer
{
    /// <summary>Appends a reference token, with <c>~</c> and <c>/</c> escaped.</summary>
    public static StringBuilder AppendToken(StringBuilder pointer, string token)
    {
        pointer.Append('/');
        foreach (var c in token)
        {
            if (c == '~') pointer.Append("~0");
            else if (c == '/') pointer.Append("~1");
            else pointer.Append(c);
        }

        return pointer;
    }

    /// <summary>Returns the pointer to a member of the value at <paramref name="parent"/>.</summary>
    public static string Of(string parent, string member) => AppendToken(new StringBuilder(parent), member).ToString();
}
