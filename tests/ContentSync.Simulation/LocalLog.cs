using Microsoft.Extensions.Logging;

namespace ContentSync.Simulation;

/// <summary>What a part of the local host logs. No fault may cause an unexpected exception.</summary>
internal sealed class LocalLog<T>(SimulatedProcess process, World world) : ILogger<T>
{
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        // What a process that ended still does is not real.
        if (!process.IsAlive) return;
        var text = world.Local!.WithoutFolder(formatter(state, exception));
        world.Trace.Write(process.Name, $"logs: {text}");

        // Of an unexpected exception the type is logged instead of the message.
        if (logLevel >= LogLevel.Warning && text.Contains("Exception", StringComparison.Ordinal))
            world.Invariants.Report(Invariant.NothingThrown, text);
    }
}
