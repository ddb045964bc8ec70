using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Azure.Data.Tables;
using ContentSync.AlipayHk;
using ContentSync.Budget;
using ContentSync.Content;
using ContentSync.Signing;
using Microsoft.Extensions.Logging.Abstractions;

namespace ContentSync.Simulation;

/// <summary>
/// A real process that sends as fast as its part of a shared budget allows, and writes when each request leaves. Tests start several of them
/// against one store.
/// </summary>
internal static class BudgetSender
{
    public const string Command = "--send";

    private const int Workers = 12;

    /// <summary>Reads one <see cref="BudgetSenderSetup"/> line, and sends until the input ends. Writes a timestamp for each request.</summary>
    public static async Task<int> RunAsync(TextReader input, TextWriter output)
    {
        var setup = JsonSerializer.Deserialize<BudgetSenderSetup>((await input.ReadLineAsync().ConfigureAwait(false))!)!;
        var table = new TableClient(setup.Tables, setup.Table, new TableSharedKeyCredential(setup.Account, setup.Key));
        var store = new TableSendStateStore(table, TimeProvider.System);
        using var keys = new SimulatedKeys();
        var options = new AlipayHkOptions
        {
            BaseAddress = new Uri("https://alipayhk.example"),
            ClientId = "SENDER",
            MaxSendsPerSecond = setup.PerSecond,
            PublicKeys = { keys.Known },
        };
        var budget = new SendBudget(
            new SendBudgetOptions(setup.PerSecond),
            store,
            TimeProvider.System,
            new RequestIdSource().Create(),
            new JitterSource().Draw,
            NullLogger<SendBudget>.Instance,
            new SendSwitch(TimeProvider.System, store));
        using var client = AlipayHkClient.Create(
            options, new NoSigner(), TimeProvider.System, NullLoggerFactory.Instance, new RecordingSocket(output), budget: budget);
        using var stopping = new CancellationTokenSource();
        var workers = Enumerable.Range(0, Workers).Select(_ => Task.Run(() => WorkAsync(client, stopping.Token))).ToArray();
        await input.ReadLineAsync().ConfigureAwait(false);
        await stopping.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(workers).ConfigureAwait(false);
        await budget.DisposeAsync().ConfigureAwait(false);
        return 0;
    }

    private static async Task WorkAsync(AlipayHkClient client, CancellationToken stopping)
    {
        var item = new ContentItem
        {
            ContentId = "A",
            ContentType = "SKU",
            ContentStatus = ContentStatus.Valid,
            ContentInfo = "{}"u8.ToArray(),
            Hash = default,
        };
        var body = SynchronizeRequest.Prepare(item, new RequestIdSource().Create());
        try
        {
            while (true) await client.SynchronizeAsync(body, stopping, immediateRetries: false).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The process stops.
        }
    }

    private sealed class NoSigner : IRequestSigner
    {
        public ValueTask<RequestSignature> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken) =>
            ValueTask.FromResult(new RequestSignature("1", sha256));
    }

    private sealed class RecordingSocket(TextWriter output) : HttpMessageHandler
    {
        private readonly Lock _lock = new();

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var leftAt = Stopwatch.GetTimestamp();
            lock (_lock)
            {
                output.WriteLine(leftAt.ToString(CultureInfo.InvariantCulture));
                output.Flush();
            }

            return Task.FromResult(new HttpResponseMessage(HttpStatusCode.ServiceUnavailable) { Content = new ByteArrayContent([]) });
        }
    }
}

/// <param name="Tables">Address of the account's tables.</param>
/// <param name="Account">Name of the account.</param>
/// <param name="Key">Its key.</param>
/// <param name="Table">The table of the shared document; it exists.</param>
/// <param name="PerSecond">The budget of all processes together.</param>
internal sealed record BudgetSenderSetup(Uri Tables, string Account, string Key, string Table, double PerSecond);
