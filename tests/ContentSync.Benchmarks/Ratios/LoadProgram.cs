using System.Buffers.Text;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace ContentSync.Benchmarks.Ratios;

/// <summary>
/// Load from a process of its own, so that the server's process has the server to itself: prepared requests over plain sockets on
/// loopback, one at a time on each connection, since an HTTP client would take more CPU than the server it is to load.
/// </summary>
internal static class LoadProgram
{
    private const int MostConnections = 512;
    private const int MostRequests = 200_000;

    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    /// <summary>Starts the process, lets it carry out one load, and answers what it measured.</summary>
    public static async Task<LoadResult> MeasureAsync(Load load)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["load"]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        await process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(load)).ConfigureAwait(false);
        var line = await process.StandardOutput.ReadLineAsync().ConfigureAwait(false);
        await process.WaitForExitAsync().ConfigureAwait(false);
        return JsonSerializer.Deserialize<LoadResult>(line ?? throw new InvalidOperationException("The load program failed."))!;
    }

    /// <summary>Reads one <see cref="Load"/> line, carries it out, and writes one <see cref="LoadResult"/> line.</summary>
    public static async Task<int> RunAsync(TextReader input, TextWriter output)
    {
        var load = JsonSerializer.Deserialize<Load>((await input.ReadLineAsync().ConfigureAwait(false))!)!;
        if (!load.Address.IsLoopback) throw new InvalidOperationException("Load is sent to this machine only.");
        using var time = new CancellationTokenSource(Longest);
        var result = load.BatchItems > 0 ? await BatchAsync(load, time.Token).ConfigureAwait(false) : await SingleAsync(load, time.Token).ConfigureAwait(false);
        await output.WriteLineAsync(JsonSerializer.Serialize(result)).ConfigureAwait(false);
        return 0;
    }

    // Timed from when every connection is open and has been answered once.
    private static async Task<LoadResult> SingleAsync(Load load, CancellationToken cancellationToken)
    {
        var connections = new Connection[Math.Min(load.Connections, MostConnections)];
        try
        {
            for (var i = 0; i < connections.Length; i++) connections[i] = await Connection.OpenAsync(load, cancellationToken).ConfigureAwait(false);
            var next = load.FirstId;
            foreach (var connection in connections) await connection.SubmitAsync(next++, cancellationToken).ConfigureAwait(false);
            var first = next;
            var end = first + MostRequests;
            var began = Stopwatch.GetTimestamp();
            await Task.WhenAll(connections.Select(async connection =>
            {
                while (Stopwatch.GetElapsedTime(began).TotalSeconds < load.Seconds && Interlocked.Increment(ref next) is var id && id <= end)
                    await connection.SubmitAsync(id - 1, cancellationToken).ConfigureAwait(false);
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
        using var answer = await http.PostAsync(load.Address, body, cancellationToken).ConfigureAwait(false);
        var said = await answer.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
        var elapsed = Stopwatch.GetElapsedTime(began).TotalSeconds;
        using var json = JsonDocument.Parse(said);
        return new LoadResult(json.RootElement.GetProperty("counts").GetProperty("accepted").GetInt32(), elapsed);
    }

    private sealed class Connection : IDisposable
    {
        private const string Placeholder = "SKU-00000000";

        private readonly Socket _socket;
        private readonly byte[] _request;
        private readonly int _id;
        private readonly byte[] _answer = new byte[8192];

        private Connection(Socket socket, Load load)
        {
            _socket = socket;
            var body = Encoding.UTF8.GetString(SampleItems.Text(0));
            _request = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture,
                $"POST {load.Address.AbsolutePath} HTTP/1.1\r\nHost: {load.Address.Authority}\r\nContent-Type: application/json\r\nPrefer: respond-async\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}"));
            _id = _request.AsSpan().IndexOf(Encoding.ASCII.GetBytes(Placeholder)) + Placeholder.Length - 8;
        }

        public static async Task<Connection> OpenAsync(Load load, CancellationToken cancellationToken)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(IPAddress.Loopback, load.Address.Port, cancellationToken).ConfigureAwait(false);
            return new Connection(socket, load);
        }

        /// <summary>One request and its answer, which must be 202.</summary>
        public async ValueTask SubmitAsync(int id, CancellationToken cancellationToken)
        {
            id.TryFormat(_request.AsSpan(_id, 8), out _, "d8", CultureInfo.InvariantCulture);
            await _socket.SendAsync(_request, cancellationToken).ConfigureAwait(false);
            var length = 0;
            while (!IsWhole(_answer.AsSpan(0, length)))
            {
                var read = await _socket.ReceiveAsync(_answer.AsMemory(length), cancellationToken).ConfigureAwait(false);
                if (read == 0) throw new InvalidOperationException("The server closed a connection.");
                length += read;
            }

            if (!_answer.AsSpan(0, length).StartsWith("HTTP/1.1 202"u8)) throw new InvalidOperationException(Encoding.UTF8.GetString(_answer, 0, length));
        }

        public void Dispose() => _socket.Dispose();

        private static bool IsWhole(ReadOnlySpan<byte> answer)
        {
            var end = answer.IndexOf("\r\n\r\n"u8);
            if (end < 0) return false;
            var head = answer[..(end + 2)];
            var lengthAt = head.IndexOf("Content-Length: "u8);
            if (lengthAt < 0) return answer.EndsWith("\r\n0\r\n\r\n"u8);
            return Utf8Parser.TryParse(head[(lengthAt + 16)..], out int length, out _) && answer.Length >= end + 4 + length;
        }
    }
}

/// <param name="Address">Where requests go.</param>
/// <param name="FirstId">The contents are numbered from here, so that none is sent twice in one run.</param>
/// <param name="Connections">For single items: requests in flight.</param>
/// <param name="Seconds">For single items: how long.</param>
/// <param name="BatchItems">Items of one batch; 0 for single items.</param>
internal sealed record Load(Uri Address, int FirstId, int Connections, double Seconds, int BatchItems);

/// <summary>Items that were accepted, or requests that were answered, and in which time.</summary>
internal sealed record LoadResult(int Count, double Seconds)
{
    public double PerSecond => Count / Seconds;
}
