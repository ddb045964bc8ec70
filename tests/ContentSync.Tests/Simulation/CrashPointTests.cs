using ContentSync.Simulation;

namespace ContentSync.Tests.Simulation;

[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class CrashPointTests
{
    public static TheoryData<string> Paths { get; } = [.. CrashPoints.Paths.Select(path => path.Name)];

    [Theory]
    [MemberData(nameof(Paths))]
    public void Recovers_after_a_crash_at_every_port_call(string name)
    {
        var plan = CrashPoints.Paths.Single(path => path.Name == name).Plan;
        var (crashes, failures) = OnOneThread.Run(keys => CrashPoints.Run(plan, keys));
        Assert.Empty(failures);
        Assert.True(crashes >= 20);
    }
}

/// <summary>Runs a simulation on its own thread, without the synchronization context of the test runner.</summary>
internal static class OnOneThread
{
    public static T Run<T>(Func<SimulatedKeys, T> simulate)
    {
        var result = default(T);
        Exception? fault = null;
        using var keys = new SimulatedKeys();
        var thread = new Thread(
            () =>
            {
                try
                {
                    result = simulate(keys);
                }
                catch (Exception e)
                {
                    fault = e;
                }
            },
            maxStackSize: 16 * 1024 * 1024);
        thread.Start();
        thread.Join();
        Assert.Null(fault);
        return result!;
    }
}
