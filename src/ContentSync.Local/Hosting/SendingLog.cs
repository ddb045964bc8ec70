using ContentSync.Budget;
using ContentSync.Http;
using ContentSync.Http.Board;
using ContentSync.Synchronization;
using Microsoft.Extensions.Logging;

namespace ContentSync.Local.Hosting;

/// <summary>
/// Logs when sending stops and continues: the circuit breaker trips or resets, an operator pauses, resumes or changes the rate, in this process
/// or in another one that uses the same data folder.
/// </summary>
internal sealed partial class SendingLog(SendSwitch sendSwitch, SharedCircuitBreaker breaker, TimeProvider time, ILogger<SendingLog> logger)
{
    /// <summary>Shorter than a circuit breaker is ever open, so that no trip is missed.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    private OpenCircuit? _open;
    private IReadOnlyList<PauseState> _pauses = [];
    private double? _rate;

    /// <summary>Observes until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            do
            {
                await ObserveAsync(cancellationToken).ConfigureAwait(false);
            }
            while (await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false));
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Stopped.
        }
    }

    /// <summary>Logs what has changed since the last call.</summary>
    internal async Task ObserveAsync(CancellationToken cancellationToken)
    {
        var sending = await sendSwitch.CurrentAsync(cancellationToken).ConfigureAwait(false);
        ObservePauses(PauseState.Of(sending));
        if (sending.Rate != _rate)
        {
            if (sending.Rate is { } rate) LogRate(rate);
            else LogConfiguredRate();
            _rate = sending.Rate;
        }

        ObserveCircuit(breaker.OpenState);
    }

    private void ObservePauses(IReadOnlyList<PauseState> pauses)
    {
        foreach (var pause in pauses.Except(_pauses)) LogPaused(pause.Sentence());
        var now = time.GetUtcNow();
        foreach (var ended in _pauses.Where(before => pauses.All(pause => pause.ContentType != before.ContentType)))
        {
            var (what, seconds) = (ended.ContentType is { } type ? $"Sending {type}" : "All sending", Seconds(now - ended.Since));
            LogResumed(what, seconds);
        }

        _pauses = pauses;
    }

    private void ObserveCircuit(OpenCircuit? open)
    {
        var advice = open is null ? "" : CodeAdvice.For(open.Code);
        if (open is not null && (open.Since != _open?.Since || open.Code != _open.Code)) LogTripped(open.Code, open.Message, advice);
        if (open is null && _open is { } before)
        {
            var seconds = Seconds(time.GetUtcNow() - before.Since);
            LogReset(before.Code, seconds);
        }

        _open = open;
    }

    private static long Seconds(TimeSpan span) => (long)Math.Max(0, Math.Round(span.TotalSeconds));

    [LoggerMessage(EventId = 4301, Level = LogLevel.Error, Message = "Sending stopped, the circuit breaker tripped: {Code}, {Reason} {Advice}")]
    private partial void LogTripped(string code, string reason, string advice);

    [LoggerMessage(EventId = 4302, Level = LogLevel.Information, Message = "Sending continues, the circuit breaker reset: {Code} lasted {Seconds} s")]
    private partial void LogReset(string code, long seconds);

    [LoggerMessage(EventId = 4303, Level = LogLevel.Warning, Message = "{Pause}")]
    private partial void LogPaused(string pause);

    [LoggerMessage(EventId = 4304, Level = LogLevel.Information, Message = "{What} was resumed after {Seconds} s")]
    private partial void LogResumed(string what, long seconds);

    [LoggerMessage(EventId = 4305, Level = LogLevel.Information, Message = "The rate was set to {Rate} requests per second")]
    private partial void LogRate(double rate);

    [LoggerMessage(EventId = 4306, Level = LogLevel.Information, Message = "The rate is the configured one again")]
    private partial void LogConfiguredRate();
}
