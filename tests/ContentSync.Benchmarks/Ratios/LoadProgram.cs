using System.Buffers.Text;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace ContentSync.Benchmarks.Ratios;

/// <summary>
/// Load from a process of its own, so that nothing else runs in the server's process: prepared requests over plain sockets on loopback,
/// one at a time on each connection, because an HTTP client would use more CPU than the server it loads.
/// </summary>
internal static class LoadProgram
{
    private const int MaxConnections = 512;
    private const int MaxRequests = 200_000;

    private static readonly TimeSpan MaxDuration = TimeSpan.FromSeconds(30);

    /// <summary>Starts the process, runs one load in it, and returns the measured result.</summary>
    public static async Task<LoadResult> MeasureAsync(Load load)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["load"]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        await process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(load)).ConfigureAwait(false);
        var line = await process.StandardOutput.ReadLineAsync().ConfigureAwait(false);
        await process.WaitForExitAsync().ConfigureAwait(false);
        return JsonSerializer.Deserialize<LoadResult>(line ?? throw new InvalidOperationException("The load program failed."))!;
    }

    /// <summary>Reads one <see cref="Load"/> line, runs the load, and writes one <see cref="LoadResult"/> line.</summary>
    public static async Task<int> RunAsync(TextReader input, TextWriter output)
    {
        var load = JsonSerializer.Deserialize<Load>((await input.ReadLineAsync().ConfigureAwait(false))!)!;
        if (!load.Address.IsLoopback) throw new InvalidOperationException("Load is sent to this machine only.");
        using var timeout = new CancellationTokenSource(MaxDuration);
        var result = load.BatchItems > 0
            ? await BatchAsync(load, timeout.Token).ConfigureAwait(false)
            : await SingleAsync(load, timeout.Token).ConfigureAwait(false);
        await output.WriteLineAsync(JsonSerializer.Serialize(result)).ConfigureAwait(false);
        return 0;
    }

    // Timed from when every connection is open and has received one response.
    private static async Task<LoadResult> SingleAsync(Load load, CancellationToken cancellationToken)
    {
        var connections = new Connection[Math.Min(load.Connections, MaxConnections)];
        try
        {
            for (var i = 0; i < connections.Length; i++)
                connections[i] = await Connection.OpenAsync(load, cancellationToken).ConfigureAwait(false);
            var next = load.FirstId;
            foreach (var connection in connections) await connection.SubmitAsync(next++, cancellationToken).ConfigureAwait(false);
            var first = next;
            var end = first + MaxRequests;
            var began = Stopwatch.GetTimestamp();
            await Task.WhenAll(connections.Select(async connection =>
            {
                while (Stopwatch.GetElapsedTime(began).TotalSeconds < load.Seconds
                    && Interlocked.Increment(ref next) is var id
                    && id <= end)
                {
                    await connection.SubmitAsync(id - 1, cancellationToken).ConfigureAwait(false);
                }
            })).ConfigureAwait(false);
            return new LoadResult(Math.Min(next, end) - first, Stopwatch.GetElapsedTime(began).TotalSeconds);
        }
        finally
        {
            foreach (var connection in connections) connection?.Dispose();
        }
    }

    private static async Task<LoadResult> BatchAsync(Load load, CancellationToken cancellationToken)
    {
        using var text = new MemoryStream();
        for (var i = 0; i < load.BatchItems; i++)
        {
            text.Write(SampleItems.Text(load.FirstId + i));
            text.WriteByte((byte)'\n');
        }

        using var http = new HttpClient();
        using var body = new ByteArrayContent(text.ToArray());
        body.Headers.TryAddWithoutValidation("Content-Type", "application/x-ndjson");
        var began = Stopwatch.GetTimestamp();
        using var response = await http.PostAsync(load.Address, body, cancellationToken).ConfigureAwait(false);
        var responseBody = await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
        var elapsed = Stopwatch.GetElapsedTime(began).TotalSeconds;
        using var json = JsonDocument.Parse(responseBody);
        return new LoadResult(json.RootElement.GetProperty("counts").GetProperty("accepted").GetInt32(), elapsed);
    }

    private sealed class Connection : IDisposable
    {
        private const string Placeholder = "SKU-00000000";

        private readonly Socket _socket;
        private readonly byte[] _request;
        private readonly int _id;
        private readonly byte[] _response = new byte[8192];

        private Connection(Socket socket, Load load)
        {
            _socket = socket;
            var body = Encoding.UTF8.GetString(SampleItems.Text(0));
            _request = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture,
                $"POST {load.Address.AbsolutePath} HTTP/1.1\r\nHost: {load.Address.Authority}\r\nContent-Type: application/json\r\n"
                + $"Prefer: respond-async\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}"));
            _id = _request.AsSpan().IndexOf(Encoding.ASCII.GetBytes(Placeholder)) + Placeholder.Length - 8;
        }

        public static async Task<Connection> OpenAsync(Load load, CancellationToken cancellationToken)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(IPAddress.Loopback, load.Address.Port, cancellationToken).ConfigureAwait(false);
            return new Connection(socket, load);
        }

        /// <summary>Sends one request and receives its response, which must be 202.</summary>
        public async ValueTask SubmitAsync(int id, CancellationToken cancellationToken)
        {
            id.TryFormat(_request.AsSpan(_id, 8), out _, "d8", CultureInfo.InvariantCulture);
            await _socket.SendAsync(_request, cancellationToken).ConfigureAwait(false);
            var length = 0;
            while (!IsWhole(_response.AsSpan(0, length)))
            {
                var read = await _socket.ReceiveAsync(_response.AsMemory(length), cancellationToken).ConfigureAwait(false);
                if (read == 0) throw new InvalidOperationException("The server closed a connection.");
                length += read;
            }

            if (!_response.AsSpan(0, length).StartsWith("HTTP/1.1 202"u8))
                throw new InvalidOperationException(Encoding.UTF8.GetString(_response, 0, length));
        }

        public void Dispose() => _socket.Dispose();

        private static bool IsWhole(ReadOnlySpan<byte> response)
        {
            var end = response.IndexOf("\r\n\r\n"u8);
            if (end < 0) return false;
            var head = response[..(end + 2)];
            var lengthAt = head.IndexOf("Content-Length: "u8);
            if (lengthAt < 0) return response.EndsWith("\r\n0\r\n\r\n"u8);
            return Utf8Parser.TryParse(head[(lengthAt + 16)..], out int length, out _) && response.Length >= end + 4 + length;
        }
    }
}

/// <param name="Address">The endpoint.</param>
/// <param name="FirstId">Number of the first item, so that no item is sent twice in one run.</param>
/// <param name="Connections">For single items: requests in flight.</param>
/// <param name="Seconds">For single items: duration.</param>
/// <param name="BatchItems">Items in one batch; 0 for single items.</param>
internal sealed record Load(Uri Address, int FirstId, int Connections, double Seconds, int BatchItems);

/// <summary>Number of accepted items, or of requests that received a response, and the time that took.</summary>
internal sealed record LoadResult(int Count, double Seconds)
{
    public double PerSecond => Count / Seconds;
}
