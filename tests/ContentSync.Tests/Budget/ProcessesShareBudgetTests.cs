using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using ContentSync.Budget;
using ContentSync.Simulation;
using ContentSync.Tests.Ledger;
using Xunit.Abstractions;

namespace ContentSync.Tests.Budget;

/// <summary>Several real processes that lease their parts of one budget from Table storage.</summary>
[Collection(AzuriteTests.Name)]
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class ProcessesShareBudgetTests(AzuriteStorage azurite, ITestOutputHelper output)
{
    private const double PerSecond = 40;

    /// <summary>The clocks of two requests that leave together may be read this far apart on a busy machine.</summary>
    private static readonly TimeSpan MaxDeviation = TimeSpan.FromMilliseconds(50);

    private static readonly TimeSpan MaxStartTime = TimeSpan.FromSeconds(15);

    /// <summary>One request more than the budget: a process may lose the processor between its last check and the socket.</summary>
    [SkippableFact]
    public async Task Never_exceed_it_while_some_start_stop_and_are_killed()
    {
        var setup = await SetupAsync();
        var left = new ConcurrentBag<long>();
        var running = new List<Sender>();
        var watch = Stopwatch.StartNew();
        try
        {
            for (var i = 0; i < 3; i++) running.Add(Sender.Start(setup, left));
            Assert.True(SpinWait.SpinUntil(() => left.Count > PerSecond, MaxStartTime), $"{left.Count} requests left in {MaxStartTime}.");
            await Task.Delay(TimeSpan.FromSeconds(4));
            running.Add(Sender.Start(setup, left));
            await Task.Delay(TimeSpan.FromSeconds(6));
            running[0].Kill();
            running.Add(Sender.Start(setup, left));
            await Task.Delay(TimeSpan.FromSeconds(2));
            await running[1].StopAsync();
            await Task.Delay(TimeSpan.FromSeconds(6));
        }
        finally
        {
            foreach (var sender in running) sender.Dispose();
        }

        var (fullest, total) = (Fullest([.. left.Order()]), left.Count);
        output.WriteLine($"{total} requests in {watch.Elapsed.TotalSeconds:0} s, {fullest} at most in one second");
        Assert.InRange(fullest, PerSecond / 2, PerSecond + 1);
        Assert.True(total > 6 * PerSecond, $"Only {total} requests left.");
    }

    private async Task<BudgetSenderSetup> SetupAsync()
    {
        var table = azurite.Table();
        await new TableSendStateStore(table, TimeProvider.System).CreateIfNotExistsAsync(default);
        var (tables, account, key) = azurite.Shared();
        return new BudgetSenderSetup(tables, account, key, table.Name, PerSecond);
    }

    private static int Fullest(long[] left)
    {
        var window = (BudgetRule.Window(PerSecond) - MaxDeviation).TotalSeconds * Stopwatch.Frequency;
        var (fullest, first) = (0, 0);
        for (var last = 0; last < left.Length; last++)
        {
            while (left[last] - left[first] >= window) first++;
            fullest = Math.Max(fullest, last - first + 1);
        }

        return fullest;
    }

    private sealed class Sender : IDisposable
    {
        private readonly Process _process;

        private Sender(Process process) => _process = process;

        public static Sender Start(BudgetSenderSetup setup, ConcurrentBag<long> left)
        {
            var process = Process.Start(new ProcessStartInfo(
                "dotnet", [Path.Combine(AppContext.BaseDirectory, "ContentSync.Simulation.dll"), BudgetSender.Command])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            })!;
            process.OutputDataReceived += (_, line) =>
            {
                if (long.TryParse(line.Data, NumberStyles.None, CultureInfo.InvariantCulture, out var leftAt)) left.Add(leftAt);
            };
            process.BeginOutputReadLine();
            process.StandardInput.WriteLine(JsonSerializer.Serialize(setup));
            process.StandardInput.Flush();
            return new Sender(process);
        }

        /// <summary>Ends the process at once; its lease expires.</summary>
        public void Kill() => _process.Kill(entireProcessTree: true);

        /// <summary>Lets the process give its lease back.</summary>
        public async Task StopAsync()
        {
            _process.StandardInput.Close();
            using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(10));
            await _process.WaitForExitAsync(timeout.Token);
            Assert.Equal(0, _process.ExitCode);
        }

        public void Dispose()
        {
            if (!_process.HasExited) Kill();
            _process.WaitForExit();
            _process.Dispose();
        }
    }
}
