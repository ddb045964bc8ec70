namespace ContentSync.Tests.Infra;

/// <summary>A test that needs the Bicep compiler; skipped with a reason if its package is missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class BicepFactAttribute : FactAttribute
{
    public BicepFactAttribute() => Skip = BicepCompiler.SkipReason;
}

/// <summary>As <see cref="BicepFactAttribute"/>, with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class BicepTheoryAttribute : TheoryAttribute
{
    public BicepTheoryAttribute() => Skip = BicepCompiler.SkipReason;
}
