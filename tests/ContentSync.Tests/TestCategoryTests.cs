using System.Runtime.CompilerServices;

namespace ContentSync.Tests;

/// <summary>The fast loop stays fast: what takes seconds by its nature has the trait of slow tests.</summary>
public sealed class TestCategoryTests
{
    private const string Trait = "[Trait(TestCategory.Name, TestCategory.Slow)]";

    private static readonly string[] SlowByNature =
    [
        "Process.Start(", "LocalPipeline.OpenAsync(", "RunningHost.StartAsync(", "WorkerSetup.", "IClassFixture<Chromium>", "[Collection(AzuriteTests.Name)]",
        "[Collection(InfrastructureTests.Name)]", "[Collection(nameof(ServiceBusWorld))]", ": BrokerTest", "SeedRunner.",
    ];

    /// <summary>They start a process that ends within milliseconds: openssl, cat, mount.</summary>
    private static readonly string[] Exempt = ["RsaRequestSignerTests.cs", "GatewayStateTests.cs", "PlanStepsTests.cs"];

    [Fact]
    public void Tests_that_start_processes_or_hosts_are_marked_as_slow()
    {
        var files = Directory.EnumerateFiles(Folder(), "*Tests.cs", SearchOption.AllDirectories)
            .Where(file => !Exempt.Contains(Path.GetFileName(file)) && Path.GetFileName(file) != "TestCategoryTests.cs")
            .Select(file => (Path: file, Text: File.ReadAllText(file)))
            .Where(file => SlowByNature.Any(mark => file.Text.Contains(mark, StringComparison.Ordinal)))
            .ToArray();

        Assert.NotEmpty(files);
        var unmarked = files.Where(file => !file.Text.Contains(Trait, StringComparison.Ordinal));
        Assert.Empty(unmarked.Select(file => Path.GetRelativePath(Folder(), file.Path)));
    }

    private static string Folder([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
