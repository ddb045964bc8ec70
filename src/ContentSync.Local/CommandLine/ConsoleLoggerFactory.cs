using Microsoft.Extensions.Logging;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary>Shows the running host's errors on the terminal, one line each.</summary>
internal sealed class ConsoleLoggerFactory(IAnsiConsole screen) : ILoggerFactory, ILogger
{
    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
        // The screen is the only output.
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel)) screen.MarkupLineInterpolated($"[yellow]{formatter(state, exception)}[/]");
    }

    public void Dispose()
    {
        // There is nothing to release.
    }
}
