namespace ContentSync.Tests.ServiceBus;

/// <summary>Waits for what other threads and the network bring about.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Asks again until the answer is yes.</summary>
    /// <exception cref="TimeoutException">It is still no after 30 seconds.</exception>
    public static async Task TrueAsync(Func<Task<bool>> question, string what)
    {
        for (var began = TimeProvider.System.GetTimestamp(); !await question(); await Task.Delay(Pause))
        {
            if (TimeProvider.System.GetElapsedTime(began) > Limit) throw new TimeoutException($"Not within {Limit.TotalSeconds:0} seconds: {what}.");
        }
    }

    /// <inheritdoc cref="TrueAsync(Func{Task{bool}}, string)"/>
    public static Task TrueAsync(Func<bool> question, string what) => TrueAsync(() => Task.FromResult(question()), what);
}
