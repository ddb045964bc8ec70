namespace ContentSync.Tests;

/// <summary>
/// The trait that keeps a test out of the fast loop, <c>--filter Category!=Slow</c>. A class has it if its tests start processes,
/// browsers or whole hosts, or wait in real time; a single test has it if it computes for seconds.
/// </summary>
internal static class TestCategory
{
    public const string Name = "Category";
    public const string Slow = "Slow";
}
