using System.Text;

namespace ContentSync.SimulatedStorage;

/// <summary>A request as it arrived.</summary>
internal sealed record Received(string Method, Uri Uri, string? IfMatch, byte[] Body)
{
    private readonly Dictionary<string, string> _query = Parameters(Uri.Query);

    /// <summary>The decoded path.</summary>
    public string Target { get; } = Uri.UnescapeDataString(Uri.AbsolutePath);

    /// <summary>Whether it is an entity group transaction.</summary>
    public bool IsTransaction => Target.EndsWith("/$batch", StringComparison.Ordinal);

    /// <summary>A parameter of the query; null if it is absent.</summary>
    public string? Query(string name) => _query.GetValueOrDefault(name);

    public TableCall ToCall() => new(Kind, Method, Uri.UnescapeDataString(Uri.PathAndQuery));

    private TableCallKind Kind => Target switch
    {
        _ when IsTransaction => TableCallKind.Transaction,
        _ when Target.EndsWith("/Tables", StringComparison.Ordinal) => TableCallKind.Table,
        _ when Method != "GET" => TableCallKind.Write,
        _ => EntityAddress.Of(Target).Row is null ? TableCallKind.Query : TableCallKind.Read,
    };

    // The first of several with the same name counts.
    private static Dictionary<string, string> Parameters(string query)
    {
        var parameters = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var pair in query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0) parameters.TryAdd(Uri.UnescapeDataString(pair[..equals]), Uri.UnescapeDataString(pair[(equals + 1)..].Replace('+', ' ')));
        }

        return parameters;
    }
}

/// <summary>The table and, for a single entity, its keys: <c>table(PartitionKey='p',RowKey='r')</c>.</summary>
internal readonly record struct EntityAddress(string Table, string? Partition, string? Row)
{
    public static EntityAddress Of(string target)
    {
        var name = target[(TableStart(target) + 1)..];
        var open = name.IndexOf('(', StringComparison.Ordinal);
        if (open < 0) return new EntityAddress(name, null, null);
        var keys = name[(open + 1)..^1];
        if (keys.Length == 0) return new EntityAddress(name[..open], null, null);
        const string Between = "',RowKey='";
        var first = keys["PartitionKey='".Length..];
        var split = first.IndexOf(Between, StringComparison.Ordinal);
        return new EntityAddress(name[..open], Unquoted(first[..split]), Unquoted(first[(split + Between.Length)..^1]));
    }

    // A key may contain a slash once it is decoded.
    private static int TableStart(string target)
    {
        var keys = target.IndexOf('(', StringComparison.Ordinal);
        return target.LastIndexOf('/', keys < 0 ? target.Length - 1 : keys);
    }

    private static string Unquoted(string key) => key.Replace("''", "'", StringComparison.Ordinal);
}

/// <summary>Continuation tokens are opaque to clients and travel in headers.</summary>
internal static class Continuation
{
    public static string Write(string key) => "1!" + Convert.ToHexString(Encoding.Unicode.GetBytes(key));

    public static string? Read(string? token) => token is null ? null : Encoding.Unicode.GetString(Convert.FromHexString(token[2..]));
}
