using System.Text;
using ContentSync.Resync.Planning;

namespace ContentSync.Tests.Resync.Planning;

/// <summary>What a plan expects of the place where its files are.</summary>
public abstract class PlanFilesContract
{
    private readonly string _plan = $"group-{Guid.NewGuid():n}";

    [SkippableFact]
    public async Task Reads_parts_of_a_file()
    {
        var files = await OpenAsync();
        await files.WriteAsync(_plan, "one", Parts("abc", "", "defg"), default);

        var buffer = new byte[4];
        Assert.Equal(4, await files.ReadAsync(_plan, "one", 2, buffer, default));
        Assert.Equal("cdef", Encoding.UTF8.GetString(buffer));
        Assert.Equal(2, await files.ReadAsync(_plan, "one", 5, buffer, default));
        Assert.Equal(0, await files.ReadAsync(_plan, "one", 7, buffer, default));
        Assert.Equal(7, await files.LengthAsync(_plan, "one", default));
        await Assert.ThrowsAsync<PlanStorageException>(async () => await files.ReadAsync(_plan, "two", 0, buffer, default));
        await Assert.ThrowsAsync<PlanStorageException>(async () => await files.LengthAsync(_plan, "two", default));
    }

    [SkippableFact]
    public async Task Keeps_the_file_that_was_written_first()
    {
        var files = await OpenAsync();
        await files.WriteAsync(_plan, "one", Parts("first"), default);
        await files.WriteAsync(_plan, "one", Parts("second"), default);

        var buffer = new byte[10];
        Assert.Equal(5, await files.ReadAsync(_plan, "one", 0, buffer, default));
    }

    [SkippableFact]
    public async Task A_file_that_was_not_completed_does_not_exist()
    {
        var files = await OpenAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await files.WriteAsync(_plan, "one", Broken(), default));

        Assert.Empty(await files.ListAsync(_plan, default));
        await files.WriteAsync(_plan, "one", Parts("whole"), default);
        Assert.Equal(["one"], await files.ListAsync(_plan, default));
    }

    [SkippableFact]
    public async Task Lists_and_deletes_the_files_of_a_plan()
    {
        var files = await OpenAsync();
        await files.WriteAsync(_plan, "one", Parts("1"), default);
        await files.WriteAsync(_plan, "two", Parts("2"), default);
        await files.WriteAsync(_plan + "x", "three", Parts("3"), default);

        Assert.Equal(["one", "two"], (await files.ListAsync(_plan, default)).Order(StringComparer.Ordinal));
        Assert.Equal([_plan, _plan + "x"], (await files.FindAsync(_plan, default)).Order(StringComparer.Ordinal));
        await files.DeleteAsync(_plan, default);
        await files.DeleteAsync(_plan, default);
        Assert.Empty(await files.ListAsync(_plan, default));
        Assert.Equal([_plan + "x"], await files.FindAsync(_plan, default));
        await files.DeleteAsync(_plan + "x", default);
    }

    [SkippableFact]
    public async Task Writes_a_file_of_many_blocks()
    {
        var files = await OpenAsync();
        var part = new byte[3 * 1024 * 1024];
        await files.WriteAsync(_plan, "large", Repeat(part, 5), default);

        var buffer = new byte[16 * 1024 * 1024];
        Assert.Equal(5 * part.Length, await files.ReadAsync(_plan, "large", 0, buffer, default));
        await files.DeleteAsync(_plan, default);
    }

    internal abstract Task<IPlanFiles> OpenAsync();

    private static async IAsyncEnumerable<ReadOnlyMemory<byte>> Parts(params string[] parts)
    {
        await Task.Yield();
        foreach (var part in parts) yield return Encoding.UTF8.GetBytes(part);
    }

    private static async IAsyncEnumerable<ReadOnlyMemory<byte>> Repeat(byte[] part, int times)
    {
        await Task.Yield();
        for (var i = 0; i < times; i++) yield return part;
    }

    private static async IAsyncEnumerable<ReadOnlyMemory<byte>> Broken()
    {
        await Task.Yield();
        yield return new byte[100];
        throw new InvalidOperationException("The process was killed.");
    }
}
