namespace ContentSync.Http.Description;

/// <summary>What the API description says about a route. Its path, method, name and key are those of the <see cref="ApiRoute"/>.</summary>
/// <param name="Summary">A title of a few words.</param>
/// <param name="Text">What the operation does, in one or more sentences.</param>
public sealed record OperationDescription(string Summary, string Text)
{
    /// <summary>Parameters in the path, the query and headers.</summary>
    public IReadOnlyList<ParameterDescription> Parameters { get; init; } = [];

    /// <summary>The media types that the request body may have; empty if the operation takes no body.</summary>
    public IReadOnlyList<BodyDescription> Bodies { get; init; } = [];

    /// <summary>False if some requests have no body.</summary>
    public bool IsBodyRequired { get; init; } = true;

    /// <summary>Every response, except the 401 of a route that requires a key.</summary>
    public required IReadOnlyList<ResponseDescription> Responses { get; init; }
}

/// <summary>Where a parameter is.</summary>
public enum ParameterPlace
{
    Path,
    Query,
    Header,
}

/// <summary>One parameter of an operation.</summary>
/// <param name="Place">Where it is.</param>
/// <param name="Name">Its name in the path template, the query or the headers.</param>
/// <param name="Text">What it means.</param>
/// <param name="Type">The type of its value; an enum is spelled in camel case.</param>
public sealed record ParameterDescription(ParameterPlace Place, string Name, string Text, Type Type)
{
    public bool IsRequired { get; init; }

    /// <summary>The least value.</summary>
    public int? Minimum { get; init; }

    /// <summary>The greatest value.</summary>
    public int? Maximum { get; init; }

    /// <summary>The value that an absent parameter stands for.</summary>
    public int? Default { get; init; }

    internal static ParameterDescription Path(string name, string text) => new(ParameterPlace.Path, name, text, typeof(string)) { IsRequired = true };

    internal static ParameterDescription Query(string name, string text) => new(ParameterPlace.Query, name, text, typeof(string));

    internal static ParameterDescription Header(string name, string text) => new(ParameterPlace.Header, name, text, typeof(string));
}

/// <summary>One form of the request body.</summary>
/// <param name="MediaType">Its media type.</param>
/// <param name="Type">The type of its JSON; string for text.</param>
/// <param name="Example">A valid body.</param>
public sealed record BodyDescription(string MediaType, Type Type, string Example)
{
    internal static BodyDescription Json<T>(string example) => new("application/json", typeof(T), example);
}

/// <summary>One response of an operation.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Text">When it is returned.</param>
/// <param name="Body">The type of its JSON; null if it has no body. A <see cref="ProblemBody"/> is sent as application/problem+json.</param>
public sealed record ResponseDescription(int Status, string Text, Type? Body)
{
    /// <summary>Another type that the JSON may have; null if there is only one.</summary>
    public Type? Alternative { get; init; }

    /// <summary>The media type; null for JSON, or problem details for a <see cref="ProblemBody"/>.</summary>
    public string? MediaType { get; init; }

    /// <summary>The name under which operations share it; null if only one has it.</summary>
    public string? SharedName { get; init; }
}
