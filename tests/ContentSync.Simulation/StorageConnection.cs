using ContentSync.SimulatedStorage;

namespace ContentSync.Simulation;

/// <summary>One attempt of a request to a storage service.</summary>
/// <param name="Serve">Serves it when it arrives.</param>
/// <param name="Behavior">Delays and faults of the network.</param>
/// <param name="IsLate">Whether it arrives when its caller has given up.</param>
internal sealed record StorageAttempt(Func<HttpResponseMessage> Serve, CallBehavior Behavior, bool IsLate);

/// <summary>
/// The connection of a process to a storage service. It repeats what failed as the client of the service does, with the app's settings.
/// </summary>
/// <param name="process">The process.</param>
/// <param name="world">Its world.</param>
/// <param name="timeout">Time after which the client gives an attempt up.</param>
/// <param name="next">Draws what happens in the next attempt of a request.</param>
internal class StorageConnection(SimulatedProcess process, World world, TimeSpan timeout, Func<HttpRequestMessage, byte[], StorageAttempt> next)
    : HttpMessageHandler
{
    private const int MaxRetries = 3;

    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(200);

    /// <summary>Time after which the client of a table gives an attempt up.</summary>
    public static TimeSpan TableTimeout { get; } = TimeSpan.FromSeconds(5);

    /// <summary>Time after which the client of a container gives an attempt up.</summary>
    public static TimeSpan BlobTimeout { get; } = TimeSpan.FromSeconds(30);

    public static async Task<byte[]> BodyAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
        request.Content is null ? [] : await request.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var body = await BodyAsync(request, cancellationToken).ConfigureAwait(false);
        for (var retries = 0; ; retries++)
        {
            try
            {
                var response = await SendOnceAsync(request, body, cancellationToken).ConfigureAwait(false);
                if (retries == MaxRetries || (int)response.StatusCode is not (408 or 429 or 500 or 502 or 503 or 504)) return response;
            }
            catch (HttpRequestException) when (retries < MaxRetries)
            {
                // Repeated below.
            }

            var delay = new CallBehavior(RetryDelay * (1 << retries), TimeSpan.Zero);
            await process.CallAsync("wait", () => true, delay, cancellationToken).ConfigureAwait(false);
        }
    }

    private ValueTask<HttpResponseMessage> SendOnceAsync(HttpRequestMessage request, byte[] body, CancellationToken cancellationToken)
    {
        var attempt = next(request, body);
        if (attempt.IsLate) world.Time.After(timeout + world.Random.Between(TimeSpan.Zero, TimeSpan.FromSeconds(20)), () => Serve());
        return process.CallAsync($"{request.Method} {request.RequestUri!.AbsolutePath}", Serve, attempt.Behavior, cancellationToken);

        HttpResponseMessage Serve()
        {
            var response = attempt.Serve();
            if ((int)response.StatusCode is 409 or 412) world.Faults.Add(Fault.StoreConflict);
            return response;
        }
    }
}

/// <summary>Draws the faults of a storage account.</summary>
internal static class StorageFaults
{
    /// <summary>What the service of tables does with a request.</summary>
    public static TableFault NextTable(World world)
    {
        if (world.InjectOutage(Fault.StoreTableMissing)) return TableFault.TableMissing;
        if (world.Inject(Fault.StoreBusy)) return world.Random.Pick(TableFault.Busy, TableFault.BusyWithEffect);
        if (world.Inject(Fault.StoreTransactionBusy)) return world.Random.Pick(TableFault.InnerBusy, TableFault.InnerError);
        return world.Inject(Fault.StoreRepeated) ? world.Random.Pick(TableFault.RepeatedAtOnce, TableFault.RepeatedLater) : TableFault.None;
    }

    /// <summary>What the network does with a request.</summary>
    public static (CallBehavior Behavior, bool IsLate) Next(World world, TimeSpan timeout)
    {
        if (world.InjectOutage(Fault.StoreOutage)) return (Failure(world, timeout, isLost: true), false);
        if (world.Inject(Fault.StoreLate)) return (Failure(world, timeout, isLost: true), true);
        if (world.Inject(Fault.StoreResponseLost)) return (Failure(world, timeout, isLost: false), false);
        if (!world.Inject(Fault.StoreSlow)) return (new CallBehavior(world.ShortDelay(), world.ShortDelay()), false);
        var half = world.Random.Between(TimeSpan.Zero, timeout * 0.5);
        return (new CallBehavior(half, half), false);
    }

    /// <summary>The connection fails, at once or after the client's timeout.</summary>
    public static CallBehavior Failure(World world, TimeSpan timeout, bool isLost) => new(
        world.ShortDelay(),
        world.Random.Chance(0.5) ? timeout : world.ShortDelay(),
        isLost,
        Unreachable);

    /// <summary>There is no connection to the storage.</summary>
    public static Exception Unreachable() => new HttpRequestException(HttpRequestError.ConnectionError, "The storage does not respond.");
}

/// <summary>Reaches a service without a network. Nothing waits: the service responds at once.</summary>
internal sealed class DirectConnection(Func<HttpRequestMessage, byte[], HttpResponseMessage> serve) : HttpMessageHandler
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
        serve(request, await StorageConnection.BodyAsync(request, cancellationToken).ConfigureAwait(false));
}

/// <summary>Results of what completes at once.</summary>
internal static class Direct
{
    public static T Get<T>(Task<T> task) => task.IsCompleted
        ? task.GetAwaiter().GetResult()
        : throw new InvalidOperationException("The simulated code moved to another thread.");

    public static void Get(Task task)
    {
        if (!task.IsCompleted) throw new InvalidOperationException("The simulated code moved to another thread.");
        task.GetAwaiter().GetResult();
    }
}
