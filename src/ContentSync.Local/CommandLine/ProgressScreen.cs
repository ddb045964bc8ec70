using System.Globalization;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace ContentSync.Local.CommandLine;

/// <summary>How far a command is.</summary>
/// <param name="Title">What it works on.</param>
/// <param name="Share">How much is done, 0 to 1; null while that is not known.</param>
/// <param name="Lines">The figures; a narrow terminal wraps them.</param>
internal sealed record ProgressState(string Title, double? Share, IReadOnlyList<string> Lines);

/// <summary>Shows how far a command is, in place, while it works. A log file or pipe gets nothing.</summary>
internal static class ProgressScreen
{
    private const int BarWidth = 30;

    private static readonly TimeSpan Refresh = TimeSpan.FromMilliseconds(250);

    /// <summary>Waits for the work, and shows the state meanwhile.</summary>
    public static async Task<T> ShowAsync<T>(IAnsiConsole screen, TimeProvider time, Func<ProgressState> state, Task<T> work)
    {
        if (!screen.Profile.Capabilities.Interactive && !screen.Profile.Out.IsTerminal) return await work.ConfigureAwait(false);
        await screen.Live(Render(state(), screen.Profile.Width)).AutoClear(true).StartAsync(async context =>
        {
            while (!work.IsCompleted)
            {
                context.UpdateTarget(Render(state(), screen.Profile.Width));
                await Task.WhenAny(work, Task.Delay(Refresh, time)).ConfigureAwait(false);
            }
        }).ConfigureAwait(false);
        return await work.ConfigureAwait(false);
    }

    /// <summary>The three largest counts, as in <c>failed: CONTENT_RISKY 12, UNKNOWN_EXCEPTION 3</c>; null if there are none.</summary>
    public static string? CodesLine(string what, IEnumerable<KeyValuePair<string, long>> codes)
    {
        const int Shown = 3;
        var ordered = codes.OrderByDescending(code => code.Value).ThenBy(code => code.Key, StringComparer.Ordinal).ToList();
        if (ordered.Count == 0) return null;
        var first = ordered.Take(Shown)
            .Select(code => string.Create(CultureInfo.InvariantCulture, $"{(code.Key.Length == 0 ? "no code" : code.Key)} {code.Value:n0}"));
        var rest = ordered.Count - Shown;
        return $"{what}: {string.Join(", ", first)}{(rest > 0 ? string.Create(CultureInfo.InvariantCulture, $", {rest:n0} other codes") : "")}";
    }

    /// <summary>The rate, and how long the rest will take at it.</summary>
    public static string RateLine(double perSecond, TimeSpan? left)
    {
        var rate = perSecond.ToString(perSecond < 10 ? "0.0" : "n0", CultureInfo.InvariantCulture) + " per second";
        return left is { } rest ? $"{rate}, about {Duration(rest)} left" : rate;
    }

    /// <summary>For example <c>41 s</c>, <c>12 min</c> or <c>3 h 5 min</c>.</summary>
    public static string Duration(TimeSpan span) => span.TotalSeconds < 90
        ? string.Create(CultureInfo.InvariantCulture, $"{Math.Max(1, Math.Round(span.TotalSeconds))} s")
        : span.TotalMinutes < 90
        ? string.Create(CultureInfo.InvariantCulture, $"{Math.Round(span.TotalMinutes)} min")
        : string.Create(CultureInfo.InvariantCulture, $"{(long)span.TotalHours:n0} h {span.Minutes} min");

    internal static IRenderable Render(ProgressState state, int width)
    {
        var bar = Math.Clamp(width - 8, 5, BarWidth);
        var done = (int)Math.Round(bar * Math.Clamp(state.Share ?? 0, 0, 1));
        var percent = state.Share is { } share ? string.Create(CultureInfo.InvariantCulture, $"{Math.Floor(Math.Clamp(share, 0, 1) * 100)} %") : "";
        var line = new Paragraph()
            .Append(new string('━', done), Style.Parse("green"))
            .Append(new string('━', bar - done), Style.Parse("grey"))
            .Append($" {percent}");
        return new Rows([new Text(TerminalText.Plain(state.Title)), line, .. state.Lines.Select(text => new Text(TerminalText.Plain(text)))]);
    }
}

/// <summary>How fast a count grows, over the last ten seconds.</summary>
internal sealed class RateMeter(TimeProvider time)
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    private readonly Queue<(long At, long Count)> _samples = new();

    /// <summary>Adds a sample, and returns how much the count grows per second; 0 before the second sample.</summary>
    public double Add(long count)
    {
        var now = time.GetTimestamp();
        while (_samples.Count > 1 && time.GetElapsedTime(_samples.Peek().At, now) > Window) _samples.Dequeue();
        _samples.Enqueue((now, count));
        var (at, before) = _samples.Peek();
        var elapsed = time.GetElapsedTime(at, now).TotalSeconds;
        return elapsed > 0 ? Math.Max(0, (count - before) / elapsed) : 0;
    }
}
