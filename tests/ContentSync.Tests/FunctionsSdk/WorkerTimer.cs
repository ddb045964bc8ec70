// Stands for Microsoft.Azure.Functions.Worker.Extensions.Timer 4.3.1, as far as the host uses it. Signatures are the real ones.
using Microsoft.Azure.Functions.Worker.Extensions.Abstractions;

namespace Microsoft.Azure.Functions.Worker;

/// <summary><c>public sealed class TimerTriggerAttribute : TriggerBindingAttribute</c></summary>
/// <remarks>Real constructor: <c>TimerTriggerAttribute(string schedule)</c>.</remarks>
public sealed class TimerTriggerAttribute(string schedule) : TriggerBindingAttribute
{
    /// <summary><c>string Schedule { get; private set; }</c></summary>
    public string Schedule { get; private set; } = schedule;

    /// <summary><c>bool UseMonitor { get; set; }</c>, true unless set.</summary>
    public bool UseMonitor { get; set; } = true;

    /// <summary><c>bool RunOnStartup { get; set; }</c></summary>
    public bool RunOnStartup { get; set; }
}

/// <summary><c>public class TimerInfo</c></summary>
public class TimerInfo
{
    /// <summary><c>bool IsPastDue { get; set; }</c></summary>
    public bool IsPastDue { get; set; }
}
