// Stands for Microsoft.Azure.Functions.Worker.Extensions.Http 3.3.0, as far as the host uses it. Signatures are the real ones.
using Microsoft.Azure.Functions.Worker.Extensions.Abstractions;

namespace Microsoft.Azure.Functions.Worker;

/// <summary><c>public sealed class HttpTriggerAttribute : TriggerBindingAttribute</c></summary>
/// <remarks>Real constructor: <c>HttpTriggerAttribute(AuthorizationLevel authLevel, params string[] methods)</c>.</remarks>
public sealed class HttpTriggerAttribute(AuthorizationLevel authLevel, params string[] methods) : TriggerBindingAttribute
{
    /// <summary><c>string? Route { get; set; }</c></summary>
    public string? Route { get; set; }

    /// <summary><c>string[]? Methods { get; private set; }</c></summary>
    public string[]? Methods { get; private set; } = methods;

    /// <summary><c>AuthorizationLevel AuthLevel { get; private set; }</c></summary>
    public AuthorizationLevel AuthLevel { get; private set; } = authLevel;
}

/// <summary><c>public enum AuthorizationLevel</c>, all members with their real values.</summary>
public enum AuthorizationLevel
{
    Anonymous = 0,
    User = 1,
    Function = 2,
    System = 3,
    Admin = 4,
}
