using System.Text.Json;
using ContentSync.Local.CommandLine;
using Microsoft.Extensions.Logging;

namespace ContentSync.Tests.Local.Hosting;

/// <summary>The log of a host, as it would write it to standard error.</summary>
internal sealed class CapturedLog : IDisposable
{
    private readonly StringWriter _text = new();

    public CapturedLog(LogFormat format = LogFormat.Text, bool isVerbose = false, TimeProvider? time = null) =>
        Loggers = ConsoleLog.Create(Terminal.Of(TextWriter.Null, TextWriter.Synchronized(_text)).Notes, format, isVerbose, time ?? TimeProvider.System);

    public ILoggerFactory Loggers { get; }

    /// <summary>Read it only when nothing is written any more, or through <see cref="WaitForAsync"/>.</summary>
    public string Text => _text.ToString();

    public IReadOnlyList<string> Lines => Text.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public IReadOnlyList<JsonElement> Objects => [.. Lines.Select(line => JsonDocument.Parse(line).RootElement)];

    /// <summary>Waits up to 20 s for a line that holds a text.</summary>
    public async Task<string> WaitForAsync(string text)
    {
        for (var i = 0; i < 400; i++)
        {
            if (Text is var written && written.Contains(text, StringComparison.Ordinal))
                return written.Split('\n').First(line => line.Contains(text, StringComparison.Ordinal));
            await Task.Delay(50);
        }

        throw new TimeoutException($"'{text}' was not logged, only: {Text}");
    }

    public void Dispose()
    {
        Loggers.Dispose();
        _text.Dispose();
    }
}
