namespace ContentSync.Tests.ServiceBus;

/// <summary>Waits for the effects of other threads and of the network.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(20);

    /// <summary>Polls until the condition is true.</summary>
    /// <exception cref="TimeoutException">The condition is still false after 30 seconds.</exception>
    public static async Task TrueAsync(Func<Task<bool>> condition, string what)
    {
        for (var began = TimeProvider.System.GetTimestamp(); !await condition(); await Task.Delay(PollInterval))
        {
            if (TimeProvider.System.GetElapsedTime(began) > Timeout)
                throw new TimeoutException($"Not within {Timeout.TotalSeconds:0} seconds: {what}.");
        }
    }

    /// <inheritdoc cref="TrueAsync(Func{Task{bool}}, string)"/>
    public static Task TrueAsync(Func<bool> condition, string what) => TrueAsync(() => Task.FromResult(condition()), what);
}
