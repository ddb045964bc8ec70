namespace ContentSync.Resync.Planning;

/// <summary>Part of a plan's file as a stream to read, with one buffer in memory.</summary>
internal sealed class PlanFileStream(IPlanFiles files, string plan, string name, long start, long length, int bufferSize) : Stream
{
    private readonly byte[] _buffer = new byte[bufferSize];
    private long _position;

    // What the buffer holds, relative to the start of the part.
    private long _bufferStart;
    private int _bufferLength;

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => length;

    public override long Position { get => _position; set => _position = value; }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_position >= length || buffer.IsEmpty) return 0;
        if (_position < _bufferStart || _position >= _bufferStart + _bufferLength)
        {
            var wanted = (int)Math.Min(_buffer.Length, length - _position);
            var part = _buffer.AsMemory(0, wanted);
            _bufferLength = await files.ReadAsync(plan, name, start + _position, part, cancellationToken).ConfigureAwait(false);
            _bufferStart = _position;
            if (_bufferLength < wanted) throw new PlanStorageException($"The file {name} of the plan is truncated.");
        }

        var at = (int)(_position - _bufferStart);
        var read = Math.Min(buffer.Length, _bufferLength - at);
        _buffer.AsMemory(at, read).CopyTo(buffer);
        _position += read;
        return read;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override long Seek(long offset, SeekOrigin origin) => _position = origin switch
    {
        SeekOrigin.Begin => offset,
        SeekOrigin.Current => _position + offset,
        _ => length + offset,
    };

    public override int Read(byte[] buffer, int offset, int count) =>
        throw new NotSupportedException("The file may be remote, so it is only read asynchronously.");

    public override void Flush() => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
